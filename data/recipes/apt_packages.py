# data/recipes/apt_packages.py - Debian packages without installing them: what apt knows, download, read.
#
# Only commands that any user may run: apt-cache, apt-get download, dpkg-deb.

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple

from .errors import BadData, MachineError

MAX_MEMBER_BYTES = 64 << 20
# Packages a call of apt-get, so that a long download shows progress.
BATCH = 24


class Package(NamedTuple):
    name: str
    version: str
    size: int  # bytes of the .deb
    sha256: str
    description: str

    def label(self) -> str:
        return f"{self.name} {self.version}"

    def file_name(self) -> str:
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.sha256[:12]}.deb"


def run(command: List[str], folder: str = ".") -> str:
    try:
        # A fixed locale: the answers are parsed.
        done = subprocess.run(command, cwd=folder, env={**os.environ, "LC_ALL": "C"}, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    except FileNotFoundError as fault:
        raise MachineError(f"{command[0]} is not on this machine; this recipe needs Debian, Ubuntu or a system "
                           "with their package tools") from fault
    if done.returncode != 0:
        raise MachineError(f"`{' '.join(command[:6])}{' ...' if len(command) > 6 else ''}` failed "
                           f"({done.returncode}): {done.stderr.strip() or done.stdout.strip()}\n"
                           "remedy: `apt-get update` as root, then run again")
    return done.stdout


def known(prefixes: List[str]) -> Dict[str, Package]:
    """Packages whose name begins with a prefix, by name, in the version that apt would install.

    One call, because without its binary cache apt reads all its lists at every call."""
    shown = run(["apt-cache", "search", "--full", "--names-only", f"^({'|'.join(prefixes)})"])
    found = parse_packages(shown, prefixes)
    if not found:
        raise MachineError(f"apt knows no package {' or '.join(p + '*' for p in prefixes)}\n"
                           "remedy: `apt-get update` as root, then run again")
    return dict(sorted(found.items()))


def parse_packages(shown: str, prefixes: List[str]) -> Dict[str, Package]:
    found = {}
    for paragraph in shown.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        name = fields.get("Package", "")
        if name.startswith(tuple(prefixes)) and "SHA256" in fields:
            description = fields.get("Description-en") or fields.get("Description") or ""
            found[name] = Package(name, fields["Version"], int(fields["Size"]), fields["SHA256"], description)
    return found


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def fetch(packages: List[Package], cache: Path, tell: Callable[[str], None]) -> Dict[str, Path]:
    """Paths of the .deb files by package name; downloads those that the cache lacks or has damaged."""
    cache.mkdir(parents=True, exist_ok=True)
    paths = {package.name: cache / package.file_name() for package in packages}
    missing = [p for p in packages if not (paths[p.name].is_file() and sha256(paths[p.name]) == p.sha256)]
    total = sum(p.size for p in missing)
    done = 0
    for begin in range(0, len(missing), BATCH):
        batch = missing[begin : begin + BATCH]
        download(batch, cache)
        done += sum(p.size for p in batch)
        tell(f"downloaded {done / 1e6:.1f} of {total / 1e6:.1f} MB")
    return paths


def download(packages: List[Package], cache: Path) -> None:
    """Into a folder of its own first: a file under its final name is whole."""
    # apt cannot drop to its own user in a folder that only we may read.
    unsandboxed = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="partial-", dir=cache) as folder:
        run(["apt-get", *unsandboxed, "-q", "download", *(f"{p.name}={p.version}" for p in packages)], folder)
        for package in packages:
            arrived = sorted(Path(folder).glob(f"{package.name}_*.deb"))
            if len(arrived) != 1 or sha256(arrived[0]) != package.sha256:
                raise BadData(f"{package.label()}: the download is not the file that apt's lists describe "
                              f"(sha256 {package.sha256[:12]}...)\nremedy: `apt-get update` as root, then run again")
            shutil.move(str(arrived[0]), str(cache / package.file_name()))


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[Tuple[str, bytes]]:
    """(name, content) of the regular files in a .deb whose name `wanted` accepts. Nothing is unpacked to disk."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(path)], stdout=subprocess.PIPE,
                                   stderr=complaints)
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                yield from regular_files(archive, path, wanted)
            process.stdout.read()
        except tarfile.TarError as fault:
            raise BadData(f"{path}: not a Debian package: {fault}; delete it and run again") from fault
        finally:
            process.stdout.close()
            status = process.wait()
        if status != 0:
            complaints.seek(0)
            raise BadData(f"{path}: dpkg-deb: {complaints.read().decode(errors='replace').strip()}; "
                          "delete it and run again")


def regular_files(archive: tarfile.TarFile, path: Path, wanted: Callable[[str], bool]) -> Iterator[Tuple[str, bytes]]:
    for member in archive:
        name = member.name[2:] if member.name.startswith("./") else member.name
        if not member.isfile() or not wanted(name):
            continue
        if member.size > MAX_MEMBER_BYTES:
            raise BadData(f"{path}: {name} has {member.size} bytes, more than the {MAX_MEMBER_BYTES} that are read")
        yield name, archive.extractfile(member).read()
