# tests/data/ntrex_test.py - claims about data/ntrex, on files of the form that a clone of NTREX has.

import unittest

import support

IDS = "bbc.1\nbbc.1\nrt.com.2\nbbc.3\n"


class NtrexTest(support.RecipeTest):
    recipe = "ntrex"

    def setUp(self):
        super().setUp()
        self.put("DOCUMENT_IDS.tsv", IDS)
        for code, text in [("ref.ell", "α\nβ  γ\nδ\nε\n"), ("ref.zho-CN", "一\n二\n三\n四\n"),
                           ("ref.zho-TW", "壹\n貳\n參\n肆\n"), ("ref.aze-Latn", "a\nb\n\nd\n"),
                           ("ref.shi", "ا\nب\nت\nث\n"), ("src.eng", "a\r\nb\r\nc\r\nd\r\n"),
                           ("ref-2.spa", "a\nb\nc\nd\n"), ("ref.eng-GB", "a\nb\nc\nd"), ("ref.fra", "a\nb\nc\n\n")]:
            self.put(f"NTREX-128/newstest2019-{code}.txt", text)

    def test_sentences_are_joined_by_document(self):
        self.make(self.folder, self.out, "--all")
        self.assertEqual(self.read("el.jsonl"), [{"text": "α\nβ γ", "id": "bbc.1", "source": "NTREX-128"},
                                                 {"text": "δ", "id": "rt.com.2", "source": "NTREX-128"},
                                                 {"text": "ε", "id": "bbc.3", "source": "NTREX-128"}])
        self.assertEqual([d["id"] for d in self.read("az.jsonl")], ["bbc.1", "bbc.3"])  # an empty sentence alone
        self.assertEqual(self.texts("en.jsonl"), ["a\nb", "c", "d"])
        self.assertEqual(self.texts("en-GB.jsonl"), ["a\nb", "c", "d"])  # no line end at the end
        self.assertEqual(self.texts("fr.jsonl"), ["a\nb", "c"])  # an empty sentence at the end

    def test_codes_become_tags_and_the_second_reference_is_left_out(self):
        self.make(self.folder, self.out, "--all")
        self.assertEqual(self.files(), ["LICENCE-ntrex.txt", "az.jsonl", "el.jsonl", "en-GB.jsonl", "en.jsonl", "fr.jsonl",
                                        "shi-Arab.jsonl", "sources.json", "zh-TW.jsonl", "zh.jsonl"])

    def test_it_is_marked_as_evaluation_text(self):
        self.make(self.folder, self.out, "--all")
        self.assertEqual(self.sources()["use"], "evaluation")
        licence = (self.out / "LICENCE-ntrex.txt").read_text()
        self.assertIn("EVALUATION TEXT", licence)
        self.assertIn("Attribution-ShareAlike 4.0", licence)

    def test_another_number_of_lines_ends_in_3_and_leaves_the_others(self):
        self.put("NTREX-128/newstest2019-ref.ell.txt", "α\nβ\n")
        done = self.make(self.folder, self.out, "--all", code=3)
        self.assertRegex(done.stdout, r"ref\.ell\.txt: has 2 lines and DOCUMENT_IDS.tsv has 4")
        self.assertIn("zh.jsonl", self.files())
        self.assertNotIn("el.jsonl", self.files())

    def test_bytes_that_are_not_utf8_end_in_3_with_the_place(self):
        self.put("NTREX-128/newstest2019-ref.ell.txt", b"\xce\xb1\n\xff\n\n\n")
        self.assertIn("not UTF-8 at byte 3", self.make(self.folder, self.out, "--all", code=3).stdout)

    def test_another_folder_ends_in_3_with_the_remedy(self):
        (self.folder / "DOCUMENT_IDS.tsv").unlink()
        self.assertIn("clone of NTREX", self.make(self.folder, self.out, "--all", code=3).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=0)
