"""How much memory devices have for a program: what they say themselves, and of CPUs what the machine has left."""

import pathlib
from collections.abc import Iterator, Sequence

GIB = 2**30
PROC, CGROUP = pathlib.Path('/proc'), pathlib.Path('/sys/fs/cgroup')
# Pages of files, as memory.stat of a control group calls them.
FILES = ('inactive_file ', 'active_file ')


def available(devices: Sequence) -> int | None:
    """Bytes that one of these devices, all of which are of this process, may be given; None where nobody says.

    Virtual devices of a CPU share what the machine has left.
    """
    first = devices[0]
    if first.platform == 'cpu':
        left = of_machine()
        return None if left is None else left // len(devices)
    stats = first.memory_stats() or {}
    return stats.get('bytes_limit')


def of_machine() -> int | None:
    """Bytes that processes here may still take: what Linux calls available, or the control group leaves where that is
    less, and what can be swapped out.
    """
    found = [*_meminfo('MemAvailable'), *_left_by_cgroups()]
    return min(found) + sum(_meminfo('SwapFree')) if found else None


def _meminfo(name: str) -> list[int]:
    """The bytes of its line; nothing where there is none."""
    lines = map(str.split, _text(PROC / 'meminfo').splitlines())
    return [int(line[1]) * 1024 for line in lines if line[:1] == [f'{name}:']]


def _left_by_cgroups() -> Iterator[int]:
    """What the limit of each group leaves, from that of this process up; cgroup v2, and the one limit of v1."""
    lines = _text(PROC / 'self' / 'cgroup').splitlines()
    own = next((line.partition('::')[2] for line in lines if line.startswith('0::')), None)
    folder = CGROUP / (own or '/').lstrip('/')
    places = [(place, 'memory.max', 'memory.current') for place in (folder, *folder.parents) if CGROUP in
              (place, *place.parents)]  # fmt: skip
    for place, most, now in [*places, (CGROUP / 'memory', 'memory.limit_in_bytes', 'memory.usage_in_bytes')]:
        limit, used = _text(place / most).strip(), _text(place / now).strip()
        # 'max', and in v1 a number beyond all memory, mean none.
        if limit.isdecimal() and used.isdecimal() and int(limit) < 2**60:
            # Pages of files are given back when others are wanted.
            files = [line.split()[1] for line in _text(place / 'memory.stat').splitlines() if line.startswith(FILES)]
            yield int(limit) - int(used) + sum(map(int, files))


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text('utf-8', 'replace')
    except OSError:
        return ''


def show(count: float) -> str:
    """'3.12 GiB', in the unit that fits."""
    for unit, size in (('GiB', GIB), ('MiB', 2**20), ('KiB', 2**10)):
        if count >= size:
            return f'{count / size:,.2f} {unit}' if count < 10 * size else f'{count / size:,.1f} {unit}'
    return f'{count:,.0f} B'
