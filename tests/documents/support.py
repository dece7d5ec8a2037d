# tests/documents/support.py - a document's commands, and a folder in which a reader could type them.

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tests/support"))
from made_text import made_text  # noqa: E402

PROGRAM = os.environ.get("ISOGLOSS_TEST_PROGRAM", str(SOURCE / "build/release/bin/isogloss"))
LANGUAGES = ["be", "bn", "el", "en", "es", "hi", "hu", "ne", "sr", "sw", "tr", "zh"]
MODEL = ["--model.width=32", "--model.heads=2", "--model.ffn-hidden=48", "--model.max-positions=64"]
# Options that make a command a matter of a moment, given where the document does not name them.
MORE = {"train": {"--train.rows": 4, "--train.row-length": 32, "--train.warmup-steps": 1,
                  "--train.evaluate-tokens": 64, "--data.chunk-rows": 4},
        "evaluate": {"--row-length": 32, "--max-tokens": 64},
        "evaluate compare": {},
        "group probe": {"--steps": 2, "--rows": 4, "--micro-rows": 4, "--row-length": 32},
        "expand similarity": {"--tokens": 200},
        "expand scan": {"--row-length": 32},
        "model create": dict(word.split("=") for word in MODEL)}
SBATCH = """#!/bin/bash
# In place of Slurm's: is the script there, and are the words before it options?
for word in "$@"; do
    case $word in
        --*) ;;
        *) [[ -f $word ]] || { echo "sbatch: no script $word" >&2; exit 1; }; break ;;
    esac
done
echo "$*" >> submitted
wc -l < submitted
"""


def commands(page):
    """The lines `$ ...` of its console blocks."""
    blocks = re.findall("```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def fenced(page, kind):
    """The text of its blocks of a kind."""
    return re.findall(f"```{kind}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


class Sizes:
    """Numbers of steps in a document, each a small one of its own wherever it stands."""

    def __init__(self):
        self.small = {}

    def of(self, number):
        return self.small.setdefault(int(number), 2 + len(self.small))

    def shrink(self, line):
        line = re.sub(r"(--train\.steps )(\d+)", lambda m: m[1] + str(self.of(m[2])), line)
        line = re.sub(r"step-(\d{8})", lambda m: f"step-{self.of(m[1]):08}", line)
        return re.sub(r"\b(launch/local|mpirun -n) \d+", r"\1 2", line)


def with_more(line):
    match = re.search(r"\bisogloss ([a-z]+(?: [a-z]+)?)(?= |$)", line)
    if not match or "--config" in line:
        return line
    more = MORE.get(match[1], MORE.get(match[1].split()[0], {}))
    added = "".join(f" {name} {value}" for name, value in more.items() if name not in line)
    command, mark, rest = line.partition(" > ")
    return command + added + mark + rest


class Folder:
    """Text and a corpus of twelve languages, a dense model, and the repository's scripts."""

    def __init__(self, root):
        self.root = Path(root)
        for name in ("analysis", "data", "slurm"):
            (self.root / name).symlink_to(SOURCE / name)
        shutil.copytree(SOURCE / "launch", self.root / "launch")
        (self.root / "build/release/bin").mkdir(parents=True)
        (self.root / "build/release/bin/isogloss").symlink_to(PROGRAM)
        self.write("bin/sbatch", SBATCH).chmod(0o755)
        (self.root / "bin/isogloss").symlink_to(PROGRAM)
        for number, tag in enumerate(LANGUAGES):
            self.write(f"text/{tag}.txt", made_text(made_words(number), number + 1))
        self.environment = dict(os.environ, PATH=f"{self.root}/bin:{os.environ['PATH']}", OMP_WAIT_POLICY="passive",
                                OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                                OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_mpi_yield_when_idle="1")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def write_json(self, name, value):
        return self.write(name, json.dumps(value))

    def run(self, line):
        """Its exit code and all it printed."""
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=self.root, env=self.environment, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", errors="replace")
        return done.returncode, done.stdout

    def make(self, *lines):
        for line in lines:
            code, text = self.run(line)
            assert code == 0, f"{line}: exit code {code}\n{text}"

    def make_corpus(self, tokenizer="bytes"):
        self.make(f"isogloss corpus build --input text --tokenizer {tokenizer} --out corpus --valid-share 0.1")

    def make_model(self, name, layers=2, *more):
        self.make(" ".join(["isogloss model create", name, "--corpus corpus", f"--model.layers {layers}", *MODEL, *more]))

    def make_plan_small(self, name):
        """A plan of launch/runs at a hundredth of its size."""
        path = self.root / "launch/runs" / name
        text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("//"))
        plan = json.loads(text)
        plan.update(corpus="../../corpus", out="../../runs/plan")
        plan["model"].update({"model.width": 32, "model.heads": 2, "model.ffn-hidden": 48, "model.max-positions": 64})
        plan["defaults"].update({"train.rows": 4, "train.row-length": 32, "train.evaluate-tokens": 64,
                                 "train.warmup-steps": 1})
        for stage in plan["stages"]:
            for options in stage.values():
                if isinstance(options, dict):
                    options.update({key: 2 for key in options if key == "train.steps"})
                    options.update({key: 200 for key in options if key == "tokens"})
        path.write_text(json.dumps(plan))


def made_words(seed):
    """Twelve words with letters of two scripts."""
    return [chr(0x3b1 + (seed + i) % 24) * (1 + i % 3) + chr(97 + (seed * 5 + i) % 26) * (1 + i % 4) for i in range(12)]
