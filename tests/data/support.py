# tests/data/support.py - what the tests of recipes stand on: data/ itself, and a recipe run as a user runs it.

import gzip
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"
SKIPPED = 77  # what ctest takes for "skipped"
sys.dont_write_bytecode = True
sys.path.insert(0, str(DATA))


class RecipeTest(unittest.TestCase):
    """A test with a download and an output folder of its own."""

    recipe = ""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="isogloss-data-")
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name) / "download"
        self.folder.mkdir()
        self.out = Path(holder.name) / "out"

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    def run_recipe(self, *words, environment=None):
        return subprocess.run([sys.executable, DATA / self.recipe, *map(str, words)], env=environment, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")

    def make(self, *words, code=0):
        done = self.run_recipe(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def read(self, name):
        data = (self.out / name).read_bytes()
        data = gzip.decompress(data) if name.endswith(".gz") else data
        return [json.loads(line) for line in data.decode("utf-8").splitlines()]

    def texts(self, name):
        return [document["text"] for document in self.read(name)]

    def files(self):
        return sorted(str(path.relative_to(self.out)) for path in self.out.rglob("*") if path.is_file())

    def sources(self):
        return json.loads((self.out / "sources.json").read_text(encoding="utf-8"))
