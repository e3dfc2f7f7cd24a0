"""Next-token prediction: windows of a text, the same for everybody."""

import dataclasses
import inspect
import math
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import tasks
from posbench.positions import documents
from posbench.tasks import base
from posbench.tasks.text import language_model
from tests import small_job

TEXT = np.random.default_rng(0).integers(0, 20, 50).astype(np.int32)
END = 3


def of(tokens_N, **options) -> language_model.Task:
    """The task on a text of which every split is the same."""
    splits = dict.fromkeys(('train', 'validation', 'test'), tokens_N)
    text = dataclasses.replace(small_job.text(), tokens=splits, end_of_document=END)
    return tasks.build('text/language_model', dataset=text, **options)


def test_every_task_has_a_name_and_is_found_by_it():
    assert 'text/language_model' in tasks.names()
    assert isinstance(of(TEXT), language_model.Task)
    for name in tasks.names():
        module = inspect.getmodule(tasks.TASKS.find(name))
        assert module.__name__ == 'posbench.tasks.' + name.replace('/', '.')


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(ValueError, match=r"'text/languag_model'; did you mean 'text/language_model'\?"):
        tasks.build('text/languag_model')


def test_targets_are_the_inputs_one_place_on_and_both_stand_in_the_text():
    task = language_model.Task(jnp.asarray(TEXT))
    key = jax.random.key(1)
    batch, start_B = task.sample(key, 30, 8), np.asarray(task.draw(key, 30, 8))
    for row, start in enumerate(start_B):
        np.testing.assert_array_equal(batch['inputs_BL'][row], TEXT[start : start + 8])
        np.testing.assert_array_equal(batch['targets_BL'][row], TEXT[start + 1 : start + 9])
    assert batch['weights_BL'].dtype == jnp.float32
    assert batch['weights_BL'].shape == (30, 8)
    assert (batch['weights_BL'] == 1).all()
    assert 'segment_ids_BL' not in batch


def test_windows_start_at_every_place_where_one_fits_and_nowhere_else():
    start_B = np.asarray(language_model.Task(jnp.asarray(TEXT)).draw(jax.random.key(0), 2000, 40))
    assert set(start_B) == set(range(10)), 'the last window has its last target at the last token'


def test_a_batch_is_a_function_of_its_key():
    task = language_model.Task(jnp.asarray(TEXT))
    first, again, other = (np.asarray(task.sample(jax.random.key(k), 4, 8)['inputs_BL']) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_documents_end_after_their_mark_and_start_anew():
    window_BL = jnp.asarray([[END, 1, 2, END, END, 5, 6], [1, 1, 1, 1, 1, 1, END]])
    batch = of(TEXT, separate_documents=True).batch_of(window_BL)
    np.testing.assert_array_equal(batch['segment_ids_BL'], [[0, 1, 1, 1, 2, 3], [0] * 6])
    # What follows the end of a document is not scored; the end itself is, as a target.
    np.testing.assert_array_equal(batch['weights_BL'], [[0, 1, 1, 0, 0, 1], [1] * 6])
    assert batch['segment_ids_BL'].dtype == jnp.int32


def test_positions_restart_with_each_document():
    segment_ids_BL = jnp.asarray([[0, 1, 1, 1, 2, 3], [0] * 6])
    one_for_all = jnp.asarray([[2, 5, 7, 8, 11, 12]])
    np.testing.assert_array_equal(
        documents.restart(one_for_all, segment_ids_BL), [[2, 2, 5, 7, 2, 2], [2, 5, 7, 8, 11, 12]]
    )
    own = jnp.asarray([[0, 1, 2, 3, 4, 5], [9, 10, 11, 12, 13, 14]])
    np.testing.assert_array_equal(documents.restart(own, segment_ids_BL), [[0, 0, 1, 2, 0, 0], [9, 10, 11, 12, 13, 14]])
    assert documents.restart(one_for_all, None) is one_for_all


def test_the_text_is_an_argument_of_a_compiled_step_and_not_a_constant_of_it():
    task = of(TEXT, separate_documents=True)
    tokens_N, characters_V = jax.tree.leaves(task)
    assert tokens_N is TEXT
    np.testing.assert_array_equal(characters_V, task.text.characters_V)


def test_windows_that_the_host_cuts_are_those_of_the_device():
    device, host = of(TEXT), of(TEXT, on_device=False)
    assert (device.from_host, host.from_host) == (False, True)
    assert device.without_host_data() is device
    assert host.without_host_data().tokens_N.size == 1
    key = jax.random.key(3)
    start_B = np.asarray(host.draw(key, 6, 8))
    for name, wanted in device.sample(key, 6, 8).items():
        np.testing.assert_array_equal(host.batch_of(host.cut(start_B, 8))[name], wanted)


PLACES = np.arange(203, dtype=np.int32)


@pytest.mark.parametrize('on_device', [True, False])
def test_a_training_text_without_a_whole_window_and_its_last_target_is_refused(on_device):
    with pytest.raises(ValueError, match=r'config\.train\.length: got 8, wanted at most 7, because .* has 8 tokens'):
        of(PLACES[:8], on_device=on_device).sample(jax.random.key(0), 4, 8)
    batch = of(PLACES[:9], on_device=on_device).sample(jax.random.key(0), 4, 8)
    np.testing.assert_array_equal(batch['targets_BL'], [range(1, 9)] * 4)


def scored_targets(protocol, length, *, tokens=None, longest=40, batch_tokens=64, text=PLACES) -> dict[int, int]:
    """How often each place of the text is scored as a target: place n of it stands for itself."""
    found = Counter()
    for name, batch in of(text, stride=6).held_out('test', length, base.Budget(tokens, batch_tokens, longest)):
        if name == protocol:
            np.testing.assert_array_equal(batch['targets_BL'] - batch['inputs_BL'], 1)
            assert batch['targets_BL'].shape == (max(batch_tokens // length, 1), length)
            found.update(batch['targets_BL'][batch['weights_BL'] > 0].tolist())
            assert set(np.unique(batch['weights_BL'])) <= {0, 1}
    return dict(sorted(found.items()))


@pytest.mark.parametrize('length', [7, 10, 101, 202])
def test_windows_score_every_token_once_but_the_first_and_what_is_left_over(length):
    assert scored_targets('windows', length) == dict.fromkeys(range(1, 202 // length * length + 1), 1)


def test_windows_keep_to_their_budget():
    assert scored_targets('windows', 10, tokens=59) == dict.fromkeys(range(1, 51), 1)


@pytest.mark.parametrize('tokens', [None, 120, 40])
def test_a_sliding_window_scores_the_same_targets_at_every_length(tokens):
    count = min(tokens or 202, 202) // 40
    last_places = np.linspace(40, 202, count).astype(int)
    wanted = dict.fromkeys((int(end - back) for end in last_places for back in range(6)), 1)
    for length in (6, 10, 11, 20, 40):
        assert scored_targets('sliding', length, tokens=tokens) == dict(sorted(wanted.items())), length


@pytest.mark.parametrize('length', [4, 5, 41])
def test_a_length_that_cannot_score_the_same_targets_has_no_sliding_window(length):
    assert scored_targets('sliding', length) == {}
    assert scored_targets('windows', length)


@pytest.mark.parametrize('tokens', [None, 19])
@pytest.mark.parametrize('length', [20, 8], ids=['windows', 'sliding'])
def test_a_text_too_short_is_one_clear_line(length, tokens):
    """By windows of 20 tokens, and by sliding windows of 8 whose longest are 20."""
    text = PLACES[:20] if tokens is None else PLACES
    got = '19 tokens of text' if tokens is None else '202 tokens of text and config.evaluate.tokens = 19'
    with pytest.raises(ValueError, match=f'at length 20: got {got}, wanted at least one window') as error:
        scored_targets('', length, tokens=tokens, longest=20, text=text)
    assert '\n' not in str(error.value)


def test_a_text_that_just_fits_is_one_window():
    assert scored_targets('windows', 20, longest=20, text=PLACES[:21]) == dict.fromkeys(range(1, 21), 1)
    assert scored_targets('sliding', 8, longest=20, text=PLACES[:21]) == dict.fromkeys(range(15, 21), 1)


def values(nats, tokens, characters) -> dict[str, float]:
    """Of sums at one place."""
    sums = dict(nats_L=[nats], weights_L=[tokens], characters_L=[characters])
    return of(TEXT).values({name: np.array(sum_L, float) for name, sum_L in sums.items()})


def test_values_are_of_sums_and_not_of_means():
    assert values(6.0 + 2.0, 2 + 6, 3 + 1) == pytest.approx(
        dict(loss=1.0, perplexity=math.e, bits_per_character=8 / math.log(2) / 4), rel=1e-12
    )


def test_where_nothing_was_scored_there_is_no_number():
    assert all(math.isnan(value) for value in values(0.0, 0, 0).values())
    no_characters = values(3.0, 3, 0)
    assert no_characters['loss'] == 1.0
    assert math.isnan(no_characters['bits_per_character'])


def test_nan_stays_nan_and_a_huge_loss_does_not_stop_a_run():
    assert all(math.isnan(value) for value in values(math.nan, 3, 4).values())
    assert values(1e6, 1, 1)['perplexity'] > 1e300
