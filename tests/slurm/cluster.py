"""A real Slurm of three nodes on this machine: Debian's slurm-wlm and munge, in one folder, on the loopback.

No systemd, no cgroups, no accounting database. The nodes share a kernel and a file system; what tells them
apart is `SLURMD_NODENAME` in the environment of everything that runs on one.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
NODES = ("n1", "n2", "n3")
PARTITION = "main"

# SlurmdTimeout: after how many seconds of silence a node is taken for dead.
# MinJobAge: squeue is all there is to ask, also about jobs that ended.
# OverMemoryKill: a job that takes more than it asked for is killed, as cgroups would do it.
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={root}/run/munge.socket
SlurmctldPort={controller_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
ReturnToService=0
MinJobAge=86400
SlurmdTimeout=20
KillWait=5
MailProg=/bin/true
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_ports} \
 CPUs=4 RealMemory={memory_mb} State=UNKNOWN
PartitionName={partition} Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO LLN=YES
"""


@dataclass(frozen=True)
class SlurmJob:
    """A job as the controller sees it.

    Attributes:
        id: its number.
        state: RUNNING, COMPLETED, NODE_FAIL and so on.
        node: where it runs or ran, "" before.
        comment: what Snakemake says of it: the rule and its wildcards.
    """

    id: str
    state: str
    node: str
    comment: str


class Cluster:
    """A running Slurm, from `with Cluster(folder) as cluster:` to the end of the block.

    Attributes:
        root: the folder of its configuration, state and logs.
        memory_mb: of each node.
    """

    def __init__(self, root: Path, memory_mb: int = 5200) -> None:
        self.root = root
        self.memory_mb = memory_mb
        self._file = str(root / "slurm.conf")

    def __enter__(self) -> Cluster:
        try:
            self._configure()
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Variables with which Slurm's commands speak to this cluster."""
        path = os.pathsep.join([str(self.root / "bin"), base.get("PATH", os.defpath), "/usr/sbin"])
        return {**base, "SLURM_CONF": self._file, "PATH": path}

    def jobs(self) -> list[SlurmJob]:
        """All jobs there were, the latest first."""
        listed = self._ask("squeue", "--states=all", "--noheader", "--sort=-i", "--format=%i|%T|%N|%k")
        return [SlurmJob(*line.split("|", 3)) for line in listed.splitlines()]

    def node_states(self) -> dict[str, str]:
        """Node → idle, allocated, down and so on."""
        listed = self._ask("sinfo", "--Node", "--noheader", "--format=%N %T")
        return {name: state.rstrip("*") for name, state in (line.split() for line in listed.splitlines())}

    def kill_node(self, node: str) -> int:
        """Kill all that runs on a node, as a power cut would; it stays dead. Gives how many processes."""
        killed = 0
        # What is killed may have had time to start something.
        while victims := self.processes(node):
            for process in victims:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(victims, timeout=5)
            killed += len(victims)
        return killed

    def processes(self, node: str) -> list[psutil.Process]:
        """The node's daemon, the keepers of its steps, and all that these started; in this order."""
        daemons = []
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            daemons = [psutil.Process(int((self.root / "run" / f"{node}.pid").read_text()))]
        keepers = set()
        for process in psutil.process_iter():
            # A keeper has no environment to be told by; what it started has.
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                variables = process.environ()
                here = variables.get("SLURMD_NODENAME") == node and variables.get("SLURM_CONF") == self._file
                if here and (parent := process.parent()) and parent.name().startswith("slurmstepd"):
                    keepers.add(parent)
        started = [child for keeper in keepers for child in keeper.children(recursive=True)]
        return [*daemons, *keepers, *started]

    def _configure(self) -> None:
        for folder in ("run", "log", "state", "spool", "bin"):
            (self.root / folder).mkdir(parents=True)
        key = self.root / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        controller_port, *node_ports = _free_ports(1 + len(NODES))
        Path(self._file).write_text(
            _CONFIGURATION.format(
                root=self.root,
                host=socket.gethostname().split(".")[0],
                user=getpass.getuser(),
                controller_port=controller_port,
                node_ports=",".join(map(str, node_ports)),
                nodes=",".join(NODES),
                memory_mb=self.memory_mb,
                partition=PARTITION,
            )
        )
        # The plugin clears what begins with SLURM_ from the environment before it calls srun: where the
        # configuration lies, too, which here is not the default place.
        shim = self.root / "bin/srun"
        shim.write_text(f'#!/bin/sh\nSLURM_CONF={self._file} exec {shutil.which("srun")} "$@"\n')
        shim.chmod(0o755)

    def _start(self) -> None:
        run, log = self.root / "run", self.root / "log"
        self._ask(
            "munged",
            "--force",  # other users, who cannot reach the socket in a private folder, have no business here
            f"--key-file={self.root / 'munge.key'}",
            f"--socket={run / 'munge.socket'}",
            f"--pid-file={run / 'munged.pid'}",
            f"--log-file={log / 'munged.log'}",
            f"--seed-file={run / 'munged.seed'}",
        )
        self._ask("slurmctld")
        for node in NODES:
            self._ask("slurmd", "-N", node)
        deadline = time.monotonic() + 60
        while set(self.node_states().values()) != {"idle"}:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the nodes do not come up: {self.node_states()}; logs in {self.root}/log")
            time.sleep(0.2)

    def _stop(self) -> None:
        with suppress(RuntimeError, FileNotFoundError):
            self._ask("scancel", "--user", getpass.getuser())
        for node in NODES:
            self.kill_node(node)
        for name in ("slurmctld", "munged"):
            with suppress(FileNotFoundError, psutil.NoSuchProcess, psutil.TimeoutExpired):
                daemon = psutil.Process(int((self.root / "run" / f"{name}.pid").read_text()))
                daemon.terminate()
                daemon.wait(timeout=10)

    def _ask(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env=self.environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
        return done.stdout


def missing_programs() -> list[str]:
    """Which of Slurm's and munge's programs are not installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()
