"""What a compiled program says of itself in its text (HLO): collectives, bytes moved, and cycles as libtpu has them.

Loops count as often as they run where the program knows that; a loop whose number of turns is an argument, as the one
over the steps of a call, counts once. So the numbers are those of one step.
"""

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

BITS = {'pred': 8, 's4': 4, 'u4': 4, 'bf16': 16, 'c64': 64, 'c128': 128}
COLLECTIVES = ('all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all', 'collective-permute', 'ragged-all-to-all')
# Instructions that move nothing.
FREE = ('parameter', 'constant', 'tuple', 'get-tuple-element', 'bitcast', 'while', 'conditional', 'call', 'after-all')

HEADER = re.compile(r'(ENTRY )?%?([\w.-]+) \(.*\{$')
INSTRUCTION = re.compile(r'\s+(?:ROOT )?%?([\w.-]+) = (.*?) ([a-z][\w-]*)\((.*)$')
SHAPE = re.compile(r'\b([a-z]+\d*(?:e\dm\d\w*)?)\[([\d,]*)\]')
OPERAND = re.compile(r'%([\w.-]+)')
CALLED = re.compile(
    r'\b(?:calls|called_computations|branch_computations|body|condition|to_apply)=(?:\{([^}]*)\}|%?([\w.-]+))'
)
CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')


class Collective(NamedTuple):
    """How often devices exchange something of a kind, and the bytes that each of them holds before or after it,
    whichever are more.
    """

    count: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class Found:
    """Of one device and one step.

    cycles: those that the compiler estimates, None where it does not. moved: bytes that instructions read and write,
    as far as fusing left them in memory.
    """

    collectives: dict[str, Collective]
    cycles: int | None
    moved: int


class _Line(NamedTuple):
    name: str
    bytes: int
    kind: str
    rest: str
    shapes: list[str]


def read(text: str) -> Found:
    """What the text of an optimised program says."""
    programs, entry = _programs(text)
    if entry is None:
        raise ValueError('HLO: got a text without an ENTRY, wanted that of a compiled program.')
    counts: dict[str, list[int]] = {}
    cycles, moved, known = 0, 0, False
    for line, times, sizes, fused in _walk(programs, entry, 1):
        kind = line.kind.removesuffix('-start')
        read_from = sum(sizes.get(name, 0) for name in OPERAND.findall(line.rest.partition(')')[0]))
        if kind in COLLECTIVES:
            # What starts one holds what goes in beside what comes out.
            begins = line.kind.endswith('-start') and kind != 'all-reduce'
            held = max(map(size, line.shapes)) if begins else line.bytes
            found = counts.setdefault(kind, [0, 0])
            found[0] += times
            found[1] += times * max(held, read_from if kind == 'reduce-scatter' else 0)
        if fused:
            continue
        if estimate := CYCLES.search(line.rest):
            cycles, known = cycles + times * int(estimate[1]), True
        if line.kind not in FREE and not line.kind.endswith('-done'):
            moved += times * (line.bytes + read_from)
    collectives = {kind: Collective(*found) for kind, found in sorted(counts.items())}
    return Found(collectives, cycles if known else None, moved)


def _programs(text: str) -> tuple[dict[str, list[_Line]], str | None]:
    """The computations of a module by name, and the name of the one that runs first."""
    programs, entry, current = {}, None, None
    for row in text.splitlines():
        if header := HEADER.match(row):
            current = programs.setdefault(header[2], [])
            entry = header[2] if header[1] else entry
        elif current is not None and (found := INSTRUCTION.match(row)):
            name, shape, kind, rest = found.groups()
            shapes = [one[0] for one in SHAPE.finditer(shape)]
            current.append(_Line(name, size(shape), kind, rest, shapes))
    return programs, entry


def _walk(programs: dict, name: str, times: int, fused: bool = False) -> Iterator[tuple[_Line, int, dict, bool]]:
    """Every instruction that runs, how often, the sizes of what it may read, and whether it is within a fusion."""
    lines = programs[name]
    sizes = {line.name: line.bytes for line in lines}
    for line in lines:
        yield line, times, sizes, fused
        if line.kind in COLLECTIVES or line.kind.startswith('reduce') or line.kind in ('scatter', 'sort', 'map'):
            # What they call is done to two numbers at a time.
            continue
        called = [one for some, one in CALLED.findall(line.rest) for one in OPERAND.findall(some) or [one]]
        turns = times * (_turns(programs, line) if line.kind == 'while' else 1)
        for one in called:
            if one in programs:
                yield from _walk(programs, one, turns, fused or line.kind not in ('while', 'call', 'conditional'))


def _turns(programs: dict, line: _Line) -> int:
    """How often a loop runs: as the compiler says, or as its condition does where that compares with a constant."""
    if known := TRIPS.search(line.rest):
        return int(known[1])
    condition = re.search(r'condition=%?([\w.-]+)', line.rest)
    lines = programs.get(condition[1], []) if condition else []
    limits = [one for one in lines if one.kind == 'constant' and one.rest.partition(')')[0].isdecimal()]
    return int(limits[0].rest.partition(')')[0]) if len(limits) == 1 else 1


def size(shape: str) -> int:
    """Bytes of a shape as HLO writes it, such as 'f32[2,3]{1,0}' or a tuple of them."""
    return sum(math.ceil(math.prod(map(int, filter(None, dims.split(',')))) * _bits(kind) / 8)
               for kind, dims in SHAPE.findall(shape))  # fmt: skip


def _bits(kind: str) -> int:
    if kind in BITS:
        return BITS[kind]
    digits = re.match(r'[a-z]+(\d+)', kind)
    return int(digits[1]) if digits else 0
