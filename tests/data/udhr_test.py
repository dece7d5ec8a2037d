# tests/data/udhr_test.py - claims about data/udhr, on files of the form that UDHR in Unicode has.

import unittest

import support

INDEX = """<?xml version="1.0" encoding="UTF-8"?>
<udhrs>
  <udhr f='ell_monotonic' iso639-3='ell' iso15924='Grek' bcp47='el-monoton' dir='ltr' stage='4' n='Greek (monotonic)'/>
  <udhr f='deu_1901' iso639-3='deu' iso15924='Latn' bcp47='de-1901' stage='5' n='German, Standard (1901)'/>
  <udhr f='deu_1996' iso639-3='deu' iso15924='Latn' bcp47='de-1996' stage='4' n='German, Standard (1996)'/>
  <udhr f='azj_cyrl' iso639-3='azj' iso15924='Cyrl' bcp47='az' stage='4' n='Azerbaijani, North (Cyrillic)'/>
  <udhr f='013' iso639-3='und' iso15924='Latn' bcp47='und' stage='4' n='(Mijisa)'/>
  <udhr f='ayo' iso639-3='ayo' iso15924='Latn' bcp47='ayo' stage='2' n='Ayoreo'/>
  <udhr f='agr' iso639-3='agr' iso15924='Latn' bcp47='agr' stage='4' n='Aguaruna'/>
  <udhr f='tuk' iso639-3='tuk' bcp47='tk-Cyrl' stage='4' n='Turkmen (Cyrillic)'/>
  <udhr f='hun' iso639-3='hun' iso15924='Latn' bcp47='hu' stage='4' n='Hungarian'/>
  <udhr f='x/../../secret' iso639-3='fra' iso15924='Latn' bcp47='fr' stage='4' n='French'/>
  <udhr f='spa' iso639-3='spa' iso15924='Latn' bcp47='es' stage='4' n='Spanish'/>
</udhrs>
"""
GREEK = """<?xml version="1.0" encoding="UTF-8"?>
<udhr iso639-3='ell' xml:lang='el' key='ell_monotonic' n='Greek' xmlns="http://efele.net/udhr">
  <title>ΟΙΚΟΥΜΕΝΙΚΗ ΔΙΑΚΗΡΥΞΗ</title>
  <preamble>
    <title>ΠΡΟΟΙΜΙΟ</title>
    <note><para>for the editors</para></note>
    <para>Επειδή η αναγνώριση
       της αξιοπρέπειας,</para>
  </preamble>
  <article number="1">
    <title>ΑΡΘΡΟ 1</title>
    <orderedlist>
      <listitem tag="α"><para>Πρώτο.</para></listitem>
      <listitem tag="β"><title>Τίτλος</title><para>Δεύ<b>τε</b>ρο.</para></listitem>
    </orderedlist>
  </article>
  <article number="2"><title/><para>  </para></article>
</udhr>
"""
GERMAN = "<udhr xmlns='http://www.unhchr.ch/udhr'><article number='1'><para>Alle Menschen {}</para></article></udhr>"
SPANISH = """Universal Declaration of Human Rights - Spanish
© 1996 – 2009 The Office of the High Commissioner for Human Rights
---

    Declaración
     Artículo 1
      Todos los seres humanos
"""


class UdhrTest(support.RecipeTest):
    recipe = "udhr"

    def setUp(self):
        super().setUp()
        self.put("index.xml", INDEX)
        self.put("udhr_ell_monotonic.xml", GREEK)
        self.put("udhr_ell_monotonic.txt", SPANISH)
        self.put("udhr_deu_1901.xml", GERMAN.format("daß"))
        self.put("udhr_deu_1996.xml", GERMAN.format("dass"))
        self.put("udhr_azj_cyrl.xml", GERMAN.format("ə"))
        self.put("udhr_agr.xml", GERMAN.format("w"))
        self.put("udhr_tuk.xml", GERMAN.format("v"))
        self.put("udhr_013.xml", GERMAN.format("x"))
        self.put("udhr_ayo.xml", GERMAN.format("y"))
        self.put("udhr_spa.txt", SPANISH)
        self.put("../secret.xml", GERMAN.format("z"))
        (self.folder / "udhr_x").mkdir()

    def test_a_document_an_article_with_the_notes_left_out(self):
        self.make(self.folder, self.out, "--all")
        self.assertEqual(self.read("el.jsonl"), [
            {"text": "ΟΙΚΟΥΜΕΝΙΚΗ ΔΙΑΚΗΡΥΞΗ\nΠΡΟΟΙΜΙΟ\nΕπειδή η αναγνώριση της αξιοπρέπειας,",
             "id": "ell_monotonic/preamble", "source": "UDHR, Greek (monotonic)"},
            {"text": "ΑΡΘΡΟ 1\nΠρώτο.\nΤίτλος\nΔεύτερο.", "id": "ell_monotonic/article-1",
             "source": "UDHR, Greek (monotonic)"}])

    def test_plain_text_is_one_document_below_the_notice(self):
        self.make(self.folder, self.out, "--languages", "es")
        self.assertEqual(self.read("es.jsonl"), [{"text": "Declaración\nArtículo 1\nTodos los seres humanos",
                                                  "id": "spa/whole", "source": "UDHR, Spanish"}])

    def test_spellings_share_a_file_and_scripts_do_not(self):
        self.make(self.folder, self.out, "--all")
        self.assertEqual([(d["id"], d["text"]) for d in self.read("de.jsonl")],
                         [("deu_1901/article-1", "Alle Menschen daß"), ("deu_1996/article-1", "Alle Menschen dass")])
        self.assertEqual(self.texts("az-Cyrl.jsonl"), ["Alle Menschen ə"])

    def test_incomplete_unknown_absent_and_foreign_files_are_left_out(self):
        self.make(self.folder, self.out, "--all")
        self.assertEqual(self.files(), ["LICENCE-udhr.txt", "agr.jsonl", "az-Cyrl.jsonl", "de.jsonl", "el.jsonl",
                                        "es.jsonl", "sources.json", "tk-Cyrl.jsonl"])
        self.assertIn("United Nations", (self.out / "LICENCE-udhr.txt").read_text())

    def test_list_shows_names_and_tags(self):
        done = self.make(self.folder, "--list")
        self.assertRegex(done.stdout, r"(?m)^az-Cyrl +Azerbaijani ")
        self.assertIn("6 languages", done.stdout)

    def test_broken_files_end_in_3_with_their_name(self):
        for name, content in [("udhr_spa.txt", "no notice"), ("udhr_spa.txt", b"---\n\xff"), ("index.xml", "<udhrs>"),
                              ("udhr_azj_cyrl.xml", GREEK[:400]),
                              ("udhr_azj_cyrl.xml", '<!DOCTYPE a [<!ENTITY x "y">]><udhr>&x;</udhr>')]:
            with self.subTest(name, content=content):
                kept = (self.folder / name).read_bytes()
                self.put(name, content)
                done = self.make(self.folder, self.out, "--all", code=3)
                self.assertIn(name, done.stdout + done.stderr)
                self.put(name, kept)

    def test_a_folder_without_index_ends_in_3_with_the_remedy(self):
        (self.folder / "index.xml").unlink()
        self.assertIn("index.xml", self.make(self.folder, self.out, "--all", code=3).stderr)

    def test_wrong_use_ends_in_2_and_says_all_of_it(self):
        done = self.make(self.folder, "--jobs", "0", code=2)
        for word in ("OUT is missing", "--languages", "--jobs 0"):
            self.assertIn(word, done.stderr)
        self.assertIn("xx", self.make(self.folder, self.out, "--languages", "el,xx", code=2).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=0)
