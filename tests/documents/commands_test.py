# tests/documents/commands_test.py - every command of README.md and docs/ is run, or named here with what it needs.
#
# A line is run as it stands but for numbers of steps, rows and ranks, which are made small (support.py), and for a
# page's changes: models and folders that a reader would have, and numbers that fit a model of two layers.

import importlib.util
import shutil
import tempfile
import unittest

from support import LANGUAGES, MODEL, SOURCE, Folder, Sizes, commands, fenced, with_more

NOT_RUN = {
    "./launch/quickstart": "packages from the network, minutes",
    "./launch/test": "is what runs this",
    "launch/setup": "root and the network",
    "cmake --preset release": "a build of its own",
    "cmake --build --preset release": "a build of its own",
    "cmake --preset cuda": "the CUDA toolkit",
    "cmake --build --preset cuda": "the CUDA toolkit",
    "ctest --test-dir build/cuda -L gpu": "a GPU",
    "squeue --me": "Slurm's own",
    "tail -F base-1234.log": "has no end",
    "scontrol show job 1234": "Slurm's own",
    "analysis/hf/check_export.py grown result.json logits.safetensors": "PyTorch",
}
if importlib.util.find_spec("matplotlib") is None:
    NOT_RUN |= {f"analysis/report {words}": "matplotlib"
                for words in ("quickstart/run", "runs/first --out first.html", "runs/base")}
TOKENIZER = SOURCE / "tests/golden/tokenizers/qwen.json"
TRAIN = "isogloss train --data.corpus corpus --train.rows 4 --train.row-length 32 --train.steps"
GROUPS = '{"groups": [["en", "zh", "es"], ["el", "hu", "tr"]]}'


def pages():
    found = [SOURCE / "README.md", *sorted((SOURCE / "docs").rglob("*.md"))]
    return {str(page.relative_to(SOURCE)) for page in found if commands(page)}


class CommandsTest(unittest.TestCase):
    """A folder for each page."""

    done = set()

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="isogloss-documents-")
        self.addCleanup(holder.cleanup)
        self.folder = Folder(holder.name)

    def run_page(self, name, changes=(), before=None):
        """Runs the page's commands in their order; `before` some of them, others that prepare. All must be of use."""
        sizes, before = Sizes(), dict(before or {})
        unused = {old for old, _ in changes}
        for shown in commands(SOURCE / name):
            if shown in NOT_RUN:
                continue
            line = shown
            for old, new in changes:
                if old in line:
                    line = line.replace(old, new)
                    unused.discard(old)
            for part in [part for part in before if part in shown]:
                self.folder.make(*before.pop(part))
            line = with_more(sizes.shrink(line))
            code, text = self.folder.run(line)
            self.assertEqual(code, 0, f"{name}: {shown}\nrun as: {line}\n{text}")
        self.assertEqual((unused, before), (set(), {}))
        self.done.add(name)

    def submitted(self):
        return (self.folder.root / "submitted").read_text()

    def test_readme(self):
        self.folder.make_corpus()
        self.folder.make_model("base", 24)
        self.run_page("README.md")
        self.assertIn("lifelong.sbatch", self.submitted())

    def test_running(self):
        folder = self.folder
        (folder.root / "qwen3").mkdir()
        shutil.copy(TOKENIZER, folder.root / "qwen3/tokenizer.json")
        folder.write("lines.txt", "One line.\nΚαι άλλη μία.\n")
        folder.write("prompts.txt", "The sea\nΗ θάλασσα\n")
        (options,) = fenced(SOURCE / "docs/running.md", "ini")
        folder.write("first.cfg", options)
        folder.write("groups.json", GROUPS)
        self.addCleanup(folder.run, "kill $(cat pid); while kill -0 $(cat pid); do sleep 0.1; done")
        dense = " ".join(["isogloss model create dense --corpus corpus --model.layers 3", *MODEL])
        self.run_page("docs/running.md", (
            ("--vocab-size 8000", "--vocab-size 400"),
            ("--tokenizer tokenizer.model --out corpus", "--tokenizer tokenizer.model --out corpus --valid-share 0.1"),
            ("--tokenizer qwen3/tokenizer.json --out corpus", "--tokenizer qwen3/tokenizer.json --out of-qwen"),
            ("--model.width 256", "--model.width 32"),
            ("--window 512 --stride 256", "--window 64 --stride 32"),
            ("--max-tokens 40", "--max-tokens 4"),
            ("--top-p 0.9", "--top-p 0.9 --max-tokens 4"),
            ("isogloss group probe base --corpus corpus --out probe --languages",
             "mpirun -n 2 isogloss group probe dense --corpus corpus --out probe-2 --languages"),
            ("probe base", "probe dense"),
            ("--rows 64 --row-length 128", "--rows 4 --row-length 32"),
            ("--train.micro-rows 16", "--train.micro-rows 4"),
            ("--run.from upcycled", "--run.from upcycled --data.languages en,zh,es,el,hu,tr"),
            ("cat run/ranks/*", "cat live/ranks/*"),
        ), {
            "cat run/ranks/*": [  # files of a run that goes on
                f"{TRAIN} 1000000 --run.from base --run.out live > log 2>&1 & echo $! > pid",
                'until [ -n "$(ls live/ranks 2> log)" ]; do sleep 0.1; done'],
            "group probe base --corpus corpus --out probe": [dense],
            "--run.from upcycled": ["isogloss upcycle dense --layers 0-2 --groups groups.json --out upcycled"],
            "--run.from experts": [
                "isogloss expand apply --from run/checkpoints/latest --to experts --experts 1 --languages el,hu,tr"],
        })
        self.assertIn("train.sbatch first.cfg", self.submitted())

    def test_corpus(self):
        folder = self.folder
        shown, listed = fenced(SOURCE / "docs/corpus.md", "console")[0].split("$ isogloss", 1)[0].split("\n", 1)
        self.assertEqual(shown, "$ cat lists/el.list")
        folder.write("lists/el.list", listed)
        for tag in ("en", "sw"):
            folder.write(f"text/{tag}/1.txt", (folder.root / f"text/{tag}.txt").read_text())
        shutil.copytree(folder.root / "text", folder.root / "fineweb2/ell_Grek")
        folder.write("own/el-2024.jsonl.zst", '{"text": "Καλημέρα."}\n')
        run = f"{TRAIN} 2 --data.languages en,el --run.from base --run.out runs/first"
        self.run_page("docs/corpus.md", (
            ("--vocab-size 64000", "--vocab-size 500"),
            ("--data.unimax 4 --train.steps 2000 --train.rows 64 --train.row-length 512",
             "--data.unimax 4 --train.steps 20 --train.rows 4 --train.row-length 32"),
        ), {"--config runs/first/run.cfg": [
            " ".join(["isogloss model create base --corpus corpus --model.layers 2", *MODEL]), run]})

    def test_lifelong(self):
        self.folder.make_corpus()
        self.folder.make_model("base", 3)
        self.folder.write("groups.json", GROUPS)
        self.folder.make_plan_small("layermoe-small.json")
        self.run_page("docs/lifelong.md", (
            ("--budget 72", "--budget 6"),
            ("top:7", "top:1"),
            ("--layers 0-4,20-23", "--layers 0-2"),
            ("--from mixture --to grown", "--from mixture --to grown-be-sr"),
            ("--run.from grown --run.out run-be-sr", "--run.from grown-be-sr --run.out run-be-sr"),
        ))

    def test_huggingface(self):
        folder = self.folder
        folder.make(" ".join(["isogloss model create made --tokenizer", str(TOKENIZER), "--model.layers 2",
                              "--model.qkv-bias", *MODEL]), "isogloss model export made qwen")
        shutil.copy(TOKENIZER, folder.root / "qwen/tokenizer.json")
        self.run_page("docs/huggingface.md", (
            ("--layers 0-3,20-23", "--layers 0-1"),
            ("--out probe", "--out probe --similarity-layers 2"),
            ("grown-checkpoint grown", "run/checkpoints/latest checked"),
            ("generate grown-checkpoint", "generate run/checkpoints/latest"),
        ))

    def test_algorithms(self):
        folder = self.folder
        norms = {"delta_norm_ffn": [1.0 + layer % 5 for layer in range(24)]}
        folder.write_json("deviation.json", {tag: norms for tag in LANGUAGES})
        size = 48
        folder.write_json("of-languages.json", {
            "languages": [f"q{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(size)],
            "similarity": [[1.0 if i == j else 1 / (2 + abs(i - j)) for j in range(size)] for i in range(size)]})
        folder.write_json("of-layers.json", {"similarity": [0.2, 0.4, 0.3, 0.5]})
        self.run_page("docs/algorithms.md", (
            ("group cluster --similarity similarity.json", "group cluster --similarity of-languages.json"),
            ("expand allocate --similarity similarity.json", "expand allocate --similarity of-layers.json"),
        ))

    def test_analysis(self):
        self.folder.make_corpus()
        self.folder.make_model("base")
        self.folder.make(f"{TRAIN} 2 --data.languages en,el --run.from base --run.out quickstart/run",
                         f"{TRAIN} 2 --data.languages en,el --run.from base --run.out runs/first")
        self.run_page("docs/analysis.md")

    def test_slurm(self):
        folder = self.folder
        folder.make_corpus()
        folder.make_model("base", 24)
        folder.make_model("runs/created")
        folder.make(f"{TRAIN} 2 --data.languages en,el --run.from runs/created --run.out runs/base")
        (options,) = fenced(SOURCE / "docs/running.md", "ini")
        folder.write("run.cfg", options)
        self.run_page("docs/slurm.md")
        for script in ("train", "lifelong", "probe-array", "group", "evaluate", "bench"):
            self.assertIn(f"{script}.sbatch", self.submitted())

    def test_gpu(self):
        self.run_page("docs/gpu.md")

    def test_zz_no_page_is_left_out_and_no_reason_is_stale(self):
        self.assertEqual(self.done, pages())
        shown = {line for page in pages() for line in commands(SOURCE / page)}
        self.assertLessEqual(set(NOT_RUN), shown)


if __name__ == "__main__":
    unittest.main(verbosity=2)
