# tests/data/parquet_test.py - claims about data/parquet and data/web on Parquet files, written here through pyarrow.

import subprocess
import sys
import unittest

import support

try:
    import pyarrow
    import pyarrow.parquet
except ImportError as fault:
    print(f"skipped: {fault}; a virtual environment with pyarrow runs it")
    sys.exit(support.SKIPPED)


class ParquetFolderTest(support.RecipeTest):
    def table(self, name, columns, **how):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), path, **how)
        return path


class ParquetTest(ParquetFolderTest):
    recipe = "parquet"

    def test_rows_become_documents(self):
        path = self.table("a.parquet", {"text": ["α", None, "β"] + ["γ"] * 200, "n": list(range(203))})
        done = self.make(path, "--tag", "ell", "--out", self.out, "--licence", "CC0 1.0")
        self.assertEqual(self.read("el/a.jsonl.gz")[:2], [{"text": "α", "id": "a/0", "source": "a.parquet"},
                                                          {"text": "β", "id": "a/2", "source": "a.parquet"}])
        self.assertIn("skipped: 1 without text", done.stdout)
        self.assertEqual(self.sources()["licence"], "CC0 1.0")

    def test_column_and_id_are_chosen(self):
        path = self.table("a.parquet", {"body": ["x", "y"], "key": [7, None]})
        self.make(path, "--tag", "en", "--out", self.out, "--column", "body", "--id-column", "key",
                  "--compress", "none")
        self.assertEqual([(d["id"], d["text"]) for d in self.read("en/a.jsonl")], [("7", "x"), ("a/1", "y")])

    def test_a_missing_column_ends_in_3_with_those_that_are_there(self):
        path = self.table("a.parquet", {"body": ["x"], "key": ["k"]})
        self.assertIn("has no column text; it has body, key",
                      self.make(path, "--tag", "en", "--out", self.out, code=3).stdout)

    def test_damaged_files_end_in_3_with_their_name(self):
        whole = self.table("a.parquet", {"text": [f"text {i} " * 20 for i in range(2000)]}).read_bytes()
        flipped = bytearray(whole)
        flipped[4:200] = bytes(196)
        for data in (b"", b"PAR1", whole[:-5], whole[: len(whole) // 2], bytes(flipped)):
            path = self.put("a.parquet", data)
            done = self.make(path, "--tag", "en", "--out", self.out, code=3)
            self.assertIn("a.parquet", done.stdout + done.stderr)
            self.assertNotIn("en/a.jsonl.gz", self.files())

    def test_text_that_is_not_utf8_is_skipped(self):
        column = pyarrow.Array.from_buffers(pyarrow.string(), 202, [None, *offsets_and_data(202)])
        path = self.table("a.parquet", {"text": column})
        done = self.make(path, "--tag", "en", "--out", self.out)
        self.assertIn("skipped: 1 without text", done.stdout)
        self.assertEqual(len(self.read("en/a.jsonl.gz")), 201)

    def test_wrong_use_ends_in_2(self):
        path = self.table("a.parquet", {"text": ["x"]})
        other = self.table("b/a.parquet", {"text": ["x"]})
        self.assertIn("a: their text", self.make(path, other, "--tag", "en", "--out", self.out, code=2).stderr)
        self.assertIn("und", self.make(path, "--tag", "und", "--out", self.out, code=2).stderr)

    def test_memory_does_not_grow_with_the_row_group(self):
        peaks = []
        for rows in (6_000, 16_000):
            # One row group of texts that differ, about 10 kB each.
            table = {"text": [f"{i} " * 2000 for i in range(rows)]}
            path = self.table(f"{rows}.parquet", table, row_group_size=rows, use_dictionary=False, compression="none")
            peaks.append(peak_bytes([sys.executable, support.DATA / "parquet", path, "--tag", "en", "--out",
                                     self.out / str(rows), "--jobs", "1", "--compress", "none"]))
        # The larger one holds 110 MB more; a quarter of that is allowed for what Arrow and malloc keep.
        self.assertLess(peaks[1] - peaks[0], 110e6 / 4, peaks)


class WebTest(ParquetFolderTest):
    recipe = "web"

    def test_culturax_pages_carry_their_address(self):
        self.table("el/el_part_00000.parquet", {"text": ["α\r\nβ"], "timestamp": ["2020"], "url": ["http://a.gr"],
                                                "source": ["mC4"]})
        self.make("culturax", self.folder, self.out, "--all")
        self.assertEqual(self.read("el/el-el_part_00000.jsonl.gz"),
                         [{"text": "α\nβ", "id": "el/el_part_00000/0", "source": "http://a.gr"}])

    def test_fineweb2_pages_keep_their_id(self):
        self.table("data/ell_Grek/train/000_00000.parquet",
                   {"text": ["α"], "id": ["<urn:uuid:1>"], "url": ["http://a.gr"], "language": ["ell"]})
        self.make("fineweb2", self.folder, self.out, "--languages", "el")
        self.assertEqual(self.read("el/ell_Grek-train-000_00000.jsonl.gz"),
                         [{"text": "α", "id": "<urn:uuid:1>", "source": "http://a.gr"}])

    def test_a_second_run_writes_nothing(self):
        for number in range(3):
            self.table(f"el/el_part_0000{number}.parquet", {"text": [f"α{number}"], "url": ["u"]})
        self.make("culturax", self.folder, self.out, "--all", "--jobs", 2)
        (self.out / "el/el-el_part_00001.jsonl.gz").unlink()
        done = self.make("culturax", self.folder, self.out, "--all", "--jobs", 2)
        self.assertEqual(done.stdout.count("is finished"), 2)
        self.assertEqual(self.texts("el/el-el_part_00001.jsonl.gz"), ["α1"])


def offsets_and_data(count):
    """Texts of two bytes each; the second one is no UTF-8."""
    import array
    data = b"ab" + b"\xff\xfe" + b"cd" * (count - 2)
    return pyarrow.py_buffer(array.array("i", range(0, 2 * count + 1, 2)).tobytes()), pyarrow.py_buffer(data)


def peak_bytes(command):
    """Largest memory of the program and its workers."""
    script = ("import resource, subprocess, sys\n"
              "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
              "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n")
    done = subprocess.run([sys.executable, "-c", script, *map(str, command)], check=True, stdout=subprocess.PIPE)
    code, kilobytes = map(int, done.stdout.split())
    assert code == 0
    return kilobytes * 1024


if __name__ == "__main__":
    unittest.main(verbosity=0)
