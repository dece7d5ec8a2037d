# data/recipes/plain_text.py - a document as the input form has it: normal form C, line ends, no controls.

import re
import unicodedata

LINE_END = re.compile("\r\n?|\u2028|\u2029|\x85")
# Controls but for tab and line end, byte order marks, and what is no character.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
BLANK_AT_END = re.compile("[ \t]+(?=\n)")


def plain(text: str) -> str:
    text = CONTROL.sub("", LINE_END.sub("\n", text))
    return unicodedata.normalize("NFC", BLANK_AT_END.sub("", text)).strip()


def is_unicode(text: str) -> bool:
    """False where half a surrogate pair is left over: there are no bytes for it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
