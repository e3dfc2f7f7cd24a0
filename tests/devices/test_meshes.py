"""Which meshes are tried, and in which order."""

import jax
import pytest

from posbench.devices import meshes, parallel
from tests import small_job

ALONE = dict(seed=None, data=None, model=1, sequence=1, shard_parameters=False)
SPLIT = 'parameters split'


def shapes(asked=ALONE, *, devices=8, seeds=1, batch_size=8, mode='jit', **changes):
    state = small_job.build('rope', **changes).abstract_state
    found = meshes.candidates(
        asked, state, mode=mode, seeds=seeds, batch_size=batch_size, devices=jax.devices()[:devices]
    )
    return [(*layout.mesh.shape.values(), *([SPLIT] if layout.shard_parameters else [])) for layout in found]


def test_data_comes_first_then_parameters_are_split_too_and_then_the_model_over_more_and_more_devices():
    assert shapes() == [(1, 8, 1), (1, 8, 1, SPLIT), (1, 4, 2, SPLIT)]
    wide = dict(model__heads=8, model__hidden=64)
    # Over one device nothing is split.
    assert shapes(**wide) == [(1, 8, 1), (1, 8, 1, SPLIT), (1, 4, 2, SPLIT), (1, 2, 4, SPLIT), (1, 1, 8)]
    assert shapes(**wide, devices=6) == [(1, 2, 1), (1, 2, 1, SPLIT), (1, 1, 2)]
    assert shapes(devices=1) == [(1, 1, 1)]


def test_as_many_seeds_as_fit_go_before_data():
    assert shapes(seeds=4) == [(4, 2, 1), (4, 2, 1, SPLIT), (4, 1, 2)]
    assert shapes(seeds=3, batch_size=2) == [(1, 2, 1), (1, 2, 1, SPLIT), (1, 2, 2, SPLIT)]


def test_what_is_asked_for_is_kept():
    assert shapes(ALONE | dict(model=2)) == [(1, 4, 2), (1, 4, 2, SPLIT)]
    assert shapes(ALONE | dict(data=2)) == [(1, 2, 1), (1, 2, 1, SPLIT), (1, 2, 2, SPLIT)]
    assert shapes(ALONE | dict(shard_parameters=True)) == [(1, 8, 1, SPLIT), (1, 4, 2, SPLIT)]
    assert shapes(ALONE | dict(sequence=2)) == [(1, 8, 1), (1, 8, 1, SPLIT), (1, 4, 2, SPLIT)]
    assert shapes(mode='pmap') == [(1, 8, 1)]
    # Of word vectors there is nothing to split.
    assert shapes(dict(seed=None, data=None)) == [(1, 8, 1)]


def test_one_that_cannot_be_made_at_all_is_an_error():
    with pytest.raises(parallel.MeshError, match='wanted a divisor of the 8 devices'):
        shapes(ALONE | dict(model=3))
    with pytest.raises(parallel.MeshError, match='got seed=1, data=3'):
        shapes(ALONE | dict(data=3))


def test_a_body_without_a_model_axis_has_data_alone():
    state = small_job.build('rope').abstract_state
    only = state._replace(params=dict(other=jax.ShapeDtypeStruct((1, 8, 8), 'float32')))
    found = meshes.candidates(
        ALONE | dict(sequence=2), only, mode='jit', seeds=1, batch_size=8, devices=jax.devices()[:8]
    )
    assert [meshes.show(meshes.axes(layout)) for layout in found] == [
        'seed 1 x data 4 x model 1 x sequence 2',
        'seed 1 x data 4 x model 1 x sequence 2 with shard_parameters',
    ]


def test_what_is_shown_of_a_layout_asks_for_it():
    for asked in (ALONE, ALONE | dict(sequence=2, model=2, shard_parameters=True)):
        made = parallel.layout('jit', seeds=2, batch_size=8, **asked)
        assert parallel.layout('jit', seeds=2, batch_size=8, **meshes.axes(made)) == made
