# tests/data/web_test.py - claims about data/web that need no pyarrow: MADLAD-400's files, and how downloads lie.

import gzip
import json
import os
import unittest
from pathlib import Path

import support
from recipes import json_lines, web_text


def packed(*values):
    return gzip.compress("".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values).encode())


class MadladTest(support.RecipeTest):
    recipe = "web"

    def setUp(self):
        super().setUp()
        self.put("data/el/el_clean_0000.jsonl.gz", packed({"text": "α\\nβ"}, {"text": "γ"}))
        self.put("data/el/el_clean_0001.jsonl.gz", packed({"text": "δ"}))
        self.put("data/el/el_noisy_0000.jsonl.gz", packed({"text": "no"}))
        self.put("data/az_RU/az_RU_clean_0000.jsonl.gz", packed({"text": "a"}))
        self.put("data-v1p5/bn_Latn/clean_docs_v2-00000-of-00010.jsonl.gz", packed({"text": "b"}))

    def test_a_file_for_each_of_the_clean_ones_with_line_ends_put_right(self):
        self.make("madlad", self.folder, self.out, "--all", "--jobs", 2)
        self.assertEqual(self.read("el/el-el_clean_0000.jsonl.gz"), [
            {"text": "α\nβ", "id": "data/el/el_clean_0000/0", "source": "MADLAD-400"},
            {"text": "γ", "id": "data/el/el_clean_0000/1", "source": "MADLAD-400"}])
        self.assertEqual(self.files(), [
            "LICENCE-madlad.txt", "az-RU/az_RU-az_RU_clean_0000.jsonl.gz",
            "bn-Latn/data-v1p5-bn_Latn-clean_docs_v2-00000-of-00010.jsonl.gz", "el/el-el_clean_0000.jsonl.gz",
            "el/el-el_clean_0001.jsonl.gz", "sources.json"])
        self.assertEqual(self.sources()["licence"], "ODC-BY 1.0")

    def test_a_cut_file_ends_in_3_with_its_name_and_leaves_the_others(self):
        path = self.folder / "data/el/el_clean_0001.jsonl.gz"
        for data in (path.read_bytes()[:-9], b"not gzip at all", b"version https://git-lfs.github.com/spec/v1\n"):
            path.write_bytes(data)
            done = self.make("madlad", self.folder, self.out, "--languages", "el", code=3)
            self.assertIn("el_clean_0001.jsonl.gz", done.stdout)
            self.assertIn("el/el-el_clean_0000.jsonl.gz", self.files())
            self.assertNotIn("el/el-el_clean_0001.jsonl.gz", self.files())

    def test_broken_lines_are_counted_by_reason(self):
        values = [{"text": "x"}] * 600 + ["{", "[1]", {"url": 1}, '{"text": "\\ud800"}']
        self.put("data/el/el_clean_0001.jsonl.gz", packed(*values))
        done = self.make("madlad", self.folder, self.out, "--languages", "el")
        for reason in ("1 not JSON", "1 not an object", "1 without text", "1 not Unicode"):
            self.assertIn(reason, done.stdout)

    def test_a_limit_stops_in_the_middle_of_a_language(self):
        self.make("madlad", self.folder, self.out, "--languages", "el", "--max-mb", 0.000005)
        self.assertEqual(self.texts("el/el-el_clean_0000.jsonl.gz"), ["α\nβ"])  # 5 bytes
        self.assertNotIn("el/el-el_clean_0001.jsonl.gz", self.files())

    def test_another_folder_ends_in_3_and_says_what_is_looked_for(self):
        done = self.make("madlad", self.folder / "data", self.out, "--all", code=3)
        self.assertIn("data/{code}/*clean*.jsonl.gz", done.stderr)

    def test_a_longer_line_than_the_limit_is_passed_over(self):
        path = self.put("x.jsonl.gz", gzip.compress(b'{"a": 1}\n' + b"x" * 100 + b'\n{"a": 2}\n'))
        kept, json_lines.MAX_LINE = json_lines.MAX_LINE, 32
        self.addCleanup(setattr, json_lines, "MAX_LINE", kept)
        found = list(json_lines.objects(path))
        self.assertEqual([found[0], found[1].reason, found[2]], [{"a": 1}, "too long", {"a": 2}])


class LayoutTest(support.RecipeTest):
    recipe = "web"

    def stems(self, collection):
        return [(piece.tag, piece.stem) for piece in web_text.pieces(web_text.SOURCES[collection], self.folder)]

    def test_culturax_has_a_folder_a_code_and_one_of_its_codes_is_a_wiki_name(self):
        for name in ("el/el_part_00000.parquet", "als/als_part_00000.parquet", "README/x.parquet"):
            self.put(name, b"")
        self.assertEqual(self.stems("culturax"), [("gsw", "gsw/als-als_part_00000"), ("el", "el/el-el_part_00000")])

    def test_fineweb2_has_a_train_folder_and_removed_text_that_is_left_out(self):
        for name in ("ell_Grek/train/000_00000", "ell_Grek/test/000_00000", "ell_Grek_removed/train/000_00000",
                     "cmn_Hani/train/000_00001", "und_Latn/train/000_00000", "srp_Latn/train/000_00000"):
            self.put(f"data/{name}.parquet", b"")
        self.assertEqual(self.stems("fineweb2"), [
            ("zh", "zh/cmn_Hani-train-000_00001"), ("el", "el/ell_Grek-train-000_00000"),
            ("sr-Latn", "sr-Latn/srp_Latn-train-000_00000")])

    def test_list_needs_no_pyarrow(self):
        self.put("el/el_part_00000.parquet", b"12345678")
        done = self.make("culturax", self.folder, "--list")
        self.assertRegex(done.stdout, r"(?m)^el +Greek +1 +0.00$")

    def test_without_pyarrow_it_ends_in_4_with_the_remedy(self):
        self.put("el/el_part_00000.parquet", b"12345678")
        hidden = self.put("hidden/pyarrow/__init__.py", "raise ImportError('hidden by the test')")
        environment = {**os.environ, "PYTHONPATH": str(Path(hidden).parents[1])}
        done = self.run_recipe("culturax", self.folder, self.out, "--all", environment=environment)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("pip install pyarrow", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=0)
