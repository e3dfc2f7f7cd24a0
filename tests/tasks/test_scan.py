"""SCAN's grammar and its split by length."""

import itertools

import jax
import numpy as np
import pytest

from posbench import tasks
from posbench.tasks import base
from posbench.tasks.length import scan
from tests.tasks.oracles import length_scan, spelling

LENGTHS = [*range(1, 23), *range(24, 29), 30, 32, 33, 36, 40, 48]


def commands(part):
    """All of a part, in words."""
    phrases, found = scan._phrases(), []
    for link, first, second in scan._commands(part)[0].tolist():
        more = (scan.LINKS[link - 1], *phrases[second][0]) if link else ()
        found.append(' '.join((*phrases[first][0], *more)))
    return found


def test_there_are_20910_commands_each_in_one_part():
    parts = [commands(part) for part in ('train', 'validation', 'test')]
    assert sum(map(len, parts)) == len(set(itertools.chain(*parts))) == 20_910
    assert max(len(length_scan.done(command)) for command in parts[0]) == 25
    for part in parts[1:]:
        assert sorted({len(length_scan.done(command)) for command in part}) == LENGTHS


def test_the_oracle_does_what_the_paper_says():
    """Lake and Baroni 2018 (arXiv 1711.00350), figure 1, in the actions' names of the released data."""
    assert length_scan.done('jump left') == ['I_TURN_LEFT', 'I_JUMP']
    assert length_scan.done('jump around right') == ['I_TURN_RIGHT', 'I_JUMP'] * 4
    assert length_scan.done('turn left twice') == ['I_TURN_LEFT'] * 2
    assert length_scan.done('jump opposite left after walk around left') == [
        *['I_TURN_LEFT', 'I_WALK'] * 4,
        *['I_TURN_LEFT', 'I_TURN_LEFT', 'I_JUMP'],
    ]


def test_every_command_of_a_length_is_as_likely():
    task = tasks.build('length/scan')
    _, batch = next(task.held_out('test', 48, base.Budget(3200 * task.tokens(48), 3200 * task.tokens(48), 48)))
    _, counts = np.unique(batch['inputs_BL'], axis=0, return_counts=True)
    # 64 commands, in 3,200 rows or fewer of those; five standard deviations.
    mean = len(batch['inputs_BL']) / 64
    assert len(counts) == 64 and np.abs(counts - mean).max() < 5 * mean**0.5


def test_in_training_every_command_is_as_likely_so_that_long_ones_are_most():
    task = tasks.build('length/scan')
    rows = np.asarray(jax.jit(lambda key: task.sample(key, 2000, 5)['inputs_BL'])(jax.random.key(0)))
    said = [
        length_scan.done(' '.join(spelling.read(task, row[1 : row.tolist().index(task.asks)].tolist()))) for row in rows
    ]
    found = np.bincount([len(actions) for actions in said], minlength=6)[1:]
    there_are = np.bincount([len(length_scan.done(command)) for command in commands('train')])[1:6]
    wanted = 2000 * there_are / there_are.sum()
    assert (np.abs(found - wanted) < 5 * np.sqrt(wanted) + 1).all()


@pytest.mark.parametrize('length, message', [(23, 'nearest are 22 and 24'), (49, 'nearest are 40 and 48')])
def test_lengths_that_no_command_has_are_an_error(length, message):
    with pytest.raises(ValueError, match=f'no command has {length} actions; the {message}'):
        next(tasks.build('length/scan').held_out('test', length, base.Budget(100, 100, length)))


def test_longer_commands_are_never_trained_on():
    with pytest.raises(ValueError, match='got 26, commands of more than 25 actions are held out'):
        tasks.build('length/scan').sample(jax.random.key(0), 1, 26)
