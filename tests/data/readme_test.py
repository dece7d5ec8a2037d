# tests/data/readme_test.py - claims about data/README.md: its commands are taken, and it tells of every recipe.

import importlib.machinery
import importlib.util
import os
import re
import shlex
import unittest

from support import DATA

README = (DATA / "README.md").read_text(encoding="utf-8")


def commands():
    blocks = re.findall("```console\n(.*?)```", README, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(line) for line in lines]


def recipes():
    return sorted(path.name for path in DATA.iterdir() if path.is_file() and os.access(path, os.X_OK))


def load(name):
    loader = importlib.machinery.SourceFileLoader(f"recipe_{name}", str(DATA / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class ReadmeTest(unittest.TestCase):
    def test_every_command_is_one_that_its_recipe_takes(self):
        for words in commands():
            with self.subTest(" ".join(words)):
                folder, _, name = words[0].partition("/")
                self.assertEqual(folder, "data")
                load(name).parse(words[1:])  # ends the program where it does not understand

    def test_every_recipe_has_a_section_with_a_command_and_a_row(self):
        shown = {words[0] for words in commands()}
        for name in recipes():
            self.assertIn(f"data/{name}", shown)
            self.assertIn(f"\n## {name}\n", README)
            self.assertIn(f"| [`data/{name}`](#{name}) |", README)

    def test_every_option_of_the_tables_is_one_of_the_recipes(self):
        helps = (DATA / "recipes" / "command.py").read_text(encoding="utf-8")
        helps += "".join((DATA / name).read_text(encoding="utf-8") for name in recipes())
        ours = re.sub(r"`(isogloss|--input)[^`]*`", "", README)
        for option in set(re.findall(r"`(--[a-z-]+)", ours)):
            self.assertIn(f'"{option}"', helps, option)


if __name__ == "__main__":
    unittest.main(verbosity=0)
