# data/recipes/document_file.py - a jsonl file, plain or compressed, that exists whole or not at all.

import gzip
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Dict, NamedTuple

from .errors import MachineError


class Record(NamedTuple):
    """One document."""
    text: str
    id: str
    source: str


class DocumentFile:
    """Writes documents as they come: the memory is that of one document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_of_text = self.documents = self.lines = 0
        self.partial_ = path.with_name(path.name + ".partial")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file_ = self.partial_.open("wb")
        self.zstd_ = start_zstd(self.file_) if path.suffix == ".zst" else None
        self.stream_ = self.file_
        if self.zstd_:
            self.stream_ = self.zstd_.stdin
        elif path.suffix == ".gz":
            # No name and no time inside: the same documents give the same bytes.
            self.stream_ = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=self.file_, mtime=0)

    def add(self, record: Record, size: int) -> None:
        """`size` is that of the text in UTF-8, which the caller knows."""
        self.bytes_of_text += size
        self.documents += 1
        self.lines += record.text.count("\n") + 1
        self.stream_.write(json.dumps(record._asdict(), ensure_ascii=False).encode("utf-8") + b"\n")

    def finish(self) -> Dict[str, object]:
        """Gives the file its name; returns its entry for sources.json."""
        self.close_streams()
        digest, size = sha256_of(self.partial_), self.partial_.stat().st_size
        os.replace(self.partial_, self.path)
        return {"bytes_of_text": self.bytes_of_text, "documents": self.documents, "lines": self.lines,
                "bytes": size, "sha256": digest}

    def close_streams(self) -> None:
        if self.stream_ is not self.file_:
            self.stream_.close()
        if self.zstd_ and self.zstd_.wait() != 0:
            raise MachineError(f"{self.path}: zstd ended with {self.zstd_.returncode}; is the disk full?")
        self.file_.flush()
        os.fsync(self.file_.fileno())
        self.file_.close()

    def abandon(self) -> None:
        """After a fault: nothing stays."""
        if self.zstd_:
            self.zstd_.kill()
            self.zstd_.wait()
        self.file_.close()
        self.partial_.unlink(missing_ok=True)


def start_zstd(to) -> subprocess.Popen:
    try:
        return subprocess.Popen(["zstd", "-q", "-c"], stdin=subprocess.PIPE, stdout=to)
    except FileNotFoundError as fault:
        raise MachineError("zstd is not on this machine\nremedy: install it, or --compress gz") from fault


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
