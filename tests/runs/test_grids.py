"""Runs made of choices: which there are, what they are called, what they set, and what cannot be put together."""

import hashlib
import importlib
import json

import pytest

from posbench.runs import grids
from posbench.runs.experiment import Run

ENCODINGS = grids.choice('encoding', rope='configs/rope.py', alibi=('configs/alibi.py', {'encoding.slope': '2'}))
LENGTHS = grids.choice('length', {'1x': {'train.length': '8'}, '2x': {'train.length': '16'}})


def names(cells) -> list[str]:
    return [cell.name for cell in cells]


def test_a_product_has_every_cell_and_a_run_what_all_its_levels_set():
    found = grids.runs(grids.product(ENCODINGS, LENGTHS), overrides={'seeds': '0,1'})
    assert [run.name for run in found] == ['rope-1x', 'rope-2x', 'alibi-1x', 'alibi-2x']
    alibi = {'seeds': '0,1', 'encoding.slope': '2', 'train.length': '16'}
    assert found[-1] == Run('alibi-2x', 'configs/alibi.py', alibi, {'encoding': 'alibi', 'length': '2x'})
    assert grids.runs(ENCODINGS, name=lambda cell: f'the_{cell.levels["encoding"]}')[0].name == 'the_rope'


def test_zipped_a_subset_some_levels_and_a_union():
    assert names(grids.zipped(ENCODINGS, LENGTHS)) == ['rope-1x', 'alibi-2x']
    cells = grids.product(ENCODINGS, LENGTHS)
    some = grids.subset(cells, lambda encoding, length: encoding == 'rope' or length == '2x')
    assert names(some) == ['rope-1x', 'rope-2x', 'alibi-2x']
    short = grids.only(cells, length='1x')
    assert names(grids.union(short, some)) == ['rope-1x', 'alibi-1x', 'rope-2x', 'alibi-2x']
    assert names(grids.only(cells, encoding=('alibi',), length=('2x', '1x'))) == ['alibi-1x', 'alibi-2x']


@pytest.mark.parametrize(
    'make, message',
    [
        (
            lambda: grids.product(LENGTHS, grids.choice('more', x={'train.length': '9'})),
            r"1x-x: train.length is set twice, to '8' and '9'",
        ),
        (
            lambda: grids.runs(LENGTHS, 'configs/rope.py', {'train.length': '9'}),
            r"1x: train.length is set twice, to '9' and '8'",
        ),
        (lambda: grids.runs(ENCODINGS, 'configs/t5.py'), r'rope: two config files, configs/t5.py and configs/'),
        (lambda: grids.runs(LENGTHS), r'no config file for 1x; wanted one of a level, or of all'),
        (lambda: grids.runs(ENCODINGS, name=lambda cell: 'x'), r"two cells are called 'x'"),
        (lambda: grids.product(LENGTHS, LENGTHS), r"two levels of the choice 'length', wanted one"),
        (lambda: grids.zipped(LENGTHS, ENCODINGS[:1]), r'got choices of 2, 1 levels, wanted as many of each'),
        (lambda: grids.only(LENGTHS, length='4x'), r"no cell has the length '4x', but "),
        (
            lambda: grids.union(LENGTHS, grids.choice('length', {'1x': {}})),
            r'two cells 1x have different knobs',
        ),
    ],
)
def test_what_does_not_fit_is_one_line(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert '\n' not in str(error.value)


# Of names, configs and knobs, in their order, as they were when they stood in these files one by one.
BY_HAND = {'experiments.length_curves': '7803f2c645c06d86', 'experiments.input_layer': '433a9e6b8dc43ebd'}


@pytest.mark.parametrize('name', BY_HAND)
def test_experiments_that_became_grids_have_the_runs_they_had(name):
    """And so their ids, by which results that are there count."""
    runs = [list(run[:3]) for run in importlib.import_module(name).runs()]
    assert hashlib.sha256(json.dumps(runs, sort_keys=True).encode()).hexdigest()[:16] == BY_HAND[name]
