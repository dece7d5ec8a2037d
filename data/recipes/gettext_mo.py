# data/recipes/gettext_mo.py - reads a compiled gettext catalogue, every length checked before it is used.
#
# Layout: magic, revision, count N, offset of N (length, offset) pairs for the ids, the same for the
# translations. An id is `context \x04 id`; plural forms are joined by \x00.

import struct
from typing import List, NamedTuple, Tuple

from .errors import BadData

MAGIC = 0x950412DE
HEADER_BYTES = 20
PAIR_BYTES = 8


class Message(NamedTuple):
    context: str
    ids: Tuple[str, ...]           # singular, plural
    translations: Tuple[str, ...]  # one a plural form


def read(data: bytes, name: str) -> Tuple[List[Message], int]:
    """The messages in file order without the header entry, and how many were not UTF-8."""
    order, count, ids_at, translations_at = header(data, name)
    messages, broken = [], 0
    for index in range(count):
        raw_id = entry(data, order, ids_at, index, name)
        raw_translation = entry(data, order, translations_at, index, name)
        try:
            message = decode(raw_id, raw_translation)
        except UnicodeDecodeError:
            broken += 1
            continue
        if message.ids[0]:
            messages.append(message)
    return messages, broken


def header(data: bytes, name: str) -> Tuple[str, int, int, int]:
    if len(data) < HEADER_BYTES:
        raise BadData(f"{name}: {len(data)} bytes, a .mo file has at least {HEADER_BYTES}; fetch the package again")
    order = "<" if struct.unpack_from("<I", data)[0] == MAGIC else ">"
    magic, revision, count, ids_at, translations_at = struct.unpack_from(order + "5I", data)
    if magic != MAGIC:
        raise BadData(f"{name}: starts with {data[:4].hex()}, not with the magic number of a .mo file")
    if revision >> 16 > 1:
        raise BadData(f"{name}: .mo revision {revision >> 16}, revisions 0 and 1 can be read")
    for table in (ids_at, translations_at):
        if table + count * PAIR_BYTES > len(data):
            raise BadData(f"{name}: a table of {count} entries at {table} passes the end at {len(data)}; the file is cut")
    return order, count, ids_at, translations_at


def entry(data: bytes, order: str, table: int, index: int, name: str) -> bytes:
    length, offset = struct.unpack_from(order + "2I", data, table + index * PAIR_BYTES)
    if offset + length > len(data):
        raise BadData(f"{name}: entry {index} is {length} bytes at {offset}, the file ends at {len(data)}")
    return data[offset : offset + length]


def decode(raw_id: bytes, raw_translation: bytes) -> Message:
    context, separator, ids = raw_id.decode("utf-8").rpartition("\x04")
    return Message(context if separator else "", tuple(ids.split("\x00")),
                   tuple(raw_translation.decode("utf-8").split("\x00")))
