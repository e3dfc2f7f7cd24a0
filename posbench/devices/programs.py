"""What a program takes before it runs: it is traced and compiled for devices that need not be there, and never run."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from posbench.devices import flops, hlo, memory
from posbench.devices.topology import UNITS, Machine

# What libtpu says of a program that is too large, and what other compilers do.
_ASKED = re.compile(r'Used ([\d.]+)([KMGT]) of|(?:temporaries|arguments|total)[^(]*\(([\d.]+)([KMGT])\)')


class Program(NamedTuple):
    """A jitted function and the shapes it is called with, each where it lies."""

    name: str
    function: Callable
    arguments: tuple


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one device needs for a program, and of one step of it, or one batch: exchanges, operations, seconds.

    memory: bytes, of its parts arguments, temporaries, and those outputs for which no argument makes room. None where
    the compiler gave up for want of memory, and then `refusal` has its words.
    seconds: an estimate, `by` says whose; None where nothing is known of the device. exchange: of them those in
    collectives, if nothing else is done meanwhile, by the bytes that its links can send.
    """

    memory: int | None
    parts: dict[str, int]
    collectives: dict[str, hlo.Collective]
    flops: float
    seconds: float | None
    exchange: float | None
    by: str
    refusal: str | None = None

    def fits(self, machine: Machine) -> bool:
        """Whether a device has room for it; one of which nobody knows how much it has is said to have it."""
        if self.refusal is not None:
            return False
        return machine.limit is None or self.memory <= machine.limit


def trace(program: Program) -> Any:
    """The program as JAX traces it: its equations."""
    if hasattr(program.function, 'trace'):
        return program.function.trace(*program.arguments).jaxpr
    # Of pmap nothing is left between a call and what is lowered.
    return jax.make_jaxpr(program.function)(*program.arguments)


def compile(program: Program, machine: Machine) -> jax.stages.Compiled:
    """The program, compiled for the machine. JaxRuntimeError as the compiler raises it."""
    if machine.is_here or not hasattr(program.function, 'trace'):
        return program.function.lower(*program.arguments).compile()
    return program.function.trace(*program.arguments).lower(lowering_platforms=(machine.platform,)).compile()


class TooLarge(NamedTuple):
    """What a compiler said where it gave up for want of memory, and the bytes it would have needed, if it said so."""

    refusal: str
    asked: int | None


def compile_if_it_fits(program: Program, machine: Machine) -> jax.stages.Compiled | TooLarge:
    """The program, compiled for the machine. JaxRuntimeError for all that the compiler refuses but its size."""
    try:
        return compile(program, machine)
    except jax.errors.JaxRuntimeError as error:
        if 'RESOURCE_EXHAUSTED' not in str(error):
            raise
        return TooLarge(' '.join(str(error).partition('\n')[0].split()).rstrip('.'), _asked_for(str(error), machine))


def cost(program: Program, machine: Machine, devices: int) -> Cost:
    """What the program takes on each of so many devices of the machine."""
    operations = flops.of(trace(program)) / devices
    compiled = compile_if_it_fits(program, machine)
    if isinstance(compiled, TooLarge):
        return Cost(compiled.asked, {}, {}, operations, None, None, '', compiled.refusal)
    parts = memory_of(compiled)
    found = hlo.read(compiled.as_text())
    seconds, exchange, by = _seconds(found, operations, machine, devices)
    return Cost(sum(parts.values()), parts, found.collectives, operations, seconds, exchange, by)


def memory_of(compiled: jax.stages.Compiled) -> dict[str, int]:
    """Bytes of one device by what they are for; the sum is what the program needs."""
    found = compiled.memory_analysis()
    return dict(
        arguments=found.argument_size_in_bytes,
        temporaries=found.temp_size_in_bytes,
        outputs=found.output_size_in_bytes - found.alias_size_in_bytes,
        code=found.generated_code_size_in_bytes,
    )


def _seconds(found: hlo.Found, operations: float, machine: Machine, devices: int) -> tuple[float | None, float, str]:
    chip = machine.chip
    if chip is None:
        return None, None, 'nothing is known of the speed of these devices'
    # A ring sends each byte of a sum twice, once to add it up and once to hand it round; of others it sends it once.
    sent = sum(one.bytes * (2 if kind == 'all-reduce' else 1) for kind, one in found.collectives.items())
    exchange = sent / chip.links if devices > 1 else 0.0
    if found.cycles is not None and chip.clock is not None:
        return found.cycles / chip.clock + exchange, exchange, f"libtpu's estimated cycles at {chip.clock / 1e9:g} GHz"
    by = f'a roofline of {chip.flops / 1e12:g} TFLOP/s and {chip.bandwidth / 1e9:g} GB/s'
    return max(operations / chip.flops, found.moved / chip.bandwidth) + exchange, exchange, by


def _asked_for(text: str, machine: Machine) -> int | None:
    """Bytes that a compiler says it would have needed; None where it does not say, or they would have been there."""
    if not (found := _ASKED.search(text)):
        return None
    number, unit = filter(None, found.groups())
    asked = int(float(number) * UNITS[unit])
    return asked if machine.limit is not None and asked > machine.limit else None


def show(one: Cost, machine: Machine) -> str:
    """A cost in one line, but for its collectives."""
    if one.refusal is not None:
        return f'does not fit: {one.refusal}'
    limit = '' if machine.limit is None else f' of {memory.show(machine.limit)}'
    parts = ', '.join(f'{name} {memory.show(count)}' for name, count in one.parts.items() if count)
    said = f'{memory.show(one.memory)}{limit} a {machine.part} ({parts})'
    return said if one.fits(machine) else f'does not fit: {said}'
