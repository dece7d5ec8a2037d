# data/recipes/command.py - what the command lines of recipes share: options, their checks, exit codes.

import argparse
import hashlib
import os
import sys
from pathlib import Path
from typing import Callable, List

from .errors import MachineError, RecipeError

EPILOG = "Exit: 0 done, 2 usage, 3 bad data in the input, 4 the machine (no space, no permission, something missing)."
COMPRESSIONS = {"none": "", "gz": ".gz", "zst": ".zst"}


def tell(line: str) -> None:
    print(line, flush=True)


def parser_of(name: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=name, description=description, epilog=EPILOG)


def add_output(parser: argparse.ArgumentParser, compression: str) -> None:
    parser.add_argument("--max-mb", type=float, metavar="N", help="at most N million bytes of text a language")
    parser.add_argument("--jobs", type=int, metavar="N", default=os.cpu_count() or 1,
                        help="files read at the same time (default: %(default)s)")
    parser.add_argument("--compress", choices=sorted(COMPRESSIONS), default=compression,
                        help="of the files written; zst needs the program zstd (default: %(default)s)")


def add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the download")
    parser.add_argument("out", nargs="?", type=Path, metavar="OUT", help="folder for the text; made if absent")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--languages", metavar="TAGS", help="BCP 47 tags between commas: en,zh,pt-BR,sr-Latn")
    which.add_argument("--all", action="store_true", help="every language of the download")
    which.add_argument("--list", action="store_true", help="print the languages of the download, and stop")


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> argparse.Namespace:
    """Ends with all faults at once."""
    faults = []
    if "folder" in options and not options.list:
        if options.out is None:
            faults.append("OUT is missing: the folder to write to")
        if not options.all and not tags_of(options):
            faults.append("say --languages en,zh,... or --all; --list shows what there is")
    if options.max_mb is not None and not options.max_mb > 0:
        faults.append(f"--max-mb {options.max_mb:g}: must be above 0")
    if options.jobs < 1:
        faults.append(f"--jobs {options.jobs}: must be 1 or more")
    if faults:
        parser.error("; ".join(faults))
    return options


def tags_of(options: argparse.Namespace) -> List[str]:
    return [tag.strip() for tag in (options.languages or "").split(",") if tag.strip()]


def recipe_digest() -> str:
    """Changes with the program, the modules it has loaded and their table: text made by an older one is made anew."""
    files = [Path(module.__file__) for name, module in sorted(sys.modules.items()) if name.startswith("recipes.")]
    if "recipes.tags" in sys.modules:
        files.append(Path(__file__).resolve().parents[1] / "languages.tsv")
    digest = hashlib.sha256()
    for path in [Path(sys.argv[0]), *files]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(name: str, main: Callable[[List[str]], int]) -> None:
    """Runs `main` and exits with its code, or with that of the fault, which is printed."""
    try:
        sys.exit(main(sys.argv[1:]))
    except (RecipeError, OSError) as fault:
        print(f"{name}: {fault}", file=sys.stderr)
        sys.exit(fault.code if isinstance(fault, RecipeError) else MachineError.code)
    except KeyboardInterrupt:
        sys.exit(130)
