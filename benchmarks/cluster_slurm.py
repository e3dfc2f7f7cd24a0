"""Two nodes of a real Slurm on this machine, from Debian's packages, without root's services: what cluster.py needs.

Where there is no slurmctld the packages are fetched by apt-get and unpacked into a folder, and nothing is installed.
Both nodes are this machine, with a core each, which nothing keeps a job to. No munge and no accounting: a cluster on
which sacct does not work is the harder one.
"""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

PACKAGES = ('libhwloc15', 'liblua5.1-0', 'libmunge2', 'munge', 'slurm-client', 'slurm-wlm-basic-plugins', 'slurmctld',
            'slurmd')  # fmt: skip
CONFIG = """\
ClusterName=posbench
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
PluginDir={plugins}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool/%n
SlurmctldPidFile={place}/ctld.pid
SlurmdPidFile={place}/%n.pid
SlurmctldLogFile={place}/ctld.log
SlurmdLogFile={place}/%n.log
SlurmctldPort=17817
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
JobRequeue=1
KillWait=60
MinJobAge=300
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port=17001 CPUs=1 RealMemory=2000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port=17002 CPUs=1 RealMemory=2000 State=UNKNOWN
PartitionName=runs Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""


class Unavailable(Exception):
    """There is no Slurm here, and none to be had."""


class Slurm:
    """A context manager: the cluster is up inside, in a folder that is its own. `environment` is what finds it."""

    def __init__(self, place: Path):
        self._place = place
        self._daemons: list[subprocess.Popen] = []
        self.environment: dict[str, str] = {}

    def __enter__(self) -> 'Slurm':
        root = _root(self._place)
        plugins = root / 'usr/lib/x86_64-linux-gnu/slurm-wlm'
        for name in ('state', 'spool/n1', 'spool/n2'):
            (self._place / name).mkdir(parents=True)
        config = self._place / 'slurm.conf'
        config.write_text(CONFIG.format(host=os.uname().nodename, plugins=plugins, place=self._place))
        self.environment = dict(SLURM_CONF=str(config))
        if root != Path('/'):
            libraries = f'{plugins.parent}:{plugins}'
            self.environment |= dict(LD_LIBRARY_PATH=libraries, PATH=f'{root / "usr/bin"}:{os.environ["PATH"]}')
        daemons = root / 'usr/sbin'
        self._start([str(daemons / 'slurmctld-wlm'), '-D', '-i'])
        for node in ('n1', 'n2'):
            self._start([str(daemons / 'slurmd-wlm'), '-D', '-N', node, '-d', str(daemons / 'slurmstepd-wlm')])
        for _ in range(120):
            if self.ask('sinfo', '--noheader', '--partition=runs', '--format=%T %D').strip() == 'idle 2':
                return self
            time.sleep(1)
        self.__exit__()
        raise Unavailable(f'the two nodes did not come up in two minutes; see {self._place}/*.log')

    def __exit__(self, *_) -> None:
        for daemon in self._daemons[::-1]:
            daemon.terminate()
        for daemon in self._daemons:
            daemon.wait()

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints; '' where it fails."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, encoding='utf-8', cwd=self._place).stdout

    def running(self) -> dict[str, str]:
        """Node by job, of the runs that are running."""
        lines = self.ask('squeue', '--noheader', '--array', '--partition=runs', '--states=R', '--format=%i %N')
        return dict(line.split() for line in lines.splitlines())

    def preempt(self, node: str) -> None:
        """Gives a node to somebody else for a second, at the cost of the run that has it."""
        self.ask('sbatch', '--partition=urgent', f'--nodelist={node}', '--output=/dev/null', '--wrap=sleep 1')

    def warn(self, job: str) -> None:
        """The signal that comes before the time of a job is over."""
        self.ask('scancel', '--signal=USR2', job)

    def drain(self, node: str) -> None:
        self.ask('scontrol', 'update', f'NodeName={node}', 'State=DRAIN', 'Reason=benchmark')

    def resume(self, node: str) -> None:
        self.ask('scontrol', 'update', f'NodeName={node}', 'State=RESUME')

    def hurry(self) -> None:
        """Takes back the two minutes that Slurm has a requeued job wait for."""
        lines = self.ask('squeue', '--noheader', '--array', '--partition=runs', '--states=PD', '--format=%i %r')
        for line in lines.splitlines():
            if line.endswith(' BeginTime'):
                self.ask('scontrol', 'update', f'JobId={line.split()[0]}', 'StartTime=now')

    def _start(self, command: list[str]) -> None:
        with (self._place / 'daemons.txt').open('ab') as log:
            environment = {**os.environ, **self.environment}
            self._daemons.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))


def jobs(folder: Path) -> int:
    """How many jobs were submitted for a study."""
    return sum(len(json.loads(line)) for line in (folder / '.slurm/jobs.jsonl').read_text('utf-8').splitlines())


def starts(folder: Path) -> dict[str, int]:
    """How often each run was started in a job."""
    logs = folder.glob('*/log.txt')
    return {log.parent.name: len(re.findall('^.*, job .*requeued', log.read_text('utf-8'), re.M)) for log in logs}


def _root(place: Path) -> Path:
    """The folder that usr/bin/sbatch and its like are below."""
    if shutil.which('slurmctld-wlm'):
        return Path('/')
    if shutil.which('apt-get') is None:
        raise Unavailable('no slurmctld, and no apt-get to fetch it with')
    packages = place / 'packages'
    packages.mkdir(parents=True)
    command = ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', *PACKAGES]
    if subprocess.run(command, cwd=packages).returncode:
        raise Unavailable('no slurmctld, and apt-get does not fetch it; `apt-get update` may help')
    for package in packages.glob('*.deb'):
        subprocess.run(['dpkg', '-x', str(package), str(place / 'root')], check=True)
    return place / 'root'
