# tests/slurm/cluster.py - a real Slurm on the loopback of this machine: munged, slurmctld and a slurmd a node.
#
#     cluster.py FOLDER NODES CPUS      keeps it up until its standard input ends
#
# A process of its own holds the daemons, so that nothing stays behind however a test ends: it sees the end of the
# pipe that the test held, and kills all that ever came from it. Everything lies in FOLDER, nothing listens on more
# than 127.0.0.1, and the ports are free ones: another cluster on the machine is not in its way.

import ctypes
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
TOOLS = ("sbatch", "srun", "scontrol", "scancel", "squeue", "sinfo")
GPUS = 2  # that each node pretends to have: copies of /dev/null, enough to see which ones a rank is shown
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

# Waiting ranks must yield, as there are more of them than cores. Between nodes messages go by libfabric where Open
# MPI has it: with its own TCP, 1 start in 25 of 4 ranks on 2 emulated nodes ended in a segmentation fault inside
# MPI_Init, where a message came before the receiver was ready (Open MPI 4.1.4, Slurm 22.05, a busy machine), and
# with libfabric none of 300. For that TCP the shared memory of each node must have its own folder.
TASK_PROLOG = """#!/bin/sh
mkdir -p "{shared}.$SLURMD_NODENAME"
echo "export OMPI_MCA_btl_vader_backing_directory={shared}.$SLURMD_NODENAME"
echo "export OMPI_MCA_btl=self,vader,tcp"
echo "export OMPI_MCA_btl_tcp_if_include=lo"
echo "export OMPI_MCA_mpi_yield_when_idle=1"
{messages}
"""
LIBFABRIC = """echo "export OMPI_MCA_pml=cm"
echo "export OMPI_MCA_mtl=ofi"
"""

# cred_expire: how long a requeued job waits at least; less than 5 is refused. MinJobAge: there is no data base to
# ask for ended jobs.
CONFIG = """ClusterName=isogloss
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
TmpFS={folder}/tmp.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
TaskProlog={folder}/task_prolog
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
PropagateResourceLimits=NONE
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=3600
KillWait=6
CompleteWait=0
ReturnToService=2
SlurmdTimeout=60
"""


class Fault(Exception):
    pass


def obstacle():
    """Why there can be no cluster here, or ''."""
    if os.geteuid() != 0:
        return "only root starts slurmd and munged"
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        return "Slurm looks up no names where there is no network interface but the loopback"
    missing = [name for name in DAEMONS + TOOLS if shutil.which(name, path=PATH) is None]
    return f"{', '.join(missing)} not found; launch/setup installs slurm-wlm and munge" if missing else ""


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def has_libfabric():
    """Whether Open MPI can send by libfabric."""
    told = subprocess.run(["ompi_info", "--parsable"], stdout=subprocess.PIPE, encoding="utf-8", check=False).stdout
    return "mca:mtl:ofi:" in told


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def family():
    """Processes that descend from this one."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            except (OSError, IndexError):  # has ended
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, pending = [], [os.getpid()]
    while pending:
        pending += children.get(pending[0], [])
        found += children.get(pending.pop(0), [])
    return found


class Keeper:
    """The process that holds the daemons."""

    def __init__(self, folder, nodes, cpus):
        self.folder, self.nodes, self.cpus = Path(folder), [f"n{i + 1}" for i in range(nodes)], cpus
        self.daemons = []
        self.shared = f"/dev/shm/isogloss-slurm-{os.getpid()}"  # of each node, with its name behind

    def make_gpus(self):
        """Device files, or none where a container may not make them."""
        gpus = [self.folder / f"nvidia{i}" for i in range(GPUS)]
        try:
            for gpu in gpus:
                os.mknod(gpu, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            return []
        return gpus

    def write_config(self):
        ports = free_ports(1 + len(self.nodes))
        host = socket.gethostname().partition(".")[0]
        gpus = self.make_gpus()
        gres = f"Gres=gpu:{len(gpus)} " if gpus else ""
        lines = [CONFIG.format(folder=self.folder, host=host, ports=ports)]
        for node, port in zip(self.nodes, ports[1:]):
            lines.append(f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} "
                         f"RealMemory=2048 {gres}State=UNKNOWN\n")
        lines.append(f"PartitionName=main Nodes={','.join(self.nodes)} Default=YES MaxTime=INFINITE State=UP\n")
        (self.folder / "slurm.conf").write_text("".join(lines))
        (self.folder / "gres.conf").write_text(
            "AutoDetect=off\n" + "".join(f"Name=gpu File={gpu} Flags=nvidia_gpu_env\n" for gpu in gpus))
        prolog = self.folder / "task_prolog"
        prolog.write_text(TASK_PROLOG.format(shared=self.shared, messages=LIBFABRIC if has_libfabric() else ""))
        prolog.chmod(0o755)

    def run(self, *words):
        with open(self.folder / f"{words[0]}.err", "ab") as log:
            self.daemons.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 preexec_fn=die_with_parent, start_new_session=True))

    def wait_for(self, what, condition):
        end = time.monotonic() + 30
        while not condition():
            ended = [one.args[0] for one in self.daemons if one.poll() is not None]
            if ended or time.monotonic() > end:
                logs = "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.err")))
                raise Fault(f"{what}: {', '.join(ended) + ' ended' if ended else 'not within 30 s'}\n{logs}")
            time.sleep(0.02)

    def num_idle(self):
        done = subprocess.run(["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, encoding="utf-8", check=False)
        return len(done.stdout.split())

    def start(self):
        key, munge = self.folder / "munge.key", self.folder / "munge.socket"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
        self.write_config()
        config = str(self.folder / "slurm.conf")
        os.environ.update(SLURM_CONF=config, PATH=PATH)
        for name in ["state"] + [f"{kind}.{node}" for kind in ("spool", "tmp") for node in self.nodes]:
            (self.folder / name).mkdir()
        self.run("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={munge}",
                 f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log",
                 f"--seed-file={self.folder}/munged.seed")
        self.wait_for("the socket of munged", munge.exists)
        self.run("slurmctld", "-D", "-c", "-f", config)
        for node in self.nodes:
            self.run("slurmd", "-D", "-c", "-N", node, "-f", config)
        self.wait_for("idle nodes", lambda: self.num_idle() == len(self.nodes))

    def keep(self):
        """Until standard input ends. Takes in orphans meanwhile."""
        while not (select.select([sys.stdin], [], [], 1.0)[0] and not os.read(0, 1)):
            reap()

    def end(self):
        while left := family():  # again and again: one may have forked before it was killed
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            reap()
            time.sleep(0.01)
        for node in self.nodes:
            shutil.rmtree(f"{self.shared}.{node}", ignore_errors=True)


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main(folder, nodes, cpus):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # those are for the test; it tells by the pipe
        signal.signal(number, lambda *_: None)  # ignoring would pass on to the jobs
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    keeper = Keeper(folder, int(nodes), int(cpus))
    try:
        keeper.start()
        print("up", flush=True)
        keeper.keep()
    except Fault as fault:
        print(fault, flush=True)
    finally:
        keeper.end()


class Cluster:
    """What a test holds: a cluster that ends with it."""

    def __init__(self, folder, nodes, cpus):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.keeper = subprocess.Popen([sys.executable, __file__, str(folder), str(nodes), str(cpus)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
                                       start_new_session=True)
        if self.keeper.stdout.readline().strip() != "up":
            text = self.keeper.stdout.read()
            self.close()
            raise Fault(f"no cluster: {text}")
        self.environment = dict(os.environ, SLURM_CONF=str(self.folder / "slurm.conf"), PATH=PATH)

    def close(self):
        self.keeper.stdin.close()
        self.keeper.wait(timeout=30)
        self.keeper.stdout.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
