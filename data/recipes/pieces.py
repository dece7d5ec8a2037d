# data/recipes/pieces.py - files to make, made side by side: finished ones are skipped, one bad one stops no other.

import argparse
import concurrent.futures
import hashlib
import time
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

from . import tags
from .command import COMPRESSIONS, recipe_digest, tags_of, tell
from .document_file import DocumentFile, Record
from .errors import DONE, BadData, RecipeError
from .ledger import About, Ledger, is_finished
from .plain_text import is_unicode, plain

# A file of which more is broken is not what it says it is.
MAX_SKIPPED = 0.01
TELL_SECONDS = 30


class Skipped(NamedTuple):
    """A record that cannot be read."""
    reason: str


Read = Callable[[], Iterator[Union[Record, Skipped]]]


class Piece(NamedTuple):
    """One file to make."""
    tag: str
    stem: str                # its path in the output folder without .jsonl
    source: str              # what it is made from, for people
    size: int                # bytes of that
    facts: Tuple[str, ...]   # equal facts, equal content
    read: Read               # a function or a functools.partial, so that it can go to another process


class Done(NamedTuple):
    """What came of a task."""
    made: Dict[str, dict]  # new entries for sources.json, by file
    dropped: List[str]     # files that are no longer wanted
    lines: List[str]       # to print


class Task(NamedTuple):
    """Pieces that are made one after the other, because a limit on the language goes over all of them."""
    tag: str
    pieces: List[Piece]
    max_bytes: Optional[int]
    suffix: str


def make(pieces: List[Piece], about: About, options: argparse.Namespace) -> int:
    """Does what the options say with a download's pieces; returns the exit code."""
    by_tag: Dict[str, List[Piece]] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.tag, piece.stem)):
        by_tag.setdefault(piece.tag, []).append(piece)
    if options.list:
        print_list(by_tag)
        return DONE
    wanted = list(by_tag) if options.all else tags.chosen(tags_of(options), list(by_tag))
    return make_all([task for tag in wanted for task in tasks_of(tag, by_tag[tag], options)], about, options)


def print_list(by_tag: Dict[str, List[Piece]]) -> None:
    tell(f"{'tag':12} {'name':28} {'files':>6} {'MB':>10}")
    for tag, pieces in by_tag.items():
        tell(f"{tag:12} {tags.name_of(tag):28} {len(pieces):6d} {sum(p.size for p in pieces) / 1e6:10.2f}")
    tell(f"{len(by_tag)} languages")


def tasks_of(tag: str, pieces: List[Piece], options: argparse.Namespace) -> List[Task]:
    suffix = ".jsonl" + COMPRESSIONS[options.compress]
    if options.max_mb is None:
        return [Task(tag, [piece], None, suffix) for piece in pieces]
    return [Task(tag, pieces, int(options.max_mb * 1e6), suffix)]


def make_all(tasks: List[Task], about: About, options: argparse.Namespace) -> int:
    """Makes what is not finished; a fault in one task does not stop the others. Returns the first fault's code."""
    ledger = Ledger(options.out, about)
    ledger.write()
    digest = recipe_digest()
    with concurrent.futures.ProcessPoolExecutor(max(1, min(options.jobs, len(tasks)))) as pool:
        jobs = [pool.submit(run_task, task, options.out, known(task, ledger), digest) for task in tasks]
        try:
            faults = collect(jobs, ledger)
        except BaseException:
            # The machine's fault, or an interrupt: the others would meet it too.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return faults[0].code if faults else DONE


def known(task: Task, ledger: Ledger) -> Dict[str, dict]:
    """What the folder has of the task, in any compression."""
    names = [piece.stem + ".jsonl" + suffix for piece in task.pieces for suffix in COMPRESSIONS.values()]
    return {name: ledger.files[name] for name in names if name in ledger.files}


def collect(jobs: List[concurrent.futures.Future], ledger: Ledger) -> List[RecipeError]:
    """Records each task as it is done; returns the faults of those that failed."""
    faults = []
    for number, future in enumerate(concurrent.futures.as_completed(jobs), start=1):
        try:
            done = future.result()
        except RecipeError as fault:
            faults.append(fault)
            tell(f"failed ({number} of {len(jobs)}): {fault}")
            continue
        for name in done.dropped:
            ledger.drop(name)
        ledger.files.update(done.made)
        if done.made or done.dropped:
            ledger.write()
        for line in done.lines:
            tell(f"{line}  ({number} of {len(jobs)})")
    return faults


def run_task(task: Task, out: Path, entries: Dict[str, dict], digest: str) -> Done:
    done = Done({}, [], [])
    left, full = task.max_bytes, False
    for piece in task.pieces:
        name = piece.stem + task.suffix
        # The same piece compressed in another way would be read twice.
        done.dropped.extend(other for other in entries if other != name and other.startswith(piece.stem + ".jsonl"))
        if full:
            done.dropped.extend([name] if name in entries else [])
            continue
        made_from = fingerprint([digest, str(left), *piece.facts])
        entry = entries.get(name)
        if is_finished(out / name, entry, made_from):
            done.lines.append(f"{task.tag:12} {name} is finished")
        else:
            started = time.monotonic()
            entry = {**make_piece(piece, out / name, left), "made_from": made_from, "tag": piece.tag,
                     "source": piece.source}
            if entry["documents"] > 0:
                done.made[name] = entry
            elif name in entries:
                done.dropped.append(name)
            done.lines.append(report(task.tag, name, entry, time.monotonic() - started))
        full = entry["full"]
        left = None if left is None else left - entry["bytes_of_text"]
    return done


def fingerprint(facts: List[str]) -> str:
    """Equal for runs that would write the same file. A file's name may be no UTF-8."""
    return hashlib.sha256("\n".join(facts).encode("utf-8", "backslashreplace")).hexdigest()


def make_piece(piece: Piece, path: Path, max_bytes: Optional[int]) -> Dict[str, object]:
    """Writes one file, or none where there is no text; returns its entry for sources.json."""
    file = DocumentFile(path)
    try:
        skipped: Counter = Counter()
        full = fill(file, counted(piece.read(), skipped, piece), max_bytes)
        total = sum(skipped.values())
        if total > MAX_SKIPPED * (total + file.documents):
            reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common())
            raise BadData(f"{piece.source}: {total} of {total + file.documents} records cannot be read: {reasons}; "
                          "is it the file it should be, and whole?")
        entry = {"bytes_of_text": 0, "documents": 0}
        if file.documents > 0:
            entry = file.finish()
        else:
            file.abandon()
        return {**entry, "full": full, "skipped": dict(skipped)}
    except BaseException:
        file.abandon()
        raise


def counted(found: Iterable[Union[Record, Skipped]], skipped: Counter, piece: Piece) -> Iterator[Record]:
    """Records that can be written, cleaned; the others are counted. Says now and then that it is alive."""
    told, num_bytes = time.monotonic(), 0
    for one in found:
        if isinstance(one, Skipped):
            skipped[one.reason] += 1
        elif not is_unicode(one.text + one.id + one.source):
            skipped["not Unicode"] += 1
        else:
            yield one._replace(text=plain(one.text))
            num_bytes += len(one.text)
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            tell(f"{piece.tag:12} {piece.source}: {num_bytes / 1e6:.0f} million characters so far")


def fill(file: DocumentFile, records: Iterator[Record], max_bytes: Optional[int]) -> bool:
    """Stops before the document that would pass the limit; was that so?"""
    for one in records:
        size = len(one.text.encode("utf-8"))
        if max_bytes is not None and file.bytes_of_text + size > max_bytes:
            return True
        if size > 0:
            file.add(one, size)
    return False


def report(tag: str, name: str, entry: Dict[str, object], seconds: float) -> str:
    skipped = ", ".join(f"{count} {reason}" for reason, count in entry["skipped"].items())
    return (f"{tag:12} {entry['bytes_of_text'] / 1e6:8.2f} MB {entry['documents']:8d} documents {seconds:6.1f} s  "
            + name + (f", skipped: {skipped}" if skipped else ""))
