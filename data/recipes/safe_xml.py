# data/recipes/safe_xml.py - XML from a file that is not trusted: no document types, no entities of its own.

import xml.etree.ElementTree as ElementTree

from .errors import BadData


def parse(data: bytes, name: str) -> ElementTree.Element:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise BadData(f"{name}: declares a document type, which such a file never does; the file is not trusted")
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as fault:
        raise BadData(f"{name}: not XML: {fault}; fetch it again") from fault
