"""Names of machines that are not there, and what is known of them."""

import importlib.util

import jax
import pytest

from posbench.devices import memory, topology
from posbench.knobs import UsageError
from tests import tpu


@pytest.fixture
def with_compiler(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: object())


def test_every_name_that_is_proposed_is_taken(with_compiler):
    assert len(topology.names()) > 30
    for name in topology.names():
        topology.check(name)


WORDS = 'v4, v5e, v5p, v6e and the chips along each axis'


@pytest.mark.parametrize(
    'name, near',
    [
        ('v5f:2x2', 'v5e:2x2, v5p:2x2x4, v5p:2x2x2'),
        ('v5e:', 'v5e:8x8, v5e:4x8, v5e:4x4'),
        ('v5e:2', 'v5e:1x1, v5e:2x2, v5e:2x4'),
        ('V5E:4x4', 'v5e:4x4, v5e:2x4, v5e:4x8'),
        ('v5p:64x', 'v5p:4x4x4, v5p:2x4x4, v5p:4x4x8'),
        ('v5e:0x4', 'v5e:1x1, v5e:2x2, v5e:2x4'),
        ('v5e:2x2x2x2', 'v5e:4x4, v5e:2x4, v5e:4x8'),
    ],
)
def test_a_name_that_is_none_is_answered_by_the_nearest_ones(with_compiler, name, near):
    with pytest.raises(UsageError) as error:
        topology.check(name)
    assert str(error.value) == f'--topology: got {name!r}, wanted one such as {near}: {WORDS}'


def test_without_the_compiler_a_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(UsageError) as error:
        topology.named('v5e:2x2')
    wanted = 'it needs the TPU compiler, libtpu, which is not installed: pip install -r requirements-tpu.txt'
    assert str(error.value) == f'--topology=v5e:2x2: {wanted}'


def test_what_is_here_has_a_platform_and_no_speed_that_anybody_knows():
    machine = topology.here()
    assert (machine.platform, machine.chip, list(machine.devices)) == ('cpu', None, jax.devices())
    assert machine.is_here


def test_devices_of_a_cpu_that_are_idle_leave_their_share_to_the_others(monkeypatch):
    monkeypatch.setattr(memory, 'of_machine', lambda: 800)
    assert [topology.here().using(jax.devices()[:count]).limit for count in (8, 2, 1)] == [100, 400, 800]


def test_what_a_device_calls_itself_says_what_it_can_do():
    assert topology.chip_of('TPU v5 lite') is topology.GENERATIONS['v5e'].chip
    assert topology.chip_of('NVIDIA H100 80GB HBM3').flops == 989e12
    assert topology.chip_of('cpu') is None


@pytest.mark.parametrize('name', topology.GENERATIONS)
def test_the_clock_follows_from_the_peak_and_the_products_of_a_cycle(name):
    """Two operations for each of the cells of the matrix units: eight of 128 x 128 in a chip of two cores, four in one
    of one, and as many as four of 256 x 256 in a v6e.
    """
    chip, cells = topology.GENERATIONS[name].chip, dict(v4=8 * 128**2, v5e=4 * 128**2, v5p=8 * 128**2, v6e=4 * 256**2)
    assert chip.flops / (2 * cells[name]) == pytest.approx(chip.clock, rel=2e-3)


@tpu.needs_libtpu
@pytest.mark.parametrize(
    'name, chips', [('v4:2x2x1', 4), ('v5e:1x1', 1), ('v5e:2x2', 4), ('v5p:2x2x1', 4), ('v6e:2x2', 4)]
)
def test_a_topology_has_its_chips_whose_memory_the_compiler_knows(tpu_compiler, name, chips):
    machine = topology.named(name)
    assert (len(machine.devices), machine.platform, machine.is_here) == (chips, 'tpu', False)
    # A little of it is the runtime's.
    assert 0.9 * machine.chip.memory < machine.limit <= 1.01 * machine.chip.memory
    assert topology.KINDS[machine.devices[0].device_kind] == name.partition(':')[0]
    assert memory.show(machine.limit).endswith('GiB')


@tpu.needs_libtpu
@pytest.mark.parametrize(
    'name, near', [('v5e:3x3', 'v5e:2x4, v5e:4x4, v5e:2x2'), ('v5e:16x17', 'v5e:16x16, v5e:8x16, v5e:8x8')]
)
def test_a_shape_that_there_is_not_is_refused_in_a_line(tpu_compiler, name, near):
    with pytest.raises(UsageError) as error:
        topology.named(name)
    assert str(error.value) == f'--topology: got {name!r}, wanted one such as {near}: {WORDS}'
