"""Machines that programs are compiled for: the devices here, or those of a TPU topology that is not there.

A topology is named as Cloud TPU names it, 'v5e:16x16': a generation and the chips along each axis. libtpu, which
`pip install -r requirements-tpu.txt` brings, compiles for it on any machine with Linux and an x86 processor.
"""

import difflib
import importlib.util
import math
import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from posbench.devices import memory
from posbench.knobs import UsageError

INSTALL = 'pip install -r requirements-tpu.txt'


class Chip(NamedTuple):
    """What a chip can do at most, from Cloud TPU's pages on each generation (docs.cloud.google.com/tpu/docs/v5e, ...),
    and from Nvidia's data sheets.

    flops: of bfloat16 products a second. bandwidth: bytes a second of its memory. links: bytes a second that it sends
    to its neighbours, half of what the pages call bidirectional. clock: cycles a second, which follow from flops and
    the products of its matrix units in a cycle; None where no compiler counts cycles.
    """

    memory: int
    flops: float
    bandwidth: float
    links: float
    clock: float | None = None


class Generation(NamedTuple):
    """Of one generation: its chip, the topologies that Cloud TPU offers, and what libtpu has to be told besides."""

    chip: Chip
    shapes: tuple[str, ...]
    options: dict[str, Any]


_FLAT = ('1x1', '2x2', '2x4', '4x4', '4x8', '8x8', '8x16', '16x16')
_CUBES = ('2x2x1', '2x2x2', '2x2x4', '2x4x4', '4x4x4', '4x4x8', '4x8x8', '8x8x8', '8x8x16', '8x16x16', '16x16x16')
GENERATIONS = {
    # A device is a whole chip, as it is on Cloud TPU.
    'v4': Generation(
        Chip(32 * memory.GIB, 275e12, 1.2e12, 3e11, 1.05e9), _CUBES, dict(chip_config_name='megacore')
    ),
    'v5e': Generation(Chip(16 * memory.GIB, 197e12, 8.19e11, 2e11, 1.5e9), _FLAT, {}),
    'v5p': Generation(
        Chip(95 * memory.GIB, 459e12, 2.765e12, 6e11, 1.75e9), (*_CUBES, '16x16x24'), {}
    ),
    'v6e': Generation(Chip(32 * memory.GIB, 918e12, 1.638e12, 4e11, 1.75e9), _FLAT, {}),
}  # fmt: skip
# As devices call themselves.
KINDS = {'TPU v4': 'v4', 'TPU v5 lite': 'v5e', 'TPU v5e': 'v5e', 'TPU v5': 'v5p', 'TPU v5p': 'v5p'}
KINDS |= {'TPU v6 lite': 'v6e', 'TPU v6e': 'v6e'}
# GPUs, by what their names begin with.
CARDS = {
    'NVIDIA A100-SXM4-40GB': Chip(40 * memory.GIB, 312e12, 1.555e12, 3e11),
    'NVIDIA A100-SXM4-80GB': Chip(80 * memory.GIB, 312e12, 2.039e12, 3e11),
    'NVIDIA H100 80GB HBM3': Chip(80 * memory.GIB, 989e12, 3.35e12, 4.5e11),
    'NVIDIA H200': Chip(141 * 10**9, 989e12, 4.8e12, 4.5e11),
}
# As libtpu writes what a chip has for programs.
_SAYS = re.compile(r'available HBM \(([\d.]+)([KMGT])\)|of ([\d.]+)([KMGT]) hbm')
UNITS = dict(zip('KMGT', (2**10, 2**20, 2**30, 2**40)))


class Machine(NamedTuple):
    """Devices to compile for; `limit`: bytes of one of them, None where nobody says; `chip`: None where not known."""

    name: str
    devices: Sequence
    limit: int | None
    chip: Chip | None

    @property
    def platform(self) -> str:
        """What XLA calls it: 'tpu', 'cuda', 'cpu'."""
        return self.devices[0].platform

    @property
    def part(self) -> str:
        """What one of its devices is called."""
        return 'device' if self.chip is None else 'chip'

    @property
    def is_here(self) -> bool:
        """Whether these are devices of this machine."""
        return self.name == HERE

    def using(self, devices: Sequence) -> 'Machine':
        """The same, for a program that takes only these: virtual devices of a CPU share what it has."""
        return here(devices) if self.is_here else self


HERE = 'here'


def names() -> list[str]:
    """Every topology that Cloud TPU offers."""
    return [f'{generation}:{shape}' for generation, known in GENERATIONS.items() for shape in known.shapes]


def check(name: str) -> None:
    """UsageError, one line, where a name cannot be that of a topology, or there is no libtpu. Imports no jax."""
    generation, _, shape = name.partition(':')
    if generation not in GENERATIONS or not re.fullmatch(r'[1-9]\d{0,2}(x[1-9]\d{0,2}){1,2}', shape):
        raise unknown(name)
    if importlib.util.find_spec('libtpu') is None:
        raise UsageError(f'--topology={name}: it needs the TPU compiler, libtpu, which is not installed: {INSTALL}')


def unknown(name: str) -> UsageError:
    """The error for a name that is none, with those nearest to it."""
    generation, _, shape = name.lower().partition(':')
    if generation in GENERATIONS and (sides := re.findall(r'\d+', shape)):
        chips = max(math.prod(map(int, sides)), 1)
        shapes = sorted(GENERATIONS[generation].shapes, key=lambda one: abs(math.log(_chips(one) / chips)))
        near = [f'{generation}:{one}' for one in shapes[:3]]
    else:
        near = difflib.get_close_matches(name.lower(), names(), n=3, cutoff=0.0)
    return UsageError(
        f'--topology: got {name!r}, wanted one such as {", ".join(near)}: {", ".join(GENERATIONS)} and the chips along '
        'each axis'
    )


def _chips(shape: str) -> int:
    return math.prod(map(int, shape.split('x')))


def prepare() -> None:
    """Before jax is imported: keeps libtpu from looking for the machine that it would run on, and jax on the CPU."""
    os.environ['JAX_PLATFORMS'] = 'cpu'
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


# Else libtpu asks a metadata server, and says on stderr what it did not find; several processes may compile.
QUIET = {
    'TPU_SKIP_MDS_QUERY': '1',
    'TPU_ACCELERATOR_TYPE': 'v5litepod-4',
    'TPU_WORKER_HOSTNAMES': 'localhost',
    'TPU_LOG_DIR': 'disabled',
    'TPU_MIN_LOG_LEVEL': '3',
    'TPU_STDERR_LOG_LEVEL': '3',
    'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',
}


def named(name: str) -> Machine:
    """The devices of a topology. UsageError, one line, where there is none of that name."""
    check(name)
    prepare()
    from jax.experimental import topologies

    generation, _, shape = name.partition(':')
    known = GENERATIONS[generation]
    options = known.options | (dict(chips_per_host_bounds=(1, 1, 1)) if shape == '1x1' else {})
    try:
        devices = topologies.get_topology_desc(platform='tpu', topology_name=name, **options).devices
    except Exception as error:
        # libtpu's own words are about hosts and bounds that nobody has named.
        raise unknown(name) from error
    return Machine(name, devices, _limit(devices[0]) or known.chip.memory, known.chip)


def here(used: Sequence | None = None) -> Machine:
    """The devices that there are, or those that are used; what they have is asked of those of this process."""
    import jax

    devices = list(jax.devices() if used is None else used)
    own = [device for device in devices if device.process_index == jax.process_index()]
    return Machine(HERE, devices, memory.available(own or jax.local_devices()), chip_of(devices[0].device_kind))


def chip_of(kind: str) -> Chip | None:
    """What is known of a device that calls itself so."""
    if kind in KINDS:
        return GENERATIONS[KINDS[kind]].chip
    return next((chip for name, chip in CARDS.items() if kind.startswith(name)), None)


def _limit(device) -> int | None:
    """What the compiler lets a program have of the chip's memory, some of which is the runtime's: it says so of one
    that asks for too much.
    """
    import jax
    import jax.numpy as jnp

    much = jax.ShapeDtypeStruct((2**40,), jnp.float32, sharding=jax.sharding.SingleDeviceSharding(device))
    try:
        jax.jit(lambda x: x + 1.0).trace(much).lower(lowering_platforms=('tpu',)).compile()
    except jax.errors.JaxRuntimeError as error:
        if found := _SAYS.search(str(error)):
            number, unit = filter(None, found.groups())
            return int(float(number) * UNITS[unit])
    return None
