# data/recipes/clean.py - raw interface and help strings to clean lines, and which lines are worth keeping.

import functools
import html
import re
import unicodedata
from typing import Iterable, List

ELLIPSIS = "\u2026"
NAMED = {"%PRODUCTNAME": "LibreOffice", "%MOD1": "Ctrl", "%MOD2": "Alt"}
ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
BREAK = re.compile(r"<br\s*/?>|\\n(?![a-z])", re.IGNORECASE)
TAG = re.compile(r"</?(?:a|b|i|u|p|tt|em|font|span|sup|sub|emph|item|link|ahelp|variable|strong|small|big|h[1-6])"
                 r"(?:\s[^<>]*)?/?>", re.IGNORECASE)
WHOLE_IN_ANGLES = re.compile(r"^[<\u2039\u300a]+([^<>]*)[>\u203a\u300b]+$")
# A key in brackets after the text, as East Asian translations have it: (~F), (_F).
KEY_IN_BRACKETS = re.compile(r"\s*[(\uff08][_~&][^\W_][)\uff09]")
KEY_MARK = re.compile(r"~(?=\w)|(?<!\w)&(?=\w)")
# What a program fills in. %1 is one digit only: "%50" is Turkish for fifty per cent.
PLACEHOLDER = re.compile(
    r"\$\([A-Za-z]\w*\)|\$\{\w+\}|\$[a-z]+\{\$\w+\}|\$[A-Za-z]\w+\$|\$[#1-9]\$|\$[A-Z]{2,}\w*|\$[a-z]{3,}|(?<![A-Z])\$[1-9](?!\d)|%\{\w+\}"
    r"|\{\d+\}|#\w+#|#\?|%[A-Za-z]+%|%(?:[Nn]ame|value|test)\b|%[A-Z][A-Z0-9_]+%?|%[1-9](?!\d)\$?[sd]?|%l?[sdiunx](?![A-Za-z])", re.ASCII)
SPACE = re.compile(r"[ \t\r\n\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
# Controls, soft hyphens, byte order marks and private characters; joiners and zero-width spaces are spelling.
INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\ufeff\ufffc\ufffd\ue000-\uf8ff]")
CODE_TOKEN = re.compile(r"[_/\\@=<>{}\[\]()|;$:#*^]|\w\.\w")
CODE_LINE = re.compile(r"^[A-Za-z_][\w.]*\s?\([^()]*\)[;:]?$|^[A-Za-z_]\w*(?:=| = )[\w.]+\(|^[A-Za-z_]\w*=\S|^\w+@\w+:", re.ASCII)
# Values of a setting: three or more with semicolons between, no space.
LIST = re.compile(r";\S[^;]*;(?:\S|$)")
NO_SPACES_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
NOT_LETTERS = re.compile(r"[\W\d_]+")
# Vowel signs of Indic and other scripts, which `re` counts neither as letters nor as word characters.
VOWEL_SIGNS = re.compile("[%s]" % "".join(
    chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc")))
LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")


def message_lines(raw: str) -> List[str]:
    """Lines of an interface string: keyboard marks, placeholders and markup gone."""
    text = BREAK.sub("\n", raw)
    return [line for line in (interface_line(part) for part in text.split("\n")) if line]


def interface_line(raw: str) -> str:
    text = KEY_IN_BRACKETS.sub("", raw)
    text = TAG.sub("", text)
    text = KEY_MARK.sub("", without_underscore(unescape(text)))
    for name, value in NAMED.items():
        text = text.replace(name, value)
    text = tidy(PLACEHOLDER.sub(ELLIPSIS, text))
    return WHOLE_IN_ANGLES.sub(r"\1", text).strip()


def without_underscore(text: str) -> str:
    """GTK marks a key by one underscore and writes a real one twice; more than one is a name such as a_b_c."""
    single = text.replace("__", "")
    if single.count("_") == 1:
        text = text.replace("__", "\0").replace("_", "").replace("\0", "__")
    return text.replace("__", "_")


def unescape(text: str) -> str:
    """Only entities that end in a semicolon, so that R&D and &Time stay as they are."""
    return ENTITY.sub(lambda match: html.unescape(match.group()), text)


@functools.lru_cache(maxsize=1 << 16)
def tidy(text: str) -> str:
    """One line in normal form C with single spaces."""
    return unicodedata.normalize("NFC", SPACE.sub(" ", INVISIBLE.sub("", text))).strip()


@functools.lru_cache(maxsize=1 << 16)
def is_text(line: str) -> bool:
    """False for what no reader would call text: too short, mostly signs, code."""
    num_letters = len(NOT_LETTERS.sub("", line)) + len(VOWEL_SIGNS.findall(line))
    if num_letters < (2 if NO_SPACES_SCRIPT.search(line) else 3):
        return False
    return 2 * num_letters >= len(line) - line.count(" ") and not is_code(line)


def is_code(line: str) -> bool:
    if line.startswith(("=", "{", "http://", "https://", "com.sun.")) or CODE_LINE.match(line) or LIST.search(line):
        return True
    if " " in line or not line.isascii():
        return False
    token = line.rstrip(".:")
    return bool(CODE_TOKEN.search(token)) or (token.isupper() and len(token) > 1)


def latin_share(lines: Iterable[str]) -> float:
    """Share of letters that are Latin; tells which script a language is written in."""
    latin = others = 0
    for line in lines:
        line_letters = NOT_LETTERS.sub("", line)
        line_latin = len(LATIN.findall(line_letters))
        latin += line_latin
        others += len(line_letters) - line_latin
    return latin / max(1, latin + others)
