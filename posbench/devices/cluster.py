"""Which cluster the environment names, and a limit to how long its processes are waited for. Imports no jax.

    srun, mpirun        by what they set, which JAX reads by itself
    TPU slice on GKE    TPU_WORKER_HOSTNAMES and TPU_WORKER_ID, and MEGASCALE_* of several slices
    TPU VM              by its chips: JAX then asks the metadata server of the machine for other hosts, of which there
                        may be none. Not where TPU_* or JAX_PLATFORMS say that the process has its own part of them
    Kubernetes          the pod of an Indexed Job or a JobSet has JOB_COMPLETION_INDEX, which stands for JAX_PROCESS_ID;
                        how many there are is not in its environment, so that the manifest sets the other two. With
                        config.distributed=true and the package `kubernetes` JAX asks the API server
    elsewhere           JAX_COORDINATOR_ADDRESS (host:port of the first process), JAX_NUM_PROCESSES, JAX_PROCESS_ID

What is set by halves is refused at once; where it is set well and the other processes do not come, JAX would end the
process with a stack of C++, and on some machines never. Nothing here uses the network.
"""

import contextlib
import importlib.util
import os
import pathlib
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
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
    index: str
    # What JAX has to know besides.
    others: tuple[str, ...]


MANAGERS = (
    Manager(
        'srun',
        'SLURM_NTASKS',
        'SLURM_PROCID',
        ('SLURM_JOB_ID', 'SLURM_STEP_NODELIST', 'SLURM_PROCID', 'SLURM_LOCALID'),
    ),
    Manager(
        'mpirun',
        'OMPI_COMM_WORLD_SIZE',
        'OMPI_COMM_WORLD_RANK',
        ('OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK'),
    ),
)


# Of a TPU slice on GKE; the first of the two lists of hosts that is set counts, as JAX has it.
HOSTS = ('TPU_PROCESS_ADDRESSES', 'TPU_WORKER_HOSTNAMES')
SLICES = ('MEGASCALE_NUM_SLICES', 'MEGASCALE_SLICE_ID', 'MEGASCALE_COORDINATOR_ADDRESS')
# Where JAX's processes on TPUs meet, and what names another port.
TPU_PORT, PORT = 8482, 'JAX_COORDINATOR_PORT'
# With one of these a process has chips of its own, or none.
OWN_CHIPS = (
    *('TPU_VISIBLE_CHIPS', 'TPU_VISIBLE_DEVICES', 'TPU_PROCESS_BOUNDS', 'TPU_CHIPS_PER_PROCESS_BOUNDS'),
    'TPU_SKIP_MDS_QUERY',
)
CHIPS = 'the TPU chips of this machine'
GOOGLE = '0x1ae0'  # as a vendor of PCI devices; of some of its numbers the device is no TPU
TPUS = ('0x0027', '0x0056', '0x005e', '0x0062', '0x0063', '0x006f', '0x0076')
POD = ('KUBERNETES_SERVICE_HOST', 'JOB_COMPLETION_INDEX')


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


def named(environment: Mapping[str, str] = os.environ, chips: int | None = None) -> Cluster | None:
    """The cluster that the environment names; None where it names none, or one of this process alone.

    chips: how many TPU chips there are; None: as the system says.

    Raises UsageError, one line, for what is set by halves or is no number.
    """
    manager = next((one for one in MANAGERS if _number(environment, one.count, 1, 1) > 1), None)
    lacks = [] if manager is None else [name for name in manager.others if not environment.get(name)]
    count = None if manager is None else int(environment[manager.count])
    missing = [name for name in OURS if not environment.get(name)]
    if len(missing) == len(OURS):
        if manager is None:
            return _of_tpus(environment, chips)
        if lacks:
            raise UsageError(
                f'{manager.count}={count}, but {manager.starter} did not start this process: it would set '
                f'{", ".join(lacks)} too; start it so, or set {", ".join(OURS)}; {OFF}'
            )
        return Cluster(None, count, None, _show(environment, [manager.count, *manager.others]))
    address, processes, process = OURS
    if missing == [process] and all(environment.get(name) for name in POD):
        process, missing = POD[1], []
    # What the manager sets stands for what is missing.
    if missing and (manager is None or lacks):
        raise UsageError(f'{_show(environment, OURS)} names a cluster, which also needs {" and ".join(missing)}; {OFF}')
    host, _, port = environment.get(address, 'any:1').rpartition(':')
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65_536:
        raise UsageError(f'{address}: got {environment[address]!r}, wanted host:port; {OFF}')
    count, index = _number(environment, processes, 1, count), _number(environment, process, 0, None)
    if index is not None and index >= count:
        raise UsageError(f'{process}: got {index}, wanted a number below {processes}, which is {count}; {OFF}')
    return Cluster(environment.get(address), count, index, _show(environment, (address, processes, process)))


def asked(environment: Mapping[str, str] = os.environ) -> Cluster:
    """What config.distributed=true stands for where the environment names nothing: JAX is left to find it."""
    pod = environment.get(POD[0])
    hint = (
        f', in a pod of Kubernetes, whose manifest may set {OURS[0]} and {OURS[1]}; or install jax[k8s]' if pod else ''
    )
    return Cluster(None, None, None, f'config.distributed=true{hint}')


def _of_tpus(environment: Mapping[str, str], chips: int | None) -> Cluster | None:
    variable = next((name for name in HOSTS if environment.get(name)), None)
    if variable is None:
        platforms = environment.get('JAX_PLATFORMS') or 'tpu'
        if 'tpu' not in platforms.split(',') or any(environment.get(name) for name in OWN_CHIPS):
            return None
        return Cluster(None, None, None, CHIPS) if (_tpu_chips() if chips is None else chips) else None
    hosts = environment[variable].split(',')
    number, of_slice, meeting = SLICES
    slices = _number(environment, number, 1, 1)
    count, several = len(hosts) * slices, slices > 1
    if count == 1:
        return None
    needs = ['TPU_WORKER_ID', *((of_slice, meeting) if several else ())]
    if missing := [name for name in needs if not environment.get(name)]:
        shown = _show(environment, (variable, number))
        raise UsageError(f'{shown} names a slice of TPUs, which also needs {" and ".join(missing)}; {OFF}')
    worker = _number(environment, 'TPU_WORKER_ID', 0, 0)
    place = _number(environment, of_slice, 0, 0) if several else 0
    if worker >= len(hosts) or place >= slices:
        raise UsageError(
            f'TPU_WORKER_ID: got {worker}{f" of slice {place}" if several else ""}, wanted one of the {len(hosts)} of '
            f'{variable}{f" and of {slices} slices" if several else ""}; {OFF}'
        )
    host = (environment[meeting] if several else hosts[0]).split(':')[0]
    address = f'{host}:{environment.get(PORT) or TPU_PORT}'
    return Cluster(
        address, count, worker + place * len(hosts), _show(environment, (variable, 'TPU_WORKER_ID', *SLICES))
    )


def part(environment: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """(number of this process, how many there are), where several are named; None: there is one, or JAX has to ask."""
    found = named(environment, chips=0)
    if found is None:
        return None
    ranks = [manager.index for manager in MANAGERS if environment.get(manager.index)]
    return (int(environment[ranks[0]]) if found.index is None else found.index), found.count


def leave(environment: MutableMapping[str, str] = os.environ) -> None:
    """From here on the environment, and that of processes to come, names no cluster: each is alone with its devices."""
    if any(environment.get(name) for name in HOSTS):
        # What libtpu takes for a slice of its own. Chips of a host lie in a plane.
        chips = {1: '1,1,1', 4: '2,2,1', 8: '2,4,1'}.get(_tpu_chips())
        own = {'TPU_PROCESS_BOUNDS': '1,1,1'} | ({'TPU_CHIPS_PER_PROCESS_BOUNDS': chips} if chips else {})
        environment.update({name: value for name, value in own.items() if not environment.get(name)})
    for name in (*OURS, *HOSTS, *SLICES, *(manager.count for manager in MANAGERS)):
        environment.pop(name, None)


def _tpu_chips(devices: pathlib.Path = pathlib.Path('/sys/bus/pci/devices')) -> int:
    """Chips that JAX would find; none without libtpu."""
    if importlib.util.find_spec('libtpu') is None:
        return 0
    found = 0
    for device in devices.glob('*'):
        with contextlib.suppress(OSError):
            vendor, kind = ((device / name).read_text('ascii').strip() for name in ('vendor', 'device'))
            found += vendor == GOOGLE and kind in TPUS
    return found


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
