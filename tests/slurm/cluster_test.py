# tests/slurm/cluster_test.py - claims about the cluster of these tests itself: it leaves nothing behind.

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import SKIPPED, wait_until

import cluster

HOLDER = """
import sys, time
sys.path.insert(0, {here!r})
import cluster
held = cluster.Cluster({folder!r}, 2, 2)
print("up", flush=True)
time.sleep(600)
"""


def processes_of(folder):
    """Whose command line or environment names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and int(entry.name) != os.getpid() and str(folder).encode() in text:
            found.append(int(entry.name))
    return found


class ClusterTest(unittest.TestCase):

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="isogloss-cluster-")
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name) / "cluster"

    def test_a_test_that_is_killed_leaves_neither_daemons_nor_jobs(self):
        script = HOLDER.format(here=str(Path(__file__).parent), folder=str(self.folder))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, encoding="utf-8") as test:
            self.assertEqual(test.stdout.readline(), "up\n")
            environment = dict(os.environ, SLURM_CONF=str(self.folder / "slurm.conf"), PATH=cluster.PATH)
            started = self.folder / "started"
            job = f"--wrap=srun sh -c 'touch {started}; sleep 600'"
            subprocess.run(["sbatch", "--nodes=2", "--output=/dev/null", job], env=environment, check=True,
                           stdout=subprocess.DEVNULL)
            wait_until(started.exists, 20, "the job")
            self.assertGreater(len(processes_of(self.folder)), 8)  # daemons, the job's shell, its srun and its steps
            os.kill(test.pid, signal.SIGKILL)
        wait_until(lambda: not processes_of(self.folder), 20, lambda: processes_of(self.folder))

    def test_two_clusters_run_beside_each_other(self):
        both = []
        with tempfile.TemporaryDirectory(prefix="isogloss-cluster-") as other:
            for one in (self.folder, Path(other) / "cluster"):
                held = cluster.Cluster(one, 1, 1)
                self.addCleanup(held.close)
                both.append(held)
            for one in both:
                nodes = subprocess.run(["sinfo", "-h", "-t", "idle", "-o", "%N"], env=one.environment, check=True,
                                       stdout=subprocess.PIPE, encoding="utf-8").stdout
                self.assertEqual(nodes.strip(), "n1")
            self.doCleanups()


if __name__ == "__main__":
    reason = cluster.obstacle()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    unittest.main(verbosity=0)
