"""Memory is asked for before the first step, and where it is too little a run says so and nothing is lost."""

import jax
import jax.numpy as jnp
import pytest

from posbench import failures
from posbench.devices import compiling, host, memory, topology
from posbench.devices.programs import Program
from posbench.knobs import command_line
from posbench.runs import run
from posbench.training import room
from tests import real_command


def machine(limit):
    return topology.Machine(topology.HERE, jax.devices()[:1], limit, None)


@pytest.fixture
def limited(monkeypatch):
    """A function that says how much there is."""
    return lambda limit: monkeypatch.setattr(topology, 'here', lambda devices: machine(limit))


def program(name, size, power):
    """One that makes a square of numbers from `size` of them, and then more, not all of which stay."""

    def f(x):
        return (jnp.sin(jnp.outer(x, x) + power) @ jnp.outer(x, x)).sum()

    return Program(name, jax.jit(f), (jax.ShapeDtypeStruct((size,), jnp.float32),))


def check(training, evaluation):
    return room.check(training, evaluation, jax.devices()[:1], train_less='A', evaluate_less='B')


def compiled():
    return compiling.so_far().programs


def test_what_is_far_below_the_memory_is_not_compiled_before_its_time(limited):
    limited(2**30)
    compiled()
    before = compiled()
    said = check([program('training', 60, 1.0)], [program('evaluation', 90, 2.0), program('shorter', 50, 2.0)])
    assert compiled() - before == 1
    assert said.startswith('Memory of a device: training ') and said.endswith(', of 1.00 GiB.')
    assert ', evaluation below ' in said


def test_what_comes_near_to_it_is_compiled_and_measured(limited):
    limited(4 * 4 * 300**2)
    compiled()
    before = compiled()
    said = check([], [program('evaluation', 300, 3.0), program('shorter', 200, 3.0)])
    assert compiled() - before == 2
    assert ' evaluation ' in said and 'below' not in said


def test_what_does_not_fit_is_one_line_with_what_asks_for_less(limited):
    limited(100_000)
    with pytest.raises(room.NoRoom) as error:
        check([program('training', 30, 4.0)], [program('evaluation of 1 x 400 tokens', 400, 4.0)])
    words = str(error.value)
    assert words.startswith('evaluation of 1 x 400 tokens needs ') and words.endswith(
        ' a device, and 97.7 KiB are left; B asks for less'
    )
    limited(1000)
    with pytest.raises(room.NoRoom, match=r'^training needs .*; A asks for less$'):
        check([program('training', 30, 5.0)], [])


def test_where_nobody_says_how_much_there_is_there_is_enough(limited):
    limited(None)
    said = check([program('training', 30, 6.0)], [program('evaluation', 40, 6.0)])
    assert said.startswith('Memory of a device: training ') and ', of ' not in said


def test_a_run_without_room_has_a_cell_that_says_so_and_no_checkpoint(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(host, 'compilation_cache', lambda folder: None)
    flags = [*real_command.write_text(tmp_path), *real_command.ONE_LENGTH, '--config.model.hidden=48', '--quiet']
    request = command_line.parse(['--config=configs/rope.py', f'--workdir={tmp_path}/run', *map(str, flags)])
    monkeypatch.setattr(memory, 'available', lambda devices: 20_000)
    assert run.run(request) == 1
    line = capsys.readouterr().err
    assert line.startswith('launch.py: training needs ') and '19.5 KiB are left' in line and line.count('\n') == 1
    said = failures.read(tmp_path / 'run')
    assert (said['kind'], failures.word(said)) == ('out of memory', 'out of memory')
    assert not (tmp_path / 'run' / 'checkpoints').exists() or not list((tmp_path / 'run' / 'checkpoints').iterdir())
