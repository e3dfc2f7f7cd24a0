"""The programs of a run before it runs: all of them, as they will be called, for machines that are not there too."""

import jax
import numpy as np
import pytest

from posbench.devices import described, flops, parallel, programs
from posbench.devices import topology as topologies
from posbench.runs import rows
from posbench.training import loop
from posbench.training import programs as in_one
from tests import small_job, tpu

FEW = ('rope', 'alibi', 'cope')


@pytest.fixture
def devices(monkeypatch):
    """Four devices; from here on nobody may ask for others."""
    four = jax.devices()[:4]

    def ask(*_, **__):
        raise AssertionError('the machine was asked what it is')

    for name in ('default_backend', 'devices', 'local_devices', 'device_count', 'local_device_count', 'process_count'):
        monkeypatch.setattr(jax, name, ask)
    return four


@pytest.mark.parametrize(
    'name, changes',
    [
        ('t5', dict(task__on_device=False)),
        pytest.param('rope', {}, marks=pytest.mark.everything),
        pytest.param('drope', {}, marks=pytest.mark.everything),
    ],
)
def test_all_programs_are_lowered_for_a_tpu_and_nobody_asks_what_is_here(devices, name, changes):
    job = small_job.build(name, devices=devices, mesh__data=2, mesh__model=2, evaluate__multiples=(1,), **changes)
    found = [*in_one.training(job), *in_one.evaluation(job)]
    phases = len(job.phases)
    assert [program.name.split()[0] for program in found] == ['training'] * phases + ['evaluation'] * 2 * phases
    for program in found:
        lowered = program.function.trace(*program.arguments).lower(lowering_platforms=('tpu',))
        # What the CPU alone is given.
        assert 'optimization_barrier' not in lowered.as_text()


def test_what_is_compiled_beforehand_is_what_runs(tmp_path, caplog):
    """Every program of a run is found compiled when its turn comes, and there was none too many."""
    sizes = dict(train__steps_per_call=10, train__evaluate_every=20, train__checkpoint_every=20)
    job = small_job.build('rope', model__layers=1, model__hidden=40, **sizes)
    before = [*in_one.training(job), *in_one.evaluation(job)]
    for program in before:
        programs.compile(program, topologies.here())
    with jax.log_compiles(), caplog.at_level('WARNING'):
        trained = loop.run(job, tmp_path, 'auto', small_job.silent())
        rows.score(job, trained, tmp_path, small_job.silent())
    assert 'XLA compilation of jit(program)' not in caplog.text
    assert 'XLA compilation of jit(_sums)' not in caplog.text
    assert len(before) == 1 + len({16, 17, 32})


def test_the_longest_shape_comes_first_and_none_comes_twice():
    job = small_job.build('tasks.flip_flop', dataset=None, evaluate__multiples=(1, 2, 3, 4), evaluate__lengths=(34, 40))
    read = [program.arguments[6]['inputs_BL'].shape for program in in_one.evaluation(job)]
    assert [length for _, length in read] == sorted({length for _, length in read}, reverse=True)
    assert {34, 40} < {length for _, length in read}


@pytest.mark.parametrize(
    'mesh',
    [
        dict(seeds=(0, 1), mesh__seed=2, mesh__data=2, mesh__model=2, mesh__shard_parameters=True),
        dict(parallel='pmap', mesh__data=2),
    ],
)
@pytest.mark.parametrize('on_device', [True, False])
def test_what_is_described_lies_as_what_is_placed(mesh, on_device):
    job = small_job.build('rope', task__on_device=on_device, **mesh)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), job.abstract_state)
    said = described.state(job.abstract_state, job.layout), job.abstract_feed
    placed = parallel.place_state(zeros, job.layout), job.feeder()(0)
    assert jax.tree.structure(said) == jax.tree.structure(placed)
    for shape, array in zip(jax.tree.leaves(said), jax.tree.leaves(placed)):
        assert (shape.shape, shape.dtype) == (array.shape, array.dtype)
        assert shape.sharding.is_equivalent_to(array.sharding, array.ndim)


def test_parameters_that_are_split_leave_to_layers_and_blocks_what_they_compute_again():
    def operations(split):
        sizes = dict(model__remat=True, model__block_size=4, mesh__data=2)
        (training,) = in_one.training(small_job.build('rope', mesh__shard_parameters=split, **sizes))
        return flops.of(programs.trace(training))

    assert operations(True) == operations(False)


def test_pmap_has_a_copy_a_replica():
    job = small_job.build('none', parallel='pmap', mesh__data=2, evaluate__multiples=(1,))
    (training,) = in_one.training(job)
    state, feed, _ = training.arguments
    assert {leaf.shape[0] for leaf in jax.tree.leaves((state, feed))} == {2}
    compiled = programs.compile(training, topologies.here())
    args = parallel.place_state(job.init_state(), job.layout), job.device_feed(), jax.numpy.int32(1)
    assert compiled(*args)[1]['loss'].shape[0] == 2


@tpu.needs_libtpu
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize(
    'name',
    [name if name in FEW else pytest.param(name, marks=pytest.mark.everything) for name in small_job.VARIANTS],
)
def test_libtpu_compiles_training_and_scoring_of_every_encoding(tpu_compiler, name, dtype):
    pod = topologies.named('v5e:1x1')
    job = small_job.build(
        name, devices=pod.devices, dtype=dtype, evaluate__multiples=(1,), evaluate__first_unseen=False
    )
    here = small_job.build(name, dtype=dtype, evaluate__multiples=(1,), evaluate__first_unseen=False)
    for program, same in zip(
        [*in_one.training(job), *in_one.evaluation(job)],
        [*in_one.training(here), *in_one.evaluation(here)],
        strict=True,
    ):
        cost = programs.cost(program, pod, 1)
        assert cost.fits(pod) and cost.memory > 0 and cost.parts['arguments'] > 0
        assert cost.by == "libtpu's estimated cycles at 1.5 GHz" and 0 < cost.seconds < 1
        assert not cost.collectives
        # A TPU does the same products.
        assert cost.flops == flops.of(programs.trace(same))
