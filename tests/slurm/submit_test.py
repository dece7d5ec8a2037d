# tests/slurm/submit_test.py - claims about launch/submit: what it would submit, and what it refuses to. No Slurm: a
# program of the name sbatch writes down how it is called.

import json
import os
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import PLAN, PROBE, PROGRAM, RUN, SOURCE, STEPS

SBATCH = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >> calls
echo --end >> calls
expr 100 + $(grep -c '^--end$' calls)
"""


class SubmitTest(unittest.TestCase):

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="isogloss-submit-")
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        for name in ("model/manifest.json", "corpus/corpus.json", "bin/sbatch", "site.env"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(SBATCH if name.endswith("sbatch") else "")
        (self.folder / "bin/sbatch").chmod(0o755)
        self.write("run.cfg", RUN.format(out="run", steps=STEPS))
        self.write("plan.json", json.dumps(PLAN))
        self.write("probe.cfg", PROBE + "languages = el,en,tr # of the corpus\n")

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def submit(self, *words, code=0, path=True):
        environment = dict(os.environ, ISOGLOSS_PROGRAM=PROGRAM, ISOGLOSS_SITE=str(self.folder / "site.env"))
        if path:
            environment["PATH"] = f"{self.folder}/bin:{environment['PATH']}"
        done = subprocess.run([str(SOURCE / "launch/submit"), *words], cwd=self.folder, env=environment, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def calls(self):
        path = self.folder / "calls"
        return [call.split() for call in path.read_text().split("--end\n")[:-1]] if path.exists() else []

    def test_a_run_is_one_job(self):
        text = self.submit("run.cfg", "--nodes=4", "--", "--train.steps=5")
        (call,) = self.calls()
        self.assertEqual(call, ["--parsable", "--dependency=singleton", "--kill-on-invalid-dep=yes", "--job-name=run",
                                "--nodes=4", f"{SOURCE}/slurm/train.sbatch", "run.cfg", "--train.steps=5"])
        self.assertRegex(text, r"scancel --user=\S+ --name=run ")

    def test_probes_are_an_array_and_a_job_after_it(self):
        self.submit("probe.cfg", "--tasks", "2", "--threshold", "0.5", "--groups", "2", "--", "--rows=8")
        array, group = self.calls()
        options = ["--rows=8", "--config", "probe.cfg"]
        self.assertEqual(array[4:], ["--array=0-1", f"{SOURCE}/slurm/probe-array.sbatch", *options])
        self.assertIn("--dependency=afterok:101", group)
        self.assertEqual(group[4:], [f"{SOURCE}/slurm/group.sbatch", *options, "--", "--threshold", "0.5", "--",
                                     "--groups", "2"])

    def test_an_array_has_no_more_tasks_than_languages(self):
        self.submit("probe.cfg")
        self.assertIn("--array=0-2", self.calls()[0])

    def test_a_plan_that_begins_with_probes_has_them_done_by_an_array(self):
        self.submit("plan.json")
        array, plan = self.calls()
        self.assertIn(f"{SOURCE}/slurm/probe-array.sbatch", array)
        self.assertIn("--array=0-2", array)
        self.assertEqual(plan[1], "--dependency=afterok:101")
        self.assertEqual(plan[-2:], [f"{SOURCE}/slurm/lifelong.sbatch", "plan.json"])

    def test_any_other_plan_is_one_job(self):
        self.write("plain.json", json.dumps(dict(PLAN, stages=[{"name": "base", "languages": ["en"]}])))
        self.submit("plain.json")
        (call,) = self.calls()
        self.assertEqual(call[1], "--dependency=singleton")
        self.assertEqual(call[-2:], [f"{SOURCE}/slurm/lifelong.sbatch", "plain.json"])

    def test_a_dry_run_prints_the_same_lines_and_submits_nothing(self):
        lines = [shlex.split(line) for line in self.submit("plan.json", "--dry-run").splitlines()]
        self.assertEqual(self.calls(), [])
        self.submit("plan.json")
        self.assertEqual([[word.replace("JOB", "101") for word in line[1:]] for line in lines], self.calls())

    def test_a_dry_run_needs_no_slurm(self):
        (self.folder / "bin/sbatch").unlink()
        self.submit("run.cfg", "--dry-run", path=False)

    def test_the_site_adds_options_before_those_of_the_user(self):
        self.write("site.env", "ISOGLOSS_SBATCH='--nodes=8 --qos=long'\nmodule_that_is_not_there\n")
        self.submit("run.cfg", "--nodes=2")
        (call,) = self.calls()
        self.assertEqual(call[4:7], ["--nodes=8", "--qos=long", "--nodes=2"])

    def test_what_cannot_run_is_not_submitted(self):
        self.write("lost.cfg", RUN.format(out="run", steps=STEPS).replace("from = model", "from = nowhere"))
        self.write("endless.cfg", RUN.format(out="run", steps=STEPS).replace("out = run\n", ""))
        self.write("wrong.json", json.dumps(dict(PLAN, stage=[])))
        self.write("empty.cfg", "checkpoint = model\nout = probe\n")
        for words, message in ((["none.cfg"], "no such file: none.cfg"),
                               (["lost.cfg"], "run.from = nowhere: is no checkpoint"),
                               (["endless.cfg"], "run.out is missing"),
                               (["wrong.json"], "stage"),
                               (["empty.cfg"], "no languages to probe"),
                               (["probe.cfg", "--tasks", "0"], "must be a number from 1 on"),
                               (["run.cfg", "--groups", "3"], "are for probes"),
                               (["run.cfg", "-N", "2"], "a word too many"),
                               ([], "which file?")):
            with self.subTest(words):
                self.assertIn(message, self.submit(*words, code=2))
        self.assertEqual(self.calls(), [])

    def test_a_word_after_the_dashes_goes_over_the_file(self):
        self.write("lost.cfg", RUN.format(out="run", steps=STEPS).replace("from = model", "from = nowhere"))
        self.submit("lost.cfg", "--", "--run.from=model")
        self.assertEqual(len(self.calls()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=0)
