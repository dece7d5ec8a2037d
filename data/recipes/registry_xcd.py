# data/recipes/registry_xcd.py - menu, toolbar and tooltip texts from a LibreOffice registry (.xcd, XML).

from typing import Iterator, Tuple

from . import safe_xml

OOR = "{http://openoffice.org/2001/registry}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def texts(data: bytes, name: str) -> Iterator[Tuple[str, str]]:
    """(component, text) in file order. Lists in one value (oor:separator) are settings, not text."""
    for component in safe_xml.parse(data, name).iter(OOR + "component-data"):
        for value in component.iter("value"):
            if LANGUAGE in value.attrib and OOR + "separator" not in value.attrib and value.text:
                yield component.get(OOR + "name", ""), value.text
