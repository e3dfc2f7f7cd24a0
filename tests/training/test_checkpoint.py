import shutil
from pathlib import Path
from typing import NamedTuple

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from benchmarks.mutate_checkpoints import KINDS, bits, mutate
from posbench import manifest
from posbench.training import arrays
from posbench.training.checkpoint import CheckpointError, Checkpoints, read_arrays


class Pair(NamedTuple):
    kernel: jax.Array
    bias: jax.Array


@flax.struct.dataclass
class State:
    params: dict
    optimizer: tuple
    step: jax.Array


def state(step: int) -> State:
    params = {'layer': Pair(jnp.full((8, 4), step, jnp.float32), jnp.full(4, step / 3, jnp.bfloat16)), 'none': None}
    return State(params, optax.adamw(1e-3).init(params), jnp.int32(step))


def same(a, b) -> bool:
    return jax.tree.structure(a) == jax.tree.structure(b) and bits(a) == bits(b)


def damage(folder: Path) -> None:
    mutate(np.random.default_rng(0), folder / 'state', 'flip')


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A folder with steps 1, 2 and 3; `run` hands out copies."""
    folder = tmp_path_factory.mktemp('run') / 'checkpoints'
    with Checkpoints(folder, keep=3) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state(step), {'step': step})
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'run')


@pytest.fixture
def lines():
    return []


def test_the_newest_state_comes_back_in_its_own_structure_with_its_notes(run):
    with Checkpoints(run, keep=3) as checkpoints:
        restored = checkpoints.restore(jax.eval_shape(lambda: state(0)))
    assert (restored.step, restored.notes, restored.rejected) == (3, {'step': 3}, [])
    assert same(restored.state, state(3))


def test_a_named_step_comes_back_and_no_other(run):
    damage(run / '00000002')
    with Checkpoints(run, keep=3) as checkpoints:
        assert same(checkpoints.restore(state(0), step=1).state, state(1))
        with pytest.raises(CheckpointError, match=r'step 2: .* SHA-256'):
            checkpoints.restore(state(0), step=2)
        with pytest.raises(CheckpointError, match=r'step 9: manifest.json: No such file'):
            checkpoints.restore(state(0), step=9)


def test_every_bit_comes_back(tmp_path):
    # A store may drop a chunk that equals its fill value, and -0.0 == 0.0; NaNs differ in their payload.
    raw = np.array([0, 0x80000000, 1, 0x7F800001, 0xFFC12345, 0x7F800000, 0x3F800000, 0xFFFFFFFF], np.uint32)
    tree = {
        'float32': jnp.asarray(raw.view(np.float32)),
        'minus zero': jnp.full((3, 5), -0.0),
        'bfloat16': jax.lax.bitcast_convert_type(jnp.arange(2**16, dtype=jnp.uint16), jnp.bfloat16),
        'int32': jnp.array([-(2**31), -1, 0, 2**31 - 1], jnp.int32),
        'uint32': jnp.asarray(raw),
        'bool': jnp.array([True, False]),
        'scalar': jnp.int32(-7),
        'key': jax.random.PRNGKey(5),
    }
    assert np.asarray(tree['float32']).tobytes() == raw.tobytes()
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(0, {**tree, 'typed key': jax.random.key(5)})
        restored = checkpoints.restore({**tree, 'typed key': jax.random.key(0)}).state
    assert bits(jax.random.key_data(restored.pop('typed key'))) == bits(jax.random.PRNGKey(5))
    assert same(restored, tree)


def test_buffers_may_be_donated_as_soon_as_save_returns(tmp_path):
    advance = jax.jit(lambda tree: jax.tree.map(lambda x: x * 3 + 1, tree), donate_argnums=0)
    tree = {str(size): jnp.arange(size, dtype=jnp.float32) for size in (1, 7, 4096, 2**20)}
    expected = bits(tree)
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(0, tree)
        for _ in range(20):
            tree = advance(tree)
        jax.block_until_ready(tree)
        assert bits(checkpoints.restore(tree).state) == expected


def test_an_empty_or_absent_folder_has_no_checkpoint_and_stays_as_it_is(tmp_path):
    with Checkpoints(tmp_path / 'absent', keep=3) as checkpoints:
        assert checkpoints.restore(state(0)) is None
        assert checkpoints.steps() == []
    assert not (tmp_path / 'absent').exists()


def test_only_the_newest_stay_and_an_old_one_goes_after_the_new_one_is_finished(tmp_path, monkeypatch):
    seen = []
    write = manifest.write
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        monkeypatch.setattr(manifest, 'write', lambda *args: (seen.append(checkpoints.steps()), write(*args)))
        for step in (1, 2, 3, 10):
            checkpoints.save(step, state(step))
    assert seen == [[], [1], [1, 2], [2, 3]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ['00000003', '00000010']


def test_a_kill_while_an_old_step_is_deleted_leaves_an_unfinished_step_and_not_a_damaged_one(run, lines, monkeypatch):
    def killed(path):
        raise InterruptedError

    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        with monkeypatch.context() as patch, pytest.raises(CheckpointError, match='InterruptedError'):
            patch.setattr(shutil, 'rmtree', killed)
            checkpoints.save(4, state(4))
            checkpoints.wait()
        assert checkpoints.steps() == [2, 3, 4]
        assert (run / 'partial-00000001' / manifest.NAME).exists()
        checkpoints.save(5, state(5))
    assert sorted(path.name for path in run.iterdir()) == ['00000003', '00000004', '00000005']


def test_saving_the_current_step_again_does_nothing_and_an_older_one_is_refused(run):
    with Checkpoints(run, keep=3) as checkpoints:
        with pytest.raises(CheckpointError, match=r'Cannot save step 3: .* already holds step 3'):
            checkpoints.save(3, state(3))
        checkpoints.restore(state(0))
        checkpoints.save(3, state(0))
        with pytest.raises(CheckpointError, match='Cannot save step 2'):
            checkpoints.save(2, state(2))
        assert same(checkpoints.restore(state(0)).state, state(3))


@pytest.mark.parametrize('seed', range(12))
def test_a_damaged_step_is_rejected_and_the_one_before_is_used(run, lines, seed):
    mutate(np.random.default_rng(seed), run / '00000003', KINDS[seed % len(KINDS)])
    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        restored = checkpoints.restore(state(0))
    assert restored.step == 2
    assert same(restored.state, state(2))
    assert len(lines) == 1 and 'step 3' in lines[0]


def test_orbax_alone_would_return_a_flipped_bit_as_a_number(tmp_path, monkeypatch):
    """Why there is a manifest. If this fails, Orbax has learnt to check its arrays."""
    tree = {'x': jnp.asarray(np.random.default_rng(0).normal(size=(64, 64)), jnp.float32)}
    with Checkpoints(tmp_path, keep=1, log=lambda line: None) as checkpoints:
        checkpoints.save(1, tree)
        checkpoints.wait()
        path = max(tmp_path.rglob('d/*'), key=lambda path: path.stat().st_size)
        data = bytearray(path.read_bytes())
        data[data.index(bits(tree)[0])] ^= 1
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match='SHA-256'):
            checkpoints.restore(tree)
        monkeypatch.setattr(manifest, 'verify', manifest.read)
        differs = np.asarray(checkpoints.restore(tree).state['x'] != tree['x'])
    assert differs.sum() == 1 and differs[0, 0]


def test_several_damaged_steps_are_passed_over_and_named_newest_first(run, lines):
    damage(run / '00000003')
    (run / '00000002' / manifest.NAME).write_text('{}')
    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        restored = checkpoints.restore(state(0))
    assert restored.step == 1
    assert [step for step, _ in restored.rejected] == [3, 2]
    assert len(lines) == 2 and 'SHA-256' in lines[0] and 'checksum' in lines[1]


def test_checkpoints_of_which_none_is_good_are_an_error_and_not_a_fresh_start(run, lines):
    for step in (1, 2, 3):
        damage(run / f'{step:08d}')
    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        with pytest.raises(CheckpointError, match=r'No checkpoint in .* step 3: .*; step 2: .*; step 1: '):
            checkpoints.restore(state(0))
        assert checkpoints.steps() == [1, 2, 3]


def test_a_damaged_step_is_moved_aside_when_its_number_is_saved_again(run, lines):
    (run / 'damaged-00000003-1').mkdir()
    damage(run / '00000003')
    before = {path.name: path.read_bytes() for path in (run / '00000003').rglob('*') if path.is_file()}
    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        assert checkpoints.restore(state(0)).step == 2
        assert (run / '00000003').exists()
        checkpoints.save(3, state(33))
        checkpoints.wait()
        assert same(checkpoints.restore(state(0)).state, state(33))
        assert checkpoints.steps() == [1, 2, 3]
    aside = run / 'damaged-00000003-2'
    assert {path.name: path.read_bytes() for path in aside.rglob('*') if path.is_file()} == before


def test_a_step_under_another_name_is_rejected(run, lines):
    (run / '00000003').rename(run / '00000009')
    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        assert checkpoints.restore(state(0)).step == 2
    assert lines == ['Rejected step 9: it is step 3 under another name']


def test_another_shape_dtype_or_leaf_is_an_error_that_names_the_leaf(run):
    good = state(0)
    pair = good.params['layer']
    with Checkpoints(run, keep=3) as checkpoints:
        for params, message in (
            ({'layer': pair._replace(kernel=jnp.ones((8, 5)))}, r'params/layer/kernel is float32\[8,4\], wanted .*8,5'),
            ({'layer': pair._replace(bias=jnp.ones(4))}, r'params/layer/bias is bfloat16\[4\], wanted float32\[4\]'),
            ({'layer': pair, 'new': pair.bias}, r'params/new is absent, wanted bfloat16\[4\]'),
            ({}, r'params/layer/kernel is float32\[8,4\], wanted absent \(and 1 more'),
        ):
            with pytest.raises(CheckpointError, match=message):
                checkpoints.restore(good.replace(params=params))
        assert checkpoints.steps() == [1, 2, 3]


def test_an_unfinished_save_is_ignored_by_restore_and_removed_by_the_next_save(run, lines):
    (run / '00000003').rename(run / 'partial-00000003')
    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        assert checkpoints.restore(state(0)).step == 2
        assert (run / 'partial-00000003').exists()
        checkpoints.save(4, state(4))
    assert sorted(path.name for path in run.iterdir()) == ['00000001', '00000002', '00000004']
    assert 'Ignored partial-00000003' in lines[0] and 'Removed partial-00000003' in lines[1]


def test_a_step_without_its_manifest_was_damaged_and_is_moved_aside(run, lines):
    (run / '00000003' / manifest.NAME).unlink()
    with Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        assert checkpoints.restore(state(0)).step == 2
        checkpoints.save(4, state(4))
    names = ['00000001', '00000002', '00000004', 'damaged-00000003-1']
    assert sorted(path.name for path in run.iterdir()) == names
    assert lines == [
        'Rejected step 3: manifest.json: No such file or directory',
        'Moved damaged step 3 to damaged-00000003-1',
    ]


def test_with_all_manifests_gone_nothing_is_deleted(run):
    for path in run.glob('*/manifest.json'):
        path.unlink()
    before = sorted(run.rglob('*'))
    with Checkpoints(run, keep=3) as checkpoints:
        with pytest.raises(CheckpointError, match=r'^No checkpoint in .* step 3: manifest.json: No such file'):
            checkpoints.restore(state(0))
        with pytest.raises(CheckpointError, match='already holds step 3'):
            checkpoints.save(3, state(3))
    assert sorted(run.rglob('*')) == before


@pytest.mark.parametrize('name', ['run[1]', '[', 'a]b', '*', 'what?', '{a,b}', 'x#y %20', '日本'])
def test_a_folder_may_have_any_name(tmp_path, name):
    with Checkpoints(tmp_path / name / 'checkpoints', keep=3) as checkpoints:
        checkpoints.save(1, state(1))
        assert same(checkpoints.restore(state(0)).state, state(1))
    step, arrays = read_arrays(tmp_path / name / 'checkpoints')
    assert step == 1 and (arrays['params/layer/kernel'] == 1).all()


def test_what_cannot_be_read_back_is_no_checkpoint(run, monkeypatch):
    """Why a folder is read back: Orbax looks for its files by a pattern, and does not find any below `run[1]`."""
    folder = run.rename(run.with_name('run[1]'))
    monkeypatch.setattr(arrays, '_literal', lambda path: path)
    with Checkpoints(folder, keep=3) as checkpoints:
        checkpoints.save(4, state(4))
        with pytest.raises(CheckpointError, match=r'^Cannot save step 4 in .*run\[1\]'):
            checkpoints.wait()
        assert checkpoints.steps() == [1, 2, 3]


def test_weights_are_not_taken_from_before_a_damaged_step(run, tmp_path):
    damage(run / '00000003')
    with pytest.raises(CheckpointError, match=r'00000003: damaged: .* SHA-256; move it away to start from'):
        read_arrays(run)
    (run / '00000003').rename(tmp_path / 'away')
    assert read_arrays(run)[0] == 2
    with pytest.raises(CheckpointError, match='got no good checkpoint'):
        read_arrays(tmp_path / 'none')


def test_what_the_notes_say_of_other_files_is_asked(run, lines):
    def beside(notes):
        if notes['step'] == 3:
            raise manifest.Damaged('log is missing')

    with Checkpoints(run, keep=3, log=lines.append, beside=beside) as checkpoints:
        assert checkpoints.restore(state(0)).step == 2
    assert lines == ['Rejected step 3: log is missing']


def test_a_failure_in_the_background_is_one_clear_error_and_the_next_save_works(run, monkeypatch):
    write = manifest.write

    def disk_full(folder, content):
        raise OSError(28, 'No space left on device')

    with Checkpoints(run, keep=3) as checkpoints:
        checkpoints.restore(state(0))
        monkeypatch.setattr(manifest, 'write', disk_full)
        checkpoints.save(4, state(4))
        with pytest.raises(CheckpointError, match=r'^Cannot save step 4 in \S+: No space left on device$'):
            checkpoints.wait()
        assert checkpoints.steps() == [1, 2, 3]
        monkeypatch.setattr(manifest, 'write', write)
        checkpoints.save(4, state(4))
        checkpoints.wait()
        assert checkpoints.steps() == [2, 3, 4]


def test_a_failure_surfaces_on_close_but_does_not_hide_the_exception_under_way(run, monkeypatch, lines):
    def disk_full(folder, content):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(manifest, 'write', disk_full)
    with pytest.raises(CheckpointError, match='No space left'), Checkpoints(run, keep=3) as checkpoints:
        checkpoints.save(4, state(4))
    with pytest.raises(ZeroDivisionError), Checkpoints(run, keep=3, log=lines.append) as checkpoints:
        checkpoints.save(5, state(5))
        raise ZeroDivisionError
    assert 'No space left' in lines[-1]


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / 'file').write_text('in the way')
    with (
        Checkpoints(tmp_path / 'file' / 'checkpoints', keep=3) as checkpoints,
        pytest.raises(CheckpointError, match=r'Cannot save step 1 in .*file'),
    ):
        checkpoints.save(1, state(1))


def test_notes_are_taken_as_they_are_when_save_is_called(tmp_path):
    notes = {'losses': [1.5]}
    with Checkpoints(tmp_path, keep=3) as checkpoints:
        checkpoints.save(1, state(1), notes)
        notes['losses'].append(2.5)
        assert checkpoints.restore(state(0)).notes == {'losses': [1.5]}
