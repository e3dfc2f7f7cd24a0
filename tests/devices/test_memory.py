"""What is left for a program, from files as Linux writes them."""

import types

import pytest

from posbench.devices import memory

GIB = memory.GIB


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that writes what /proc and the control groups say."""
    monkeypatch.setattr(memory, 'PROC', tmp_path / 'proc')
    monkeypatch.setattr(memory, 'CGROUP', tmp_path / 'cgroup')

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace('__', '/').replace('_dot_', '.')
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def test_it_is_what_linux_calls_available(machine):
    machine(proc__meminfo='MemTotal:  9 kB\nMemFree: 1 kB\nMemAvailable:   2097152 kB\n')
    assert memory.of_machine() == 2 * GIB
    # Virtual devices share it.
    assert memory.available([types.SimpleNamespace(platform='cpu')] * 4) == GIB // 2
    machine(proc__meminfo='MemAvailable: 2097152 kB\n\nSwapFree: 1048576 kB\n')
    assert memory.of_machine() == 3 * GIB


def test_a_control_group_leaves_less_and_so_does_one_above_it(machine):
    machine(proc__meminfo='MemAvailable: 8388608 kB\n', proc__self__cgroup='0::/jobs/one\n')
    machine(cgroup__jobs__one__memory_dot_max='max\n', cgroup__jobs__one__memory_dot_current='1\n')
    assert memory.of_machine() == 8 * GIB
    machine(cgroup__jobs__memory_dot_max=f'{4 * GIB}\n', cgroup__jobs__memory_dot_current=f'{3 * GIB}\n')
    assert memory.of_machine() == GIB
    # What is only read from files can be had.
    machine(cgroup__jobs__memory_dot_stat=f'anon 5\nfile 6\ninactive_file {GIB}\nactive_file {GIB // 2}\n')
    assert memory.of_machine() == 2.5 * GIB


def test_of_the_first_version_of_control_groups_too(machine):
    machine(proc__meminfo='MemAvailable: 8388608 kB\n', proc__self__cgroup='3:memory:/x\n')
    machine(cgroup__memory__memory_dot_usage_in_bytes=str(GIB))
    machine(cgroup__memory__memory_dot_limit_in_bytes=str(2**63 - 4096))
    assert memory.of_machine() == 8 * GIB
    machine(cgroup__memory__memory_dot_limit_in_bytes=str(3 * GIB))
    assert memory.of_machine() == 2 * GIB


def test_where_nobody_says_it_is_not_known(machine):
    assert memory.of_machine() is None
    assert memory.available([types.SimpleNamespace(platform='cpu')]) is None


def test_other_devices_say_it_themselves():
    says = types.SimpleNamespace(platform='gpu', memory_stats=lambda: dict(bytes_limit=5))
    silent = types.SimpleNamespace(platform='gpu', memory_stats=lambda: None)
    assert memory.available([says, says]) == 5
    assert memory.available([silent]) is None


@pytest.mark.parametrize(
    'count, text', [(0, '0 B'), (1023, '1,023 B'), (1536, '1.50 KiB'), (12 * 2**20, '12.0 MiB'), (2**40, '1,024.0 GiB')]
)
def test_bytes_in_the_unit_that_fits(count, text):
    assert memory.show(count) == text
