# tests/data/libreoffice_test.py - claims about data/libreoffice, on packages and catalogues made here; no network.

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"
sys.dont_write_bytecode = True
sys.path.insert(0, str(DATA))

from recipes import apt_packages, clean, documents, gettext_mo, help_pages, languages, output, registry_xcd  # noqa: E402
from recipes.errors import BadData, MachineError, UsageError  # noqa: E402


def mo_bytes(pairs, order="<"):
    """A catalogue written after the GNU gettext manual, section "The Format of GNU MO Files"."""
    pairs = [(i.encode() if isinstance(i, str) else i, t.encode() if isinstance(t, str) else t) for i, t in pairs]
    count, tables, blob = len(pairs), [], b""
    at = 28 + 16 * count
    for column in (0, 1):
        for pair in pairs:
            tables.append(struct.pack(order + "2I", len(pair[column]), at + len(blob)))
            blob += pair[column] + b"\0"
    head = struct.pack(order + "7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, at)
    return head + b"".join(tables) + blob


class CatalogueTest(unittest.TestCase):
    pairs = [("", "Content-Type: text/plain; charset=UTF-8\n"), ("dialog|ok\x04_Open", "Ά_νοιγμα"),
             ("N\x04One page\0%1 pages", "Μία σελίδα\0%1 σελίδες")]

    def test_context_ids_and_plurals_come_apart_and_the_header_is_left_out(self):
        messages, broken = gettext_mo.read(mo_bytes(self.pairs), "x.mo")
        self.assertEqual(broken, 0)
        self.assertEqual(messages, [
            gettext_mo.Message("dialog|ok", ("_Open",), ("Ά_νοιγμα",)),
            gettext_mo.Message("N", ("One page", "%1 pages"), ("Μία σελίδα", "%1 σελίδες"))])

    def test_big_endian_reads_the_same(self):
        self.assertEqual(gettext_mo.read(mo_bytes(self.pairs, ">"), "x"), gettext_mo.read(mo_bytes(self.pairs), "x"))

    def test_every_truncation_is_refused_with_the_name(self):
        whole = mo_bytes(self.pairs)
        for length in range(len(whole) - 1):  # the last byte is a closing NUL that no entry counts
            with self.assertRaisesRegex(BadData, "x.mo", msg=f"{length} bytes"):
                gettext_mo.read(whole[:length], "x.mo")

    def test_offset_beyond_the_file_is_refused(self):
        data = bytearray(mo_bytes(self.pairs))
        struct.pack_into("<I", data, 28 + 8 + 4, 0xFFFFFFF0)
        with self.assertRaisesRegex(BadData, "entry 1 .* 4294967280"):
            gettext_mo.read(bytes(data), "x.mo")

    def test_count_beyond_the_file_is_refused_before_it_is_used(self):
        data = bytearray(mo_bytes(self.pairs))
        struct.pack_into("<I", data, 8, 0xFFFFFFFF)
        with self.assertRaisesRegex(BadData, "4294967295 entries"):
            gettext_mo.read(bytes(data), "x.mo")

    def test_other_magic_is_refused(self):
        with self.assertRaisesRegex(BadData, "50617373"):
            gettext_mo.read(b"Pass" + bytes(40), "x.mo")

    def test_bad_utf8_costs_that_message_only(self):
        messages, broken = gettext_mo.read(mo_bytes([("a", b"\xff\xfe"), ("b", "gut")]), "x.mo")
        self.assertEqual((broken, [m.translations for m in messages]), (1, [("gut",)]))


class CleanTest(unittest.TestCase):
    def lines(self, cases, function):
        for raw, expected in cases:
            self.assertEqual(function(raw), expected, msg=repr(raw))

    def test_keyboard_marks_go(self):
        self.lines([("Ά_νοιγμα", "Άνοιγμα"), ("~File", "File"), ("文件(~F)", "文件"), ("파일(_F)...", "파일..."),
                    ("ファイル（_F）", "ファイル"), ("&Time", "Time"), ("R&D work", "R&D work"), ("a__b", "a_b"),
                    ("user_name_x", "user_name_x")], clean.interface_line)

    def test_placeholders_become_an_ellipsis_and_the_product_a_name(self):
        self.lines([("Open $(ARG1) now", "Open … now"), ("%PRODUCTNAMEを終了", "LibreOfficeを終了"),
                    ("Found %1 of %2", "Found … of …"), ("%50 gri", "%50 gri"), ("%d 行", "… 行"),
                    ("Datei „$filename$“ fehlt", "Datei „…“ fehlt"), ("In $A$1 und %FILENAME%", "In $A$1 und …"),
                    ("100 % sure", "100 % sure"), ("%MOD1+V", "Ctrl+V")], clean.interface_line)

    def test_markup_and_entities_go(self):
        self.lines([("<b>Bold</b> &amp; <font size=\"2\">small</font>", "Bold & small"), ("<None>", "None"),
                    ("x&nbsp;&#x3A9;", "x Ω"), ("a < b > c", "a < b > c")], clean.interface_line)
        self.assertEqual(clean.message_lines("one<br>two\nthree"), ["one", "two", "three"])

    def test_text_is_in_normal_form_c_with_single_spaces(self):
        self.lines([("Cafe\u0301\u00a0 du\tmonde", "Caf\u00e9 du monde"), ("soft\u00adware\ufeff", "software"),
                    ("ম\u200cান", "ম\u200cান")], clean.tidy)

    def test_fragments_and_code_are_not_text(self):
        for line in ["", "%", "ab", "12:30", "… - …", "(1)", "=SUM(A1:B2)", "com.sun.star.text", "VLOOKUP", "a_b",
                     "Calc(x, y)", "http://x.org/page", "COMPANY;CR;NAME;x", "x = script.invoke(Array())", "A1+B2*3/4"]:
            self.assertFalse(clean.is_text(line), msg=line)
        for line in ["Yes", "文件", "ক্ষেত্রের নাম", "རྗོད་", "Use =SUM(A1) here.", "Ja; nein; vielleicht"]:
            self.assertTrue(clean.is_text(line), msg=line)

    def test_share_of_latin_letters(self):
        self.assertEqual(clean.latin_share(["abc", "αβγ"]), 0.5)
        self.assertEqual(clean.latin_share(["123"]), 0.0)


class HelpPageTest(unittest.TestCase):
    def page(self, body):
        return (f'<html><body><header><p>Menu</p></header><div id="DisplayArea" class="x">{body}</div>'
                '<div id="SearchFrame"></div><footer><p>This page is: x</p></footer></body></html>')

    def test_only_the_content_is_read_a_block_a_paragraph(self):
        body = '<h1><a name="q"></a>Title</h1><ul><li><p>One &amp; <span class="emph">two</span>.</p></li></ul>'
        self.assertEqual(help_pages.paragraphs(self.page(body)), ["Title", "One & two."])

    def test_code_and_related_topics_are_left_out(self):
        body = ('<p>Before</p><pre>x = 1</pre><p class="code">y</p><div class="bascode"><div>z</div>w</div>'
                '<div class="relatedtopics"><div><p>Elsewhere</p></div></div><p>After</p>')
        self.assertEqual(help_pages.paragraphs(self.page(body)), ["Before", "After"])

    def test_of_a_switch_in_a_sentence_the_default_stays(self):
        body = ('<p>Press <span class="switchinline"><span class="MAC"><span>Command</span></span>'
                '<span id="default1"><span class="keycode">Ctrl</span></span></span>+F</p>')
        self.assertEqual(help_pages.paragraphs(self.page(body)), ["Press Ctrl+F"])

    def test_a_switch_without_default_keeps_the_first(self):
        body = '<p>In <span class="switchinline"><span class="WRITER">text</span><span class="CALC">cells</span></span>.</p>'
        self.assertEqual(help_pages.paragraphs(self.page(body)), ["In text."])

    def test_broken_pages_do_no_harm(self):
        self.assertEqual(help_pages.paragraphs(""), [])
        self.assertEqual(help_pages.paragraphs('<div id="DisplayArea"><p>1 < 2 and <p class="'), ["1 < 2 and <p class=\""])
        self.assertEqual(help_pages.paragraphs('<div id="DisplayArea"></span></p><pre>never closed'), [])


class RegistryTest(unittest.TestCase):
    def test_translated_values_come_with_their_component(self):
        data = (b'<oor:data xmlns:oor="http://openoffice.org/2001/registry"><oor:component-data oor:name="UI">'
                b'<value xml:lang="el">&#x39D;&#x3AD;&#x3BF;</value><value>plain</value>'
                b'<value xml:lang="el" oor:separator=";">a;b</value></oor:component-data></oor:data>')
        self.assertEqual(list(registry_xcd.texts(data, "r.xcd")), [("UI", "Νέο")])

    def test_cut_or_suspicious_xml_is_refused(self):
        for data in (b"<a><b>", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', b""):
            with self.assertRaisesRegex(BadData, "r.xcd"):
                list(registry_xcd.texts(data, "r.xcd"))


class DocumentsTest(unittest.TestCase):
    def unit(self, kind, folder, name, *lines):
        return documents.Unit(kind, folder, name, "p 1", list(lines))

    def test_repeated_and_untranslated_lines_go_within_a_language(self):
        found = documents.documents([self.unit("help", "a", "x", "uno " * 60, "same", "dos"),
                                     self.unit("help", "a", "y", "dos", "tres " * 60)], frozenset(["same"]))
        self.assertEqual([(d.id, d.lines) for d in found],
                         [("help/a/x", ["uno " * 60, "dos"]), ("help/a/y", ["tres " * 60])])

    def test_short_units_of_one_folder_share_a_document_and_folders_do_not(self):
        found = documents.documents([self.unit("messages", "sc", "a", "uno"), self.unit("messages", "sc", "b", "dos"),
                                     self.unit("messages", "sw", "c", "tres")], frozenset())
        self.assertEqual([(d.id, d.lines) for d in found],
                         [("messages/sc/a", ["uno", "dos"]), ("messages/sw/c", ["tres"])])

    def test_long_lists_are_split_and_ids_stay_unique(self):
        found = documents.documents([self.unit("messages", "sc", "a", *(f"línea {i}" for i in range(130)))], frozenset())
        self.assertEqual([(d.id, len(d.lines)) for d in found],
                         [("messages/sc/a", 60), ("messages/sc/a-2", 60), ("messages/sc/a-3", 10)])

    def test_leftover_english_goes_from_a_language_of_another_script(self):
        found = documents.documents([self.unit("messages", "sc", "a", "Άνοιγμα αρχείου κειμένου", "Old English text",
                                               "Το LibreOffice ανοίγει")], frozenset())
        self.assertEqual(found[0].lines, ["Άνοιγμα αρχείου κειμένου", "Το LibreOffice ανοίγει"])


class LanguagesTest(unittest.TestCase):
    def test_names_of_packages_folders_and_people_become_one_tag(self):
        for given, tag in [("zh-cn", "zh"), ("zh_CN", "zh"), ("zh-TW", "zh-TW"), ("zh-tw", "zh-TW"), ("pt_BR", "pt-BR"),
                           ("ca@valencia", "ca-valencia"), ("sr@latin", "sr-Latn"), ("sr-latn", "sr-Latn"),
                           ("kmr@latin", "kmr"), ("pa_IN", "pa-IN"), ("pa", "pa-IN"), ("en-US", "en"), ("EL", "el")]:
            self.assertEqual(languages.canonical(given), tag, msg=given)

    def test_offer_pairs_catalogue_and_help_and_names_unknown_tags_at_once(self):
        names = ["libreoffice-l10n-" + s for s in ("el", "en-gb", "sr", "za")] + ["libreoffice-help-el"]
        packages = {n: apt_packages.Package(n, "1", 2, "00", "office productivity suite -- New_greek language package")
                    for n in names}
        offer = languages.offered(packages)
        self.assertEqual(list(offer), ["en", "el", "en-GB", "sr", "sr-Latn"])
        self.assertEqual([p.name for p in offer["el"].packages()], ["libreoffice-l10n-el", "libreoffice-help-el"])
        self.assertEqual(offer["el"].name, "New greek")
        with self.assertRaisesRegex(UsageError, "xx, yy"):
            languages.chosen(["el", "xx", "yy"], offer)


class OutputTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_counts_are_of_the_text_and_a_limit_cuts_at_a_document(self):
        made = [documents.Document("a", "p 1", ["αβ", "x"]), documents.Document("b", "p 1", ["yyyy"])]
        entry = output.write_documents(self.folder / "el.jsonl", made, None)
        # αβ is 4 bytes, a line end, x; then yyyy.
        self.assertEqual((entry["bytes_of_text"], entry["documents"], entry["lines"]), (10, 2, 3))
        entry = output.write_documents(self.folder / "el.jsonl", made, 9)
        self.assertEqual((entry["bytes_of_text"], entry["documents"]), (6, 1))
        content = (self.folder / "el.jsonl").read_bytes()
        self.assertEqual(content.decode(), '{"text": "αβ\\nx", "id": "a", "source": "p 1"}\n')
        self.assertEqual(entry["sha256"], hashlib.sha256(content).hexdigest())

    def test_nothing_partial_is_left_under_the_final_name(self):
        target = self.folder / "x.jsonl"
        with self.assertRaises(UnicodeEncodeError):
            output.write_whole(target, "a\ud800")
        self.assertFalse(target.exists())

    def test_a_foreign_sources_file_is_not_overwritten(self):
        (self.folder / "sources.json").write_text('{"languages": 3}')
        with self.assertRaisesRegex(MachineError, "sources.json"):
            output.read_sources(self.folder)


# Stands in for apt-cache and apt-get: they read the folder APT_FAKE, as the real ones read a mirror.
FAKE_APT_CACHE = '#!/bin/sh\ncat "$APT_FAKE/list"\n'
FAKE_APT_GET = '#!/bin/sh\necho "$@" >> "$APT_FAKE/calls"\nfor a in "$@"; do case $a in *=1:2) ' \
               'cp "$APT_FAKE/${a%%=*}_1%3a2_all.deb" .;; esac; done\n'


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb makes the packages of this test")
class WholeRecipeTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"
        (self.folder / "bin").mkdir()
        for name, text in (("apt-cache", FAKE_APT_CACHE), ("apt-get", FAKE_APT_GET)):
            (self.folder / "bin" / name).write_text(text)
            (self.folder / "bin" / name).chmod(0o755)
        self.list = ""
        ids = ["dialog|a\x04_Open the file", "dialog|b\x04Close the file", "dialog|c\x04Version"]
        self.add_package("l10n-en-gb", {self.mo_path("en_GB"): mo_bytes([(i, "colour") for i in ids])})
        self.greek = mo_bytes(list(zip(ids, ["Ά_νοιγμα αρχείου", "Κλείσιμο αρχείου", "Version"])))
        self.add_package("l10n-el", {self.mo_path("el"): self.greek})
        self.add_package("help-el", {"usr/share/libreoffice/help/el/text/shared/page.html":
                                     '<div id="DisplayArea"><h1>Βοήθεια χρήστη</h1><p>Close the file</p></div>'.encode()})

    def mo_path(self, locale):
        return f"usr/lib/libreoffice/program/resource/{locale}/LC_MESSAGES/sc.mo"

    def add_package(self, suffix, files):
        name = "libreoffice-" + suffix
        root = self.folder / name
        files = {**files, f"usr/share/doc/{name}/copyright": b"Licence: made for a test\n",
                 "DEBIAN/control": f"Package: {name}\nVersion: 1:2\nArchitecture: all\nMaintainer: a <a@b.c>\n"
                                   "Description: test\n".encode()}
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        deb = self.folder / f"{name}_1%3a2_all.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, deb], check=True, stdout=subprocess.DEVNULL)
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        self.list += (f"Package: {name}\nVersion: 1:2\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
                      "Description: office productivity suite -- X language package\n\n")
        (self.folder / "list").write_text(self.list)

    def run_recipe(self, *arguments):
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "APT_FAKE": str(self.folder)}
        return subprocess.run([sys.executable, DATA / "libreoffice", *map(str, arguments)], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)

    def make(self, tags):
        return self.run_recipe(self.out, "--languages", tags, "--cache", self.folder / "cache")

    def read(self, tag):
        return [json.loads(line) for line in (self.out / f"{tag}.jsonl").read_text(encoding="utf-8").splitlines()]

    def test_text_ids_sources_and_licence_are_written(self):
        done = self.make("en,el")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.read("en"), [{"text": "Open the file\nClose the file\nVersion", "id": "messages/sc/dialog",
                                            "source": "libreoffice-l10n-en-gb 1:2"}])
        self.assertEqual(self.read("el"), [
            {"text": "Βοήθεια χρήστη", "id": "help/shared/page", "source": "libreoffice-help-el 1:2"},
            {"text": "Άνοιγμα αρχείου\nΚλείσιμο αρχείου", "id": "messages/sc/dialog", "source": "libreoffice-l10n-el 1:2"}])
        entry = json.loads((self.out / "sources.json").read_text())["languages"]["el"]
        self.assertEqual((entry["documents"], entry["lines"]), (2, 3))
        self.assertEqual([p["version"] for p in entry["packages"]], ["1:2", "1:2"])
        licence = (self.out / "LICENCE-libreoffice.txt").read_text()
        self.assertEqual(licence.count("made for a test"), 1)
        self.assertIn("libreoffice-help-el 1:2", licence)
        self.assertEqual(sorted(p.name for p in self.out.iterdir()),
                         ["LICENCE-libreoffice.txt", "el.jsonl", "en.jsonl", "sources.json"])

    def test_a_second_run_downloads_and_writes_nothing_and_a_damaged_file_is_made_again(self):
        self.make("el")
        first, calls = (self.out / "el.jsonl").read_bytes(), (self.folder / "calls").read_text()
        self.assertIn("el           is finished", self.make("el").stdout)
        (self.out / "el.jsonl").write_bytes(first[:20])
        self.assertIn("2 documents", self.make("el").stdout)
        self.assertEqual((self.out / "el.jsonl").read_bytes(), first)
        self.assertEqual((self.folder / "calls").read_text(), calls)

    def test_a_damaged_package_in_the_cache_is_fetched_again(self):
        self.make("el")
        for deb in (self.folder / "cache").glob("*.deb"):
            deb.write_bytes(b"!<arch>\nnot any more")
        shutil.rmtree(self.out)
        self.assertEqual(self.make("el").returncode, 0)

    def test_a_cut_catalogue_ends_in_3_names_it_and_leaves_the_other_languages(self):
        self.add_package("l10n-hu", {self.mo_path("hu"): self.greek[:60]})
        done = self.make("hu,el")
        self.assertEqual(done.returncode, 3)
        self.assertIn("libreoffice-l10n-hu 1:2: " + self.mo_path("hu"), done.stderr)
        self.assertFalse((self.out / "hu.jsonl").exists())
        self.assertTrue((self.out / "el.jsonl").exists())

    def test_a_download_that_apt_did_not_promise_ends_in_3(self):
        deb = self.folder / "libreoffice-l10n-el_1%3a2_all.deb"
        deb.write_bytes(deb.read_bytes() + b"x")
        done = self.make("el")
        self.assertEqual(done.returncode, 3)
        self.assertIn("apt-get update", done.stderr)

    def test_wrong_use_ends_in_2_and_says_all_of_it(self):
        done = self.run_recipe("--jobs", "0")
        self.assertEqual(done.returncode, 2)
        for word in ("OUT is missing", "--languages", "--jobs 0"):
            self.assertIn(word, done.stderr)
        self.assertEqual(self.make("el,xx").returncode, 2)

    def test_empty_package_lists_end_in_4_with_the_remedy(self):
        (self.folder / "list").write_text("")
        done = self.make("el")
        self.assertEqual(done.returncode, 4)
        self.assertIn("apt-get update", done.stderr)

    def test_list_shows_tags_and_packages(self):
        done = self.run_recipe("--list")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"(?m)^el .* libreoffice-l10n-el libreoffice-help-el$")


if __name__ == "__main__":
    unittest.main()
