# tests/data/documents_test.py - claims about what recipes share: clean text, files whole or absent, what is finished.

import argparse
import functools
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import unittest
from contextlib import redirect_stdout
from unittest import mock

import support
from recipes import pieces
from recipes.document_file import DocumentFile, Record
from recipes.errors import BadData, MachineError, UsageError
from recipes.ledger import About
from recipes.plain_text import is_unicode, plain

ABOUT = About("test", "Made for a test", "none", "No terms.")


def documents(texts):
    for number, text in enumerate(texts):
        yield pieces.Skipped("broken") if text is None else Record(text, str(number), "here")


def failing(texts):
    yield from documents(texts)
    raise BadData("x: cut short")


class PlainTextTest(unittest.TestCase):
    def test_lines_end_in_one_way_and_controls_go(self):
        for raw, text in [("a\r\nb\rc\u2028d", "a\nb\nc\nd"), ("Cafe\u0301", "Caf\u00e9"),
                          ("\ufeffa\x00b\x1fc\td", "abc\td"),
                          ("  a  \t\nb \n\n", "a\nb"), ("ম\u200cান", "ম\u200cান"), ("\x07\n", "")]:
            self.assertEqual(plain(raw), text)

    def test_half_a_pair_is_not_unicode(self):
        self.assertFalse(is_unicode("a\ud800"))
        self.assertTrue(is_unicode("a\U0001f600"))


class DocumentFileTest(support.RecipeTest):
    def write(self, name):
        file = DocumentFile(self.out / name)
        file.add(Record("α\nb", "1", "s"), 4)
        return file.finish()

    def test_counts_and_digest_are_of_what_is_there(self):
        line = '{"text": "α\\nb", "id": "1", "source": "s"}\n'.encode()
        for name, unpack in (("el.jsonl", bytes), ("el.jsonl.gz", gzip.decompress)):
            entry = self.write(name)
            data = (self.out / name).read_bytes()
            self.assertEqual(unpack(data), line)
            self.assertEqual(entry, {"bytes_of_text": 4, "documents": 1, "lines": 2, "bytes": len(data),
                                     "sha256": hashlib.sha256(data).hexdigest()})
            with mock.patch("time.time", return_value=1e9):
                self.assertEqual(self.write(name), entry)  # the same bytes at any time

    @unittest.skipUnless(shutil.which("zstd"), "zstd is not on this machine")
    def test_zst_is_read_by_zstd(self):
        self.write("el.jsonl.zst")
        shown = subprocess.run(["zstd", "-dc", self.out / "el.jsonl.zst"], check=True, stdout=subprocess.PIPE).stdout
        self.assertEqual(json.loads(shown)["text"], "α\nb")

    def test_an_abandoned_file_leaves_nothing(self):
        for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst") if shutil.which("zstd") else ("a.jsonl", "a.jsonl.gz"):
            file = DocumentFile(self.out / name)
            file.add(Record("a", "1", "s"), 1)
            file.abandon()
        self.assertEqual(self.files(), [])


class PiecesTest(support.RecipeTest):
    def piece(self, stem, texts, read=documents, tag="el"):
        return pieces.Piece(tag, stem, stem, 1, tuple(map(ascii, texts)), functools.partial(read, texts))

    def go(self, found, **changed):
        options = argparse.Namespace(**{"out": self.out, "languages": None, "all": True, "list": False, "jobs": 2,
                                        "max_mb": None, "compress": "none", **changed})
        said = io.StringIO()
        with redirect_stdout(said):
            code = pieces.make(found, ABOUT, options)
        return code, said.getvalue()

    def test_text_licence_and_sources_are_written(self):
        code, said = self.go([self.piece("el", ["α", " ", "β\r\n"])])
        self.assertEqual(code, 0)
        self.assertEqual(self.files(), ["LICENCE-test.txt", "el.jsonl", "sources.json"])
        self.assertEqual(self.texts("el.jsonl"), ["α", "β"])  # the empty one is left out
        self.assertIn("No terms.", (self.out / "LICENCE-test.txt").read_text())
        entry = self.sources()["files"]["el.jsonl"]
        self.assertEqual((entry["documents"], entry["bytes_of_text"], entry["tag"]), (2, 4, "el"))
        self.assertRegex(said, r"el .* 2 documents .* \(1 of 1\)")

    def test_finished_files_stay_and_changed_ones_are_made_anew(self):
        both = [self.piece("el", ["α"]), self.piece("hu", ["b"], tag="hu")]
        self.go(both)
        before = {name: (self.out / name).stat().st_ino for name in ("el.jsonl", "hu.jsonl")}
        _, said = self.go([both[0], self.piece("hu", ["c"], tag="hu")])
        self.assertIn("el.jsonl is finished", said)
        self.assertEqual((self.out / "el.jsonl").stat().st_ino, before["el.jsonl"])
        self.assertEqual(self.texts("hu.jsonl"), ["c"])

    def test_a_damaged_file_is_made_again(self):
        self.go([self.piece("el", ["α"])])
        (self.out / "el.jsonl").write_bytes(b"{")
        self.go([self.piece("el", ["α"])])
        self.assertEqual(self.texts("el.jsonl"), ["α"])

    def test_a_fault_leaves_no_file_and_stops_no_other(self):
        code, said = self.go([self.piece("el", ["α"], read=failing), self.piece("hu", ["b"], tag="hu")])
        self.assertEqual(code, 3)
        self.assertIn("x: cut short", said)
        self.assertEqual(self.files(), ["LICENCE-test.txt", "hu.jsonl", "sources.json"])

    def test_a_few_broken_records_are_counted_and_many_are_a_fault(self):
        code, said = self.go([self.piece("el", ["α"] * 198 + [None, "\ud800"])])
        self.assertEqual(code, 0)
        self.assertIn("skipped: 1 broken, 1 not Unicode", said)
        self.assertEqual(self.sources()["files"]["el.jsonl"]["skipped"], {"broken": 1, "not Unicode": 1})
        code, said = self.go([self.piece("hu", ["α"] * 97 + [None] * 3, tag="hu")])
        self.assertEqual(code, 3)
        self.assertIn("3 of 100 records cannot be read: 3 broken", said)

    def test_a_limit_goes_over_all_files_of_a_language_and_stops_before_a_document(self):
        found = [self.piece("el/a", ["xx", "yy"]), self.piece("el/b", ["zz", "ww"]), self.piece("el/c", ["vv"])]
        self.go(found, max_mb=7e-6)
        self.assertEqual((self.texts("el/a.jsonl"), self.texts("el/b.jsonl")), (["xx", "yy"], ["zz"]))
        self.assertNotIn("el/c.jsonl", self.files())
        _, said = self.go(found, max_mb=7e-6)
        self.assertEqual(said.count("is finished"), 2)

    def test_a_smaller_limit_takes_files_away(self):
        found = [self.piece("el/a", ["xx", "yy"]), self.piece("el/b", ["zz"])]
        self.go(found)
        self.go(found, max_mb=3e-6)
        self.assertEqual(self.files(), ["LICENCE-test.txt", "el/a.jsonl", "sources.json"])
        self.assertEqual(self.texts("el/a.jsonl"), ["xx"])
        self.assertEqual(list(self.sources()["files"]), ["el/a.jsonl"])

    def test_another_compression_replaces_the_file(self):
        self.go([self.piece("el", ["α"])])
        self.go([self.piece("el", ["α"])], compress="gz")
        self.assertEqual(self.files(), ["LICENCE-test.txt", "el.jsonl.gz", "sources.json"])
        self.assertEqual(self.texts("el.jsonl.gz"), ["α"])

    def test_a_source_without_text_makes_no_file(self):
        code, _ = self.go([self.piece("el", [" "])])
        self.assertEqual((code, self.files()), (0, ["LICENCE-test.txt", "sources.json"]))

    def test_only_wanted_languages_are_made_and_unknown_ones_are_named(self):
        both = [self.piece("el", ["α"]), self.piece("hu", ["b"], tag="hu")]
        self.go(both, all=False, languages="hun")
        self.assertIn("hu.jsonl", self.files())
        self.assertNotIn("el.jsonl", self.files())
        with self.assertRaisesRegex(UsageError, "xx, yy"):
            self.go(both, all=False, languages="el,xx,yy")

    def test_list_writes_nothing(self):
        _, said = self.go([self.piece("el", ["α"])], list=True)
        self.assertRegex(said, r"(?m)^el +Greek +1 ")
        self.assertFalse(self.out.exists())

    def test_a_folder_of_another_recipe_is_refused(self):
        self.out.mkdir()
        for content in ('{"recipe": "other", "files": {}}', "[]", "{", '{"recipe": "test", "files": {"a": 1}}'):
            (self.out / "sources.json").write_text(content)
            with self.assertRaisesRegex(MachineError, "sources.json"):
                self.go([self.piece("el", ["α"])])


if __name__ == "__main__":
    unittest.main(verbosity=0)
