# data/recipes/help_pages.py - the paragraphs of one LibreOffice help page (HTML), navigation and code left out.

import html
import re
from typing import Dict, List, Set

BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "ul", "td", "th", "tr", "table", "div", "br"}
SKIPPED_TAGS = {"pre", "script", "style", "nav", "header", "footer", "aside", "button", "label", "noscript"}
IGNORED_TAGS = {"a", "img", "meta", "sup", "sub", "input", "tbody", "thead", "em", "b", "i", "code"}
SKIPPED_CLASSES = {"code", "codeintable", "smathcode", "bascode", "pycode", "sqlcode", "relatedtopics", "debug"}
# The page proper lies between these marks; around it are menus, an index and a footer.
CONTENT_BEGINS, CONTENT_ENDS = '<div id="DisplayArea"', '<div id="SearchFrame"'


# The pages are written by one program, so a tag is a tag: this is five times as fast as html.parser, which matters
# for 2,500 pages a language. A `<` that opens no tag is text.
TOKEN = re.compile(r'<!--.*?-->|<(/?)([a-z][a-z0-9]*)\b([^<>"]*(?:"[^"]*"[^<>"]*)*)>', re.DOTALL)
ATTRIBUTE = re.compile(r'\b(class|id)="([^"]*)"')


def paragraphs(page: str) -> List[str]:
    """Raw paragraphs in page order; whitespace is left to the cleaner."""
    begin = page.find(CONTENT_BEGINS)
    if begin < 0:
        return []
    end = page.find(CONTENT_ENDS, begin)
    return PageReader().read(page[begin : end if end >= 0 else len(page)])


class PageReader:
    """Collects text between block tags. Of the variants of a switch (operating system, module) that stand
    inside a sentence it keeps one, the default; of those that are whole blocks, all but the Mac's."""

    def __init__(self) -> None:
        self.done: List[str] = []
        self.pieces: List[str] = []
        self.skipped_tag = ""   # inside an element that is left out: its tag,
        self.skipped_depth = 0  # and how many of that tag are open
        self.spans: List[Span] = []

    def read(self, content: str) -> List[str]:
        at = 0
        for token in TOKEN.finditer(content):
            self.text(content[at : token.start()])
            at = token.end()
            closing, tag, attributes = token.groups()
            if tag is None or tag in IGNORED_TAGS:
                continue
            if closing:
                self.end_tag(tag)
            else:
                self.start_tag(tag, attributes)
        self.text(content[at:])
        self.end_paragraph()
        return [text for text in self.done if text.strip()]

    def start_tag(self, tag: str, attribute_text: str) -> None:
        if self.skipped_tag:
            self.skipped_depth += tag == self.skipped_tag
            return
        attributes = dict(ATTRIBUTE.findall(attribute_text)) if attribute_text else {}
        classes = set(attributes.get("class", "").split())
        if tag in SKIPPED_TAGS or classes & SKIPPED_CLASSES or (tag == "span" and "MAC" in classes):
            self.skipped_tag, self.skipped_depth = tag, 1
        elif tag in BLOCKS:
            self.end_paragraph()
        elif tag == "span":
            self.open_span(attributes, classes)

    def end_tag(self, tag: str) -> None:
        if self.skipped_tag:
            self.skipped_depth -= tag == self.skipped_tag
            if self.skipped_depth == 0:
                self.skipped_tag = ""
        elif tag in BLOCKS:
            self.end_paragraph()
        elif tag == "span" and self.spans:
            self.close_span(self.spans.pop())

    def text(self, raw: str) -> None:
        if raw and not self.skipped_tag:
            self.pieces.append(html.unescape(raw) if "&" in raw else raw)

    def open_span(self, attributes: Dict[str, str], classes: Set[str]) -> None:
        parent = self.spans[-1] if self.spans else None
        variant = parent is not None and parent.is_switch
        default = variant and attributes.get("id", "").startswith("default")
        self.spans.append(Span("switchinline" in classes, variant, default, len(self.pieces)))

    def close_span(self, span: "Span") -> None:
        if span.is_variant and self.spans:
            self.spans[-1].variants.append((span.is_default, "".join(self.pieces[span.begin :])))
        if span.is_switch and span.variants:
            chosen = next((text for default, text in span.variants if default), span.variants[0][1])
            self.pieces[span.begin :] = [chosen]

    def end_paragraph(self) -> None:
        if self.pieces:
            self.done.append("".join(self.pieces))
            self.pieces = []
            for span in self.spans:
                span.begin = 0


class Span:
    def __init__(self, is_switch: bool, is_variant: bool, is_default: bool, begin: int) -> None:
        self.is_switch = is_switch
        self.is_variant = is_variant
        self.is_default = is_default
        self.begin = begin        # index into the reader's pieces
        self.variants: list = []  # (is default, text) of each child of a switch
