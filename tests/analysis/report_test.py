# tests/analysis/report_test.py - claims about analysis/report and the figures' command lines.

import base64
import contextlib
import hashlib
import html.parser
import importlib.machinery
import importlib.util
import io
import subprocess
import sys

import support
from support import (ALLOCATION, ANALYSIS, CHECKPOINT, DEVIATION, GROUPS, LANGUAGES, LAYERS, LIFELONG, METRICS,
                     SHARES_AFTER, SHARES_BEFORE)

EVERYTHING = {"summary.json": LIFELONG, "base/run/metrics.jsonl": METRICS, "el/run/metrics.jsonl": METRICS,
              "bn/run/checkpoints/step-00000004/manifest.json": CHECKPOINT, "probe/deviation.json": DEVIATION,
              "probe/similarity.json": LANGUAGES, "layers.json": LAYERS, "allocation.json": ALLOCATION,
              "groups.json": GROUPS, "shares-1.json": SHARES_BEFORE, "shares-0.json": SHARES_AFTER,
              "corpus/corpus.json": {"schema": 1, "languages": []}}


class PageReader(html.parser.HTMLParser):
    """Headings, pictures, tables (rows of exact values), notes and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.pictures, self.links, self.tables, self.notes = [], [], [], {}, []
        self.open, self.title, self.value = [], "", None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)
        self.links += [attributes[key] for key in ("src", "href") if key in attributes]
        if tag == "img":
            self.pictures.append(attributes["src"])
        if tag == "tr" and "tbody" in self.open:
            self.tables[self.title].append([])
        if tag == "td":
            self.tables[self.title][-1].append("")
        if tag == "data":
            self.tables[self.title][-1][-1] = float(attributes["value"])
        if tag == "li":
            self.notes.append("")

    def handle_endtag(self, tag):
        if tag not in ("meta", "img", "link", "br"):
            assert self.open.pop() == tag, tag

    def handle_data(self, text):
        if not self.open:
            return
        if self.open[-1] == "h2":
            self.headings.append(text)
        if self.open[-1] == "summary":
            self.title = text
            self.tables[text] = []
        if self.open[-1] == "td":
            self.tables[self.title][-1][-1] += text
        if self.open[-1] == "li":
            self.notes[-1] += text


def main_of(script):
    loader = importlib.machinery.SourceFileLoader(script.replace("/", "_").removesuffix(".py"), str(ANALYSIS / script))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module.main


def run(script, *words):
    """As from a shell, within this process: matplotlib takes a second to load."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main_of(script)([str(word) for word in words])
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


class ReportTest(support.FolderTest):
    def fill(self, names):
        for name in names:
            self.write(name, EVERYTHING[name])

    def page(self):
        return PageReader((self.folder / "report.html").read_text(encoding="utf-8"))

    def test_a_full_folder_gives_every_figure_and_table(self):
        self.fill(EVERYTHING)
        done = run("report", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        page = self.page()
        self.assertEqual(page.headings, [
            "Forgetting over the stages", "Loss of each language", "Held-out loss of each language",
            "Experts per layer: bn/run/checkpoints/step-00000004/manifest.json", "Experts per layer: allocation.json",
            "Routing shares", "Deviation per layer", "Similarity per layer", "Similarity of languages",
            "Groups of languages"])
        self.assertEqual(len(page.pictures), 9)
        self.assertEqual(page.notes, [])
        self.assertNotIn("left out", done.stdout)

    def test_the_page_needs_nothing_but_itself(self):
        self.fill(EVERYTHING)
        run("report", self.folder)
        text = (self.folder / "report.html").read_text(encoding="utf-8")
        page = PageReader(text)
        for link in page.links:
            self.assertTrue(link.startswith(("data:image/svg+xml;base64,", "#")), link[:60])
        self.assertNotIn("<script", text)
        self.assertNotIn("url(", text)
        for picture in page.pictures:
            svg = base64.b64decode(picture.split(",", 1)[1], validate=True)
            self.assertIn(b"<svg", svg)
            self.assertGreater(len(svg), 5000)
        anchors = [link[1:] for link in page.links if link.startswith("#")]
        self.assertEqual(len(anchors), len(set(anchors)))
        for anchor in anchors:
            self.assertEqual(text.count(f'id="{anchor}"'), 1)

    def test_numbers_of_the_tables_are_those_of_the_files(self):
        self.fill(EVERYTHING)
        run("report", self.folder)
        tables = self.page().tables
        scores = {row[0]: row[3:6] for row in tables["Bits per byte after each stage"]}
        for s, stage in enumerate(LIFELONG["stages"]):
            for language, number in stage["bits_per_byte"].items():
                self.assertEqual(scores[language][s], "" if number is None else number)
        self.assertEqual([row[1:] for row in tables["Experts per layer"]][-1], ["3", "4", "7"])  # the last: allocation
        norms = tables["Deviation per layer, threshold 0.6"]
        self.assertEqual([row[1] for row in norms], [1.5, 3.5, 2.0, 3.0])
        self.assertEqual([row[4] for row in norms], ["", "yes", "", "yes"])
        cosines = {row[0]: row[1:] for row in tables["Cosine of each two languages"]}
        self.assertEqual(cosines["uk"], [0.9, 1.0, 0.3, 0.1])  # ru uk en ta
        self.assertEqual(tables["Groups"], [["0", "ru, uk", "Indo-European"],
                                            ["1", "en, ta", "Indo-European, Dravidian"]])
        self.assertEqual(tables["Similarity per layer"], [["0", 0.6, 0.4, 0.5], ["1", 0.3, 0.2, 0.25]])

    def test_shares_of_the_smaller_model_come_before(self):
        self.fill(["shares-1.json", "shares-0.json"])
        run("report", self.folder)
        rows = self.page().tables["Percent of choices, by layer, language and expert"]
        self.assertEqual(rows[:2], [["1", "en", "before", 100.0, "", ""], ["1", "en", "after", 75.0, 25.0, 0.0]])

    def test_shares_of_a_lifelong_run_go_by_its_stages(self):
        self.fill(["summary.json"])
        for stage in ("base", "el", "bn"):
            self.write(f"{stage}/scores-step-00000006.json", SHARES_BEFORE if stage == "base" else SHARES_AFTER)
        done = run("report", self.folder)
        self.assertIn("Routing shares: el, from base/scores-step-00000006.json, then el/scores-step-00000006.json",
                      done.stdout)
        self.assertIn("Routing shares: bn, from el/scores-step-00000006.json, then bn/", done.stdout)
        rows = self.page().tables["Percent of choices, by layer, language and expert"]
        self.assertEqual([row[2] for row in rows[:2]], ["after el", "after bn"])

    def test_what_is_left_out_is_said_with_the_reason(self):
        self.fill(["base/run/metrics.jsonl"])
        done = run("report", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left out: Forgetting over the stages: needs summary.json of `isogloss lifelong`", done.stdout)
        self.assertEqual(done.stdout.count("left out: "), 7)
        self.assertEqual(self.page().headings, ["Loss of each language", "Held-out loss of each language", "Left out"])
        self.assertEqual(len(self.page().notes), 7)

    def test_a_model_without_growth_says_why_it_has_no_allocation(self):
        self.fill(["base/run/metrics.jsonl"])
        self.write("checkpoints/step-00000001/manifest.json", support.checkpoint([[(0, "")], [(0, "")]]))
        done = run("report", self.folder)
        self.assertIn("left out: Experts per layer: every layer of the model has one expert", done.stdout)

    def test_ancestors_of_a_checkpoint_are_not_drawn_beside_it(self):
        old = self.write("base/run/checkpoints/step-00000001/manifest.json", support.checkpoint([[(0, ""), (0, "")]]))
        parent = hashlib.sha256(old.read_bytes()).hexdigest()
        grown = support.checkpoint([[(0, ""), (0, ""), (1, "el")]], parent)
        for step in (1, 2):
            self.write(f"el/run/checkpoints/step-0000000{step}/manifest.json", grown)
        done = run("report", self.folder)
        self.assertIn("Experts per layer, from el/run/checkpoints/step-00000002/manifest.json", done.stdout)
        self.assertEqual(done.stdout.count("Experts per layer"), 1)

    def test_the_same_folder_gives_the_same_page(self):
        self.fill(["summary.json", "layers.json"])
        pages = []
        for name in ("one.html", "two.html"):
            self.assertEqual(run("report", self.folder, "--out", self.folder / name).returncode, 0)
            pages.append((self.folder / name).read_bytes())
        self.assertEqual(pages[0], pages[1])

    def test_a_bad_file_is_told_and_the_others_are_drawn(self):
        self.fill(["summary.json"])
        self.write("base/run/metrics.jsonl", [{"step": 1, "language_loss": {"en": "<b>low</b>"}}])
        (self.folder / "half.json").write_text('{"a"')
        done = run("report", self.folder)
        self.assertEqual(done.returncode, 3)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        page = self.page()
        self.assertIn("Forgetting over the stages", page.headings)
        self.assertIn("Files that are bad", page.headings)
        self.assertTrue(any("metrics.jsonl:1: language_loss.en" in note and "<b>low" in note for note in page.notes))

    def test_half_written_folders_are_passed_over(self):
        self.fill(["layers.json"])
        path = self.write("step-00000002.partial/manifest.json", {})
        path.write_text("{")
        self.assertEqual(run("report", self.folder).returncode, 0)

    def test_faults_have_their_exit_code_and_one_line(self):
        self.write("other.json", {"schema": 1})
        for words, code, text in (([self.folder / "absent"], 2, "no such folder"), ([self.folder], 3, "nothing in it"),
                                  ([self.folder, "--threshold", "2"], 2, "from 0 to 1"), ([], 2, "required"),
                                  ([self.folder, "--thresold", "1"], 2, "unrecognized")):
            done = run("report", *words)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stderr)
        self.fill(["layers.json"])
        done = run("report", self.folder, "--out", self.folder / "no" / "such" / "place.html")
        self.assertEqual(done.returncode, 4)
        self.assertIn("cannot be written", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)


class FigureCommandTest(support.FolderTest):
    figures = {"deviation": DEVIATION, "layer_similarity": LAYERS, "language_similarity": LANGUAGES,
               "allocation": ALLOCATION, "forgetting": LIFELONG, "language_loss": METRICS,
               "routing_shares": SHARES_AFTER}

    def test_every_figure_has_a_script_that_draws_it(self):
        scripts = {path.stem for path in (ANALYSIS / "figures").glob("*.py")} - {"__init__"}
        self.assertEqual(scripts, set(self.figures))
        for name, value in self.figures.items():
            source = self.write(f"{name}.json{'l' if isinstance(value, list) else ''}", value)
            out = self.folder / f"{name}.png"
            done = run(f"figures/{name}.py", source, "--out", out, "--table")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(out.read_bytes().startswith(b"\x89PNG"))
            self.assertIn("\n", done.stdout)
            if name == "deviation":
                self.assertIn("    1  3.500000            0.500000   1.000  yes", done.stdout)

    def test_faults_have_their_exit_code_and_one_line(self):
        layers, loss = self.write("layers.json", LAYERS), self.write("metrics.jsonl", METRICS[:2])
        shares = self.write("shares.json", SHARES_AFTER)
        for script, words, code, text in (
                ("layer_similarity", [self.folder / "absent.json"], 3, "No such file"),
                ("deviation", [layers], 3, "delta_norm_ffn"),
                ("layer_similarity", [layers, "--out", self.folder / "x.gif"], 2, "must end in"),
                ("language_loss", [loss, "--value", "valid"], 3, "evaluate-every"),
                ("language_loss", [loss, loss], 2, "twice"),
                ("routing_shares", [shares, "--layers", "7"], 2, "they are 1, 2"),
                ("routing_shares", [shares, shares, shares], 2, "3 files")):
            done = run(f"figures/{script}.py", *words)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_scripts_start_by_themselves_from_any_folder(self):
        source = self.write("layers.json", LAYERS)
        for words in (["report", self.folder], ["figures/layer_similarity.py", source]):
            command = [sys.executable, ANALYSIS / words[0], words[1]]
            done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "layer_similarity.svg").exists())
        self.assertTrue((self.folder / "report.html").exists())

    def test_a_python_without_numpy_says_what_to_do(self):
        (self.folder / "numpy.py").write_text("raise ImportError('No module named numpy')\n")
        done = subprocess.run([sys.executable, ANALYSIS / "report", "."], capture_output=True, text=True,
                              check=False, env={"PYTHONPATH": str(self.folder)})
        self.assertEqual(done.returncode, 4)
        self.assertIn("launch/setup", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    support.main()
