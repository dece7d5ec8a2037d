# tests/slurm/support.py - what the tests of slurm/ stand on: a cluster, a corpus, a model, and jobs to watch.

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tests/support"))
import cluster  # noqa: E402
from made_text import made_text  # noqa: E402

PROGRAM = os.environ.get("ISOGLOSS_TEST_PROGRAM", str(SOURCE / "build/release/bin/isogloss"))
SKIPPED = 77  # what ctest takes for "skipped"
LANGUAGES = {"en": "water the house of light and under stone bird",
             "el": "νερό το σπίτι του φως και κάτω πέτρα πουλί",
             "hi": "पानी घर का प्रकाश और नीचे पत्थर पक्षी",
             "tr": "su ev ışık ve altında taş kuş bir"}
STEPS = 40  # so many that a run is still under way when a test has seen its first ones
RUN = """[run]
from = model
out = {out}
[data]
corpus = corpus
languages = en,el
[train]
steps = {steps}
rows = 64
row-length = 32
learning-rate = 0.01
warmup-steps = 2
checkpoint-every = 100
evaluate-tokens = 64
log-every = 1
"""
PLAN = {"corpus": "corpus", "from": "model", "out": "plan",
        "defaults": {"train.steps": 4, "train.rows": 8, "train.row-length": 32, "train.learning-rate": 0.01,
                     "train.warmup-steps": 1, "train.evaluate-tokens": 64},
        "stages": [{"name": "base", "languages": ["en", "el", "tr"], "recipe": "dmoe",
                    "probe": {"steps": 2, "rows": 4, "micro-rows": 2, "row-length": 32, "similarity-layers": 1},
                    "layers": {"layers": 1}, "cluster": {"groups": 3},
                    "hard": {"train.micro-rows": 4, "data.chunk-rows": 4}, "soft": {"train.steps": 6}},
                   {"name": "hi", "languages": ["hi"], "expand": {"experts": 1}}]}
PROBE = """checkpoint = model
corpus = corpus
out = probe
steps = 2
rows = 4
micro-rows = 2
row-length = 32
similarity-layers = 1
"""


def wait_until(condition, seconds, what, pause=0.05):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)
    return value


def shards(checkpoint):
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    return {shard["file"]: shard["sha256"] for shard in manifest["shards"]}


class Bench:
    """A folder with a corpus and a model in it, and a cluster of 4 nodes of 4 cores."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="isogloss-slurm-"))
        self.cluster = None
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        (self.root / "text").mkdir()
        for seed, (tag, words) in enumerate(LANGUAGES.items()):
            (self.root / "text" / f"{tag}.txt").write_text(made_text(words.split(), seed), encoding="utf-8")
        (self.root / "site.env").write_text("")
        self.isogloss("corpus", "build", "--input=text", "--tokenizer=bytes", "--out=corpus", "--valid-share=0.1",
                      "--licence=CC0-1.0")
        self.isogloss("model", "create", "model", "--corpus=corpus", "--model.width=32", "--model.layers=2",
                      "--model.heads=2", "--model.ffn-hidden=48", "--model.max-positions=64")
        self.cluster = cluster.Cluster(self.root / "cluster", 4, 4)
        self.environment = dict(self.cluster.environment, ISOGLOSS_PROGRAM=PROGRAM, OMPI_ALLOW_RUN_AS_ROOT="1",
                                OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", ISOGLOSS_SITE=str(self.root / "site.env"))

    def close(self):
        if self.cluster:
            self.cluster.close()
        if not os.environ.get("ISOGLOSS_TEST_KEEP"):
            shutil.rmtree(self.root)

    def isogloss(self, *words):
        done = subprocess.run([PROGRAM, *words], cwd=self.root, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8")
        if done.returncode:
            raise AssertionError(f"isogloss {' '.join(words)}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def call(self, *words, code=0, folder=None, environment=None):
        """A command of a user at the cluster: its standard output."""
        done = subprocess.run(list(map(str, words)), cwd=folder or self.root, check=False, encoding="utf-8",
                              env=dict(self.environment, **(environment or {})), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != code:
            raise AssertionError(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr if words[0] == SOURCE / "launch/submit" else done.stdout


class Job:
    """One submitted job, as scontrol, its log and its ranks show it."""

    def __init__(self, bench, number, folder=None):
        self.bench, self.number, self.folder = bench, number, folder or bench.root

    def field(self, name):
        text = self.bench.call("scontrol", "show", "job", self.number)
        return re.search(rf"\b{name}=(\S*)", text).group(1)

    @property
    def state(self):
        return self.field("JobState")

    def log(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob(f"*-{self.number}*.log")))

    def story(self):
        """What a failed test shows."""
        return f"job {self.number} is {self.state}, exit code {self.field('ExitCode')}; its log:\n{self.log()}"

    def wait(self, *states, seconds=60):
        """For the end in one of these states; another end is a fault."""
        ended = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
        wait_until(lambda: self.state in ended, seconds, self.story)
        if self.state not in states:
            raise AssertionError(f"expected {states}: {self.story()}")
        return self

    def ranks(self):
        """Process ids of its ranks."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "exe") == os.path.realpath(PROGRAM):
                    words = (entry / "environ").read_bytes().split(b"\0")
                    if f"SLURM_JOB_ID={self.number}".encode() in words:
                        found.append(int(entry.name))
            except OSError:  # has ended
                pass
        return found

    def signal_ranks(self, number):
        for pid in self.ranks():
            os.kill(pid, number)

    def hold(self, run, num_ranks=4, steps=3):
        """Stops the ranks where they are, after some steps of `run`: what comes now, comes in mid-run."""
        metrics = self.bench.root / run / "metrics.jsonl"
        wait_until(lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= steps, 60, self.story, 0.01)
        self.signal_ranks(signal.SIGSTOP)
        assert len(self.ranks()) == num_ranks, self.story()
        return self

    def release(self):
        self.signal_ranks(signal.SIGCONT)

    def is_held(self):
        """False once Slurm, with its signal, set the ranks going again itself."""
        ranks = self.ranks()
        return bool(ranks) and all(field(pid, "State").startswith("T") for pid in ranks)

    def has_pending(self, number):
        """Whether each rank has been sent a signal that it has not taken yet, being held."""
        masks = [int(field(pid, "ShdPnd"), 16) for pid in self.ranks()]
        return bool(masks) and all(mask >> (number - 1) & 1 for mask in masks)


def field(pid, name):
    """A line of a process' status; 0 once it has ended."""
    try:
        return re.search(rf"^{name}:\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE).group(1)
    except OSError:
        return "0"


def rank_and_node(pid):
    """Slurm's number of a rank, and the name of its node."""
    variables = dict(word.split("=", 1) for word in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in word)
    return variables["SLURM_PROCID"], variables["SLURMD_NODENAME"]


class QueueTest(unittest.TestCase):
    """A test with the bench of its module."""

    bench = None

    @classmethod
    def sbatch(cls, script, *words, options=("--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=1"), **more):
        number = cls.bench.call("sbatch", "--parsable", *options, SOURCE / "slurm" / script, *words, **more).strip()
        return Job(cls.bench, number, more.get("folder"))

    @classmethod
    def train(cls, out, *words, **more):
        (cls.bench.root / f"{out}.cfg").write_text(RUN.format(out=out, steps=STEPS))
        return cls.sbatch("train.sbatch", f"{out}.cfg", *words, **more)

    @classmethod
    def submit(cls, *words):
        """launch/submit: its jobs in their order, and what it printed."""
        text = cls.bench.call(SOURCE / "launch/submit", *words)
        return [Job(cls.bench, number) for number in re.findall(r" # job (\d+)$", text, re.MULTILINE)], text

    @classmethod
    def checkpoint(cls, out, step=STEPS):
        return cls.bench.root / out / f"checkpoints/step-{step:08}"


def main():
    reason = cluster.obstacle()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
