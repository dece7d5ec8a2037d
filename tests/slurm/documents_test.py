# tests/slurm/documents_test.py - claims about docs/slurm.md and launch/site.env.example: what they name is there.

import os
import re
import subprocess
import unittest

from support import PROGRAM, SOURCE

PAGE = (SOURCE / "docs/slurm.md").read_text(encoding="utf-8")
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in (SOURCE / "slurm").iterdir()}
SUBMIT = (SOURCE / "launch/submit").read_text(encoding="utf-8")
EXAMPLE = (SOURCE / "launch/site.env.example").read_text(encoding="utf-8")


def table(title):
    """Cells of the rows of the table below a heading."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[1:]


def without_values(text):
    return re.sub(r"\{\}|\$\w+|\b\d+\b", "#", text)


class DocumentsTest(unittest.TestCase):

    def test_every_file_that_the_page_names_exists(self):
        for name in set(re.findall(r"\b((?:slurm|launch|analysis)/[\w./-]*\w)", PAGE)) - {"launch/site.env"}:
            self.assertTrue((SOURCE / name).exists(), name)

    def test_the_page_tells_of_every_job(self):
        for name in SCRIPTS:
            if name.endswith(".sbatch"):
                self.assertIn(f"slurm/{name}", PAGE)

    def test_every_message_of_the_page_is_one_of_ours_or_of_slurm(self):
        ours = "".join(SCRIPTS.values()) + SUBMIT
        for folder in ("base", "cli", "comm", "train"):
            for path in sorted((SOURCE / "src" / folder).glob("*.cpp")):
                ours += re.sub(r'"\s*"', "", path.read_text(encoding="utf-8"))  # a text may stand in several pieces
        ours = without_values(ours)
        rows = table("Messages")
        self.assertGreater(len(rows), 10)
        for row in rows:
            for message in re.findall("`([^`]+)`", row[0]):
                if not message.startswith("srun: ") and message not in ("DependencyNeverSatisfied", "squeue"):
                    self.assertTrue(without_values(message) in ours, message)

    def test_exit_codes_are_those_of_the_program(self):
        text = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
        known = set(re.findall(r"\b(\d+) [a-z]", text.partition("Exit codes:")[2]))
        told = {code for row in table("Exit codes") for code in row[0].split(", ")}
        self.assertLess(known, told)
        for code in told:
            self.assertRegex(SCRIPTS["job.sh"], rf"\n +(\d+ \| )*{code}( \| \d+)*\) echo")

    def test_only_code_75_is_queued_again(self):
        again = [row[0] for row in table("Exit codes") if "queued again" in row[2]]
        self.assertEqual(again, ["75"])

    def test_every_variable_of_a_site_is_read_and_explained(self):
        read = set(re.findall(r"\bISOGLOSS_[A-Z_]+", "".join(SCRIPTS.values()) + SUBMIT)) - {"ISOGLOSS_SITE"}
        self.assertEqual(set(re.findall(r"\bISOGLOSS_[A-Z_]+", EXAMPLE)), read)

    def test_a_site_file_can_be_read(self):
        text = re.sub("^# ((?:export|module) )", r"\1", EXAMPLE, flags=re.MULTILINE)
        self.assertGreater(text.count("\nexport "), 5)
        subprocess.run(["bash", "-euc", f"module() {{ :; }}\n{text}"], check=True, env={"HOME": "/", **os.environ})


if __name__ == "__main__":
    unittest.main(verbosity=0)
