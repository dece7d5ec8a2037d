# data/recipes/registry_xcd.py - menu, toolbar and tooltip texts from a LibreOffice registry (.xcd, XML).

import xml.etree.ElementTree as ElementTree
from typing import Iterator, Tuple

from .errors import BadData

OOR = "{http://openoffice.org/2001/registry}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def texts(data: bytes, name: str) -> Iterator[Tuple[str, str]]:
    """(component, text) in file order. Lists in one value (oor:separator) are settings, not text."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise BadData(f"{name}: declares a document type, which a registry never does; the file is not trusted")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as fault:
        raise BadData(f"{name}: not XML: {fault}; fetch the package again") from fault
    for component in root.iter(OOR + "component-data"):
        for value in component.iter("value"):
            if LANGUAGE in value.attrib and OOR + "separator" not in value.attrib and value.text:
                yield component.get(OOR + "name", ""), value.text
