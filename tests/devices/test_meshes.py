"""Which meshes are tried, and in which order."""

import jax
import pytest

from posbench.devices import meshes, parallel
from tests import small_job

ALONE = dict(seed=None, data=None, model=1)


def shapes(asked=ALONE, *, devices=8, seeds=1, batch_size=8, mode='jit', **changes):
    state = small_job.build('rope', **changes).abstract_state
    found = meshes.candidates(
        asked, state, mode=mode, seeds=seeds, batch_size=batch_size, devices=jax.devices()[:devices]
    )
    return [tuple(layout.mesh.shape.values()) for layout in found]


def test_data_comes_first_and_then_the_model_over_more_and_more_devices():
    assert shapes() == [(1, 8, 1), (1, 4, 2)]
    assert shapes(model__heads=8, model__hidden=64) == [(1, 8, 1), (1, 4, 2), (1, 2, 4), (1, 1, 8)]
    assert shapes(model__heads=8, model__hidden=64, devices=6) == [(1, 2, 1), (1, 1, 2)]
    assert shapes(devices=1) == [(1, 1, 1)]


def test_as_many_seeds_as_fit_go_before_data():
    assert shapes(seeds=4) == [(4, 2, 1), (4, 1, 2)]
    assert shapes(seeds=3, batch_size=2) == [(1, 2, 1), (1, 2, 2)]


def test_what_is_asked_for_is_kept():
    assert shapes(ALONE | dict(model=2)) == [(1, 4, 2)]
    assert shapes(ALONE | dict(data=2)) == [(1, 2, 1), (1, 2, 2)]
    assert shapes(mode='pmap') == [(1, 8, 1)]
    assert shapes(dict(seed=None, data=None)) == shapes()


def test_one_that_cannot_be_made_at_all_is_an_error():
    with pytest.raises(parallel.MeshError, match='wanted a divisor of the 8 devices'):
        shapes(ALONE | dict(model=3))
    with pytest.raises(parallel.MeshError, match='got seed=1, data=3'):
        shapes(ALONE | dict(data=3))


def test_a_body_without_a_model_axis_has_data_alone():
    state = small_job.build('rope').abstract_state
    only = state._replace(params=dict(other=jax.ShapeDtypeStruct((1, 8, 8), 'float32')))
    (layout,) = meshes.candidates(ALONE, only, mode='jit', seeds=1, batch_size=8, devices=jax.devices()[:8])
    assert meshes.show(meshes.axes(layout)) == 'seed 1 x data 8 x model 1'
