"""Which cluster the environment names, and a limit to how long its processes are waited for. Imports no jax.

JAX knows by itself what srun and mpirun set. Elsewhere JAX_COORDINATOR_ADDRESS (host:port of the first process),
JAX_NUM_PROCESSES and JAX_PROCESS_ID name a cluster. What is set by halves is refused at once; where it is set well and
the other processes do not come, JAX would end the process with a stack of C++, and on some machines never.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from posbench.knobs import UsageError

# Seconds that the processes of a cluster may come one after the other: as long as JAX waits by itself.
PATIENCE = 300.0
OFF = 'config.distributed=false trains in this process alone'
OURS = ('JAX_COORDINATOR_ADDRESS', 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID')


class Manager(NamedTuple):
    """What starts processes and tells them of each other, by the variables that it sets."""

    starter: str
    count: str
    # What JAX has to know besides.
    others: tuple[str, ...]


MANAGERS = (
    Manager('srun', 'SLURM_NTASKS', ('SLURM_JOB_ID', 'SLURM_STEP_NODELIST', 'SLURM_PROCID', 'SLURM_LOCALID')),
    Manager(
        'mpirun',
        'OMPI_COMM_WORLD_SIZE',
        ('OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK'),
    ),
)


class Cluster(NamedTuple):
    """Several processes, one of which is this one. What is None is found by JAX.

    named_by: the variables that say so, as they are set.
    """

    address: str | None
    count: int | None
    index: int | None
    named_by: str

    @property
    def wanted(self) -> str:
        """What is waited for, in words."""
        processes = 'processes' if self.count is None else f'{self.count} processes'
        return ' '.join([processes, *(['at', self.address] if self.address else []), f'({self.named_by})'])


def named(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The cluster that the environment names; None where it names none, or one of this process alone.

    Raises UsageError, one line, for what is set by halves or is no number.
    """
    manager = next((one for one in MANAGERS if _number(environment, one.count, 1, 1) > 1), None)
    lacks = [] if manager is None else [name for name in manager.others if not environment.get(name)]
    count = None if manager is None else int(environment[manager.count])
    missing = [name for name in OURS if not environment.get(name)]
    if len(missing) == len(OURS):
        if manager is None:
            return None
        if lacks:
            raise UsageError(
                f'{manager.count}={count}, but {manager.starter} did not start this process: it would set '
                f'{", ".join(lacks)} too; start it so, or set {", ".join(OURS)}; {OFF}'
            )
        return Cluster(None, count, None, _show(environment, [manager.count, *manager.others]))
    # What the manager sets stands for what is missing.
    if missing and (manager is None or lacks):
        raise UsageError(f'{_show(environment, OURS)} names a cluster, which also needs {" and ".join(missing)}; {OFF}')
    address, processes, process = OURS
    host, _, port = environment.get(address, 'any:1').rpartition(':')
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65_536:
        raise UsageError(f'{address}: got {environment[address]!r}, wanted host:port; {OFF}')
    count, index = _number(environment, processes, 1, count), _number(environment, process, 0, None)
    if index is not None and index >= count:
        raise UsageError(f'{process}: got {index}, wanted a number below {processes}, which is {count}; {OFF}')
    return Cluster(environment.get(address), count, index, _show(environment, OURS))


@contextlib.contextmanager
def patience(wanted: str, seconds: float) -> Iterator[None]:
    """Ends the process with one line and exit code 1 where what stands inside takes longer than so many seconds.

    From a thread, because JAX waits in C++, and there ends the process itself.
    """

    def give_up():
        print(
            f'launch.py: waited {seconds:g} s for {wanted}, and not all of them came; {OFF}',
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _number(environment: Mapping[str, str], name: str, least: int, default: int | None) -> int | None:
    text = environment.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise UsageError(f'{name}: got {text!r}, wanted a whole number of at least {least}; {OFF}')
    return int(text)


def _show(environment: Mapping[str, str], names: Iterable[str]) -> str:
    return ', '.join(f'{name}={environment[name]}' for name in names if environment.get(name))
