"""Evaluation: against plain loops over windows, and whatever the batches and devices are."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

from posbench import encodings, positions
from posbench.devices import hlo, parallel
from posbench.models import build
from posbench.tasks import base
from posbench.tasks.sequence import reverse
from posbench.tasks.text import language_model
from posbench.training import evaluate, settings, step
from tests import small_job
from tests.encodings import small

V, SEEDS = small.VOCABULARY, (0, 1)
TEXT = np.random.default_rng(0).integers(0, V, 203, dtype=np.int32)
CHARACTERS = np.random.default_rng(1).integers(0, 6, V, dtype=np.int32)
SAME = 1e-5


@dataclasses.dataclass(frozen=True)
class Reader:
    """A causal model without a network: what it expects follows from the last `reach` tokens and the position."""

    reach: int
    knows_place: bool = False

    def apply(self, variables, batch, method):
        tokens_BL, table_RVV = batch['inputs_BL'], variables['params']['tables']
        logits_BLV = jnp.zeros((*tokens_BL.shape, V))
        for back in range(self.reach):
            earlier_BL = jnp.pad(tokens_BL, ((0, 0), (back, 0)), constant_values=0)[:, : tokens_BL.shape[1]]
            logits_BLV += table_RVV[back][earlier_BL]
        return logits_BLV + (jnp.sin(batch['pos_BL'][..., None] * jnp.arange(V)) if self.knows_place else 0.0)


TABLES = {'tables': jnp.asarray(np.random.default_rng(2).normal(size=(len(SEEDS), 3, V, V)), jnp.float32)}


def layout(devices: int, sequence: int = 1) -> parallel.Layout:
    mesh = Mesh(np.array(jax.devices()[:devices]).reshape(1, devices, 1), ('seed', 'data', 'model'))
    return parallel.Layout(mesh, 'jit', sequence)


def evaluator(
    model,
    devices=1,
    batch_tokens=64,
    position_map='sequential',
    text=TEXT,
    stride=6,
    longest=40,
    tokens=None,
    sequence=1,
) -> evaluate.Evaluator:
    """Of a text whose sliding windows score `stride` tokens and are `longest` at the most."""
    text = dataclasses.replace(small_job.text(), tokens=dict(train=text, test=text), characters_V=CHARACTERS)
    task = language_model.Task.from_dataset(text, stride=stride)
    budget = base.Budget(tokens, batch_tokens, longest)
    return evaluate.Evaluator(model, task, positions.build(position_map), layout(devices, sequence), SEEDS, budget)


def scored(one: evaluate.Evaluator, length: int, params_S=TABLES) -> tuple[evaluate.Scored, evaluate.Scored]:
    """By windows, and by a sliding window."""
    found = one.scored(params_S, {}, 'test', length)
    assert [protocol.protocol for protocol in found] == ['windows', 'sliding']
    return found


def nats_SL(found: evaluate.Scored) -> np.ndarray:
    return np.stack([sums['nats_L'] for sums in found.sums])


def plain(model, params_S, ends, length: int, last: int) -> np.ndarray:
    """Nats [S, last] by a loop over windows: each reads `length` tokens, and its last `last` targets are scored."""
    apply = jax.jit(lambda params, batch: model.apply({'params': params}, batch, method='outputs'))
    sums_SL = np.zeros((len(SEEDS), last))
    for seed in range(len(SEEDS)):
        params = jax.tree.map(lambda leaf, seed=seed: leaf[seed], params_S)
        for end in ends:
            tokens_L, targets_L = TEXT[end - length : end], TEXT[end - length + 1 : end + 1]
            batch = dict(inputs_BL=tokens_L[None], pos_BL=np.arange(length)[None])
            logits_LV = np.asarray(apply(params, batch)[0], np.float64)
            shifted_LV = logits_LV - logits_LV.max(axis=1, keepdims=True)
            log_p_LV = shifted_LV - np.log(np.exp(shifted_LV).sum(axis=1, keepdims=True))
            sums_SL[seed] -= log_p_LV[np.arange(length), targets_L][-last:]
    return sums_SL


def same(got: evaluate.Scored, wanted_SL: np.ndarray):
    last = wanted_SL.shape[1]
    np.testing.assert_allclose(nats_SL(got)[:, -last:], wanted_SL, rtol=SAME)
    assert (nats_SL(got)[:, :-last] == 0).all()


def ends(length: int, count: int | None = None) -> range:
    """Last targets of non-overlapping windows."""
    count = (len(TEXT) - 1) // length if count is None else count
    return range(length, count * length + 1, length)


@pytest.fixture(scope='module')
def transformer():
    """A decoder with dropout, its parameters for two seeds, and the same decoder without dropout."""
    with_dropout = small.model(encodings.build('rotary'), layers=1, dropout=0.5)
    without = small.model(encodings.build('rotary'), layers=1)
    params = small.params(without)['params']
    return with_dropout, jax.tree.map(lambda leaf: jnp.stack([leaf, 0.9 * leaf]), params), without


def test_windows_of_a_transformer_are_a_plain_loop_without_its_dropout(transformer):
    model, params_S, without = transformer
    got, _ = scored(evaluator(model, devices=8, batch_tokens=160), 20, params_S)
    same(got, plain(without, params_S, ends(20), 20, 20))
    assert got.examples == 10 * 20


def test_devices_that_share_a_sequence_change_no_score(transformer):
    """Not all of four devices have as many of 21 tokens."""
    model, params_S, _ = transformer
    alone, _ = scored(evaluator(model), 21, params_S)
    got, _ = scored(evaluator(model, devices=8, sequence=4), 21, params_S)
    same(got, nats_SL(alone))


def test_parameters_that_are_split_are_gathered_and_rows_stay_where_they_are(transformer):
    model, params_S, without = transformer
    one = evaluator(model, devices=8, batch_tokens=160)
    one = dataclasses.replace(one, layout=dataclasses.replace(one.layout, shard_parameters=True))
    split_S = parallel.place_state(params_S, one.layout)
    assert not all(leaf.is_fully_replicated for leaf in jax.tree.leaves(split_S))
    got, _ = scored(one, 20, split_S)
    same(got, plain(without, params_S, ends(20), 20, 20))
    function, arguments = one.program(split_S, {}, one.batches('test', 20)[0])
    assert hlo.read(function.lower(*arguments).compile().as_text()).collectives == {}


def test_a_sliding_window_of_a_transformer_is_a_plain_loop_over_the_tokens_before(transformer):
    model, params_S, without = transformer
    _, got = scored(evaluator(model), 20, params_S)
    same(got, plain(without, params_S, np.linspace(40, 202, 5).astype(int), 20, 6))
    assert got.examples == 5 * 6


@pytest.mark.parametrize('devices, batch_tokens', [(1, 1), (1, 30), (1, 64), (3, 64), (8, 64), (8, 1000)])
@pytest.mark.parametrize('length', [10, 17])
def test_batches_and_devices_change_nothing(devices, batch_tokens, length):
    """The last batch is filled up in nearly all of these, once by 7 rows of 8."""
    model = Reader(3, knows_place=True)
    windows, sliding = scored(evaluator(model, devices, batch_tokens, longest=34, stride=5), length)
    same(windows, plain(model, TABLES, ends(length), length, length))
    same(sliding, plain(model, TABLES, np.linspace(34, 202, 5).astype(int), length, 5))
    assert (windows.examples, sliding.examples) == (202 // length * length, 5 * 5)


def test_sums_add_up():
    model = Reader(2, knows_place=True)

    def sums(text):
        one = evaluator(model, text=text, longest=10)
        return one, scored(one, 10)[0]

    one, whole = sums(TEXT[:121])
    parts = [sums(TEXT[a : b + 1])[1] for a, b in ((0, 30), (30, 120))]
    assert whole.examples == 120 == sum(part.examples for part in parts)
    for seed in range(len(SEEDS)):
        total = jax.tree.map(np.add, *(part.sums[seed] for part in parts))
        for name, sum_L in whole.sums[seed].items():
            np.testing.assert_allclose(total[name], sum_L, rtol=SAME)
        assert one.task.values(total) == pytest.approx(one.values(whole)[seed], rel=SAME)


def test_the_measures_are_those_of_the_scored_targets():
    model = Reader(1)
    one = evaluator(model, stride=4, longest=30, tokens=95)
    windows, sliding = scored(one, 10)
    for found, last, end_W in (
        (windows, 10, ends(10, 9)),
        (sliding, 4, np.linspace(30, 202, 3).astype(int)),
    ):
        nats_S = plain(model, TABLES, end_W, 10, last).sum(axis=1)
        characters = sum(CHARACTERS[TEXT[end - last + 1 : end + 1]].sum() for end in end_W)
        assert found.examples == last * len(end_W)
        for nats, values in zip(nats_S, one.values(found), strict=True):
            loss = nats / (last * len(end_W))
            assert values == pytest.approx(
                dict(loss=loss, perplexity=math.exp(loss), bits_per_character=nats / math.log(2) / characters), rel=SAME
            )


def test_more_context_changes_nothing_for_a_model_that_looks_one_token_back():
    one = evaluator(Reader(2), longest=32)
    found = [scored(one, length)[1] for length in (8, 9, 16, 32)]
    for at_length in found[1:]:
        assert at_length.examples == found[0].examples
        for got, wanted in zip(at_length.sums, found[0].sums, strict=True):
            assert got['nats_L'].sum() == pytest.approx(wanted['nats_L'].sum(), rel=1e-6)
            assert got['characters_L'].sum() == wanted['characters_L'].sum()
    one = evaluator(Reader(2), longest=32, text=TEXT[:193])
    by_windows = [nats_SL(scored(one, length)[0])[0].sum() for length in (8, 16, 32)]
    assert len({round(nats, 3) for nats in by_windows}) == 3, 'first tokens of windows lack the token before'


def test_the_context_is_what_stands_before_the_targets():
    """A model that looks three back knows all of it from 6 tokens on, where 4 are scored, and not with 4 or 5."""
    one = evaluator(Reader(3), longest=32, stride=4)
    nats = {length: nats_SL(scored(one, length)[1])[:, -4:] for length in (4, 5, 6, 7, 32)}
    for length in (7, 32):
        np.testing.assert_allclose(nats[6], nats[length], rtol=1e-6)
    for length in (4, 5):
        assert np.abs(nats[6][:, 0] - nats[length][:, 0]).max() > 0.1


@pytest.mark.parametrize('position_map', ['sequential', 'randomized', 'shifted'])
def test_drawn_positions_are_those_of_evaluation_and_the_same_every_time(position_map):
    model = Reader(1, knows_place=True)
    got, again = (scored(evaluator(model, position_map=position_map), 20)[0] for _ in range(2))
    np.testing.assert_array_equal(nats_SL(got), nats_SL(again))
    in_order = plain(model, TABLES, ends(20), 20, 20)
    assert np.allclose(nats_SL(got), in_order, rtol=SAME) == (position_map != 'randomized')


def test_only_the_main_protocol_is_scored_where_no_other_is_asked_for():
    one = evaluator(Reader(1))
    (found,) = one.scored(TABLES, {}, 'test', 20, only_main=True)
    wanted = scored(one, 20)[0]
    assert (found.protocol, found.length, found.examples) == (wanted.protocol, 20, wanted.examples)
    np.testing.assert_array_equal(nats_SL(found), nats_SL(wanted))


def test_what_is_decoded_depends_on_no_batch_and_no_device():
    """Counts of right tokens and rows of an encoder-decoder; some parameters are frozen, and belong to no seed."""
    task = reverse.Task(symbols=3)
    fields = dict(encoding=encodings.build('rotary'), layers=1, width=16, heads=2, hidden=16)
    model = build.language_model(vocabulary=task.vocabulary, name='encoder_decoder', **fields)
    sequential, key = positions.build('sequential'), jax.random.key(0)
    example = step.with_positions(task.sample(key, 1, 4), sequential, key, train=True)
    params_S = jax.eval_shape(lambda: jax.vmap(lambda seed: step.init_params(model, seed, example))(jnp.arange(2)))
    params_S = jax.tree.map(lambda leaf: np.random.default_rng(3).normal(size=leaf.shape).astype(leaf.dtype), params_S)
    frozen = {'input_layer': jax.tree.map(lambda leaf: leaf[0], params_S.pop('input_layer'))}

    def sums(devices, batch_tokens):
        budget = base.Budget(60, batch_tokens, 4)
        one = evaluate.Evaluator(model, task, sequential, layout(devices), SEEDS, budget)
        (found,) = one.scored(params_S, frozen, 'test', 4)
        assert (found.protocol, found.examples) == ('decoded', 15 * 5)
        return found.sums

    alone = sums(1, 60)
    assert 0 < alone[0]['right_L'].sum() < alone[0]['tokens_L'].sum() == 15 * 5
    for devices, batch_tokens in ((1, 16), (8, 60)):
        for got, wanted in zip(sums(devices, batch_tokens), alone, strict=True):
            for name in wanted:
                np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)


def test_parts_are_consecutive_rows_whatever_the_batches_are():
    one, other = (evaluator(Reader(1), devices, batch_tokens) for devices, batch_tokens in ((1, 1000), (3, 40)))
    for got, wanted in zip(scored(one, 10), scored(other, 10), strict=True):
        rows = 20 if got.protocol == 'windows' else 5
        for seed in range(len(SEEDS)):
            assert len(got.parts[seed]) == len(wanted.parts[seed]) == rows
            for part, same_part in zip(got.parts[seed], wanted.parts[seed], strict=True):
                np.testing.assert_allclose(part['nats_L'], same_part['nats_L'], rtol=SAME)
            total = sum(part['nats_L'] for part in got.parts[seed])
            np.testing.assert_allclose(total, got.sums[seed]['nats_L'], rtol=1e-12)


def test_pseudo_values_of_a_mean_over_rows_are_the_means_of_the_parts():
    one = evaluator(Reader(1))
    windows, _ = scored(one, 10)
    for values, parts in zip(one.on_parts(windows, 'loss'), windows.parts, strict=True):
        assert values == pytest.approx([part['nats_L'].sum() / 10 for part in parts], rel=1e-6)
    alone = evaluator(Reader(1), tokens=40)
    assert alone.on_parts(scored(alone, 40)[0], 'loss') == [[], []], 'one window says nothing of another one'


@pytest.mark.parametrize('rows', [1, 31, 32, 63, 64, 65, 95, 96, 127, 1000, 4099])
def test_parts_are_neither_few_nor_many_and_as_large_as_one_another(rows):
    parts = evaluate.Parts()
    number_SB = np.arange(rows, dtype=float)[None]
    for first in range(0, rows, 100):
        batch_SB = number_SB[:, first : first + 100]
        parts.add({'rows': np.ones_like(batch_SB), 'number': batch_SB}, np.arange(batch_SB.shape[1]))
    sizes = [int(sums['rows'][0]) for sums in parts.sums]
    assert min(rows, evaluate.PARTS) <= len(sizes) < 2 * evaluate.PARTS
    assert sum(sizes) == rows and set(sizes[:-1]) <= {parts.size} and sizes[-1] <= parts.size
    firsts = np.cumsum([0, *sizes[:-1]])
    wanted = [sum(range(first, first + size)) for first, size in zip(firsts, sizes)]
    assert [sums['number'][0] for sums in parts.sums] == wanted


def plan(multiples, first_unseen, lengths=()):
    return settings.Evaluate(multiples, first_unseen, 'test', None, 64, lengths)


def test_the_first_unseen_length_is_scored():
    assert plan((1, 2, 4), True).scored(16) == [16, 17, 32, 64]
    assert plan((4, 2, 1), False).scored(16) == [16, 32, 64]
    assert plan((1,), True).scored(16) == [16, 17]


def test_lengths_that_are_no_multiples_are_scored_besides():
    assert plan((1, 2), True, (17, 25, 41)).scored(20) == [17, 20, 21, 25, 40, 41]
    assert plan((1,), False, (50, 60, 80)).shapes(20) == (20, 60, 80)


@pytest.mark.parametrize('train_length', [1, 2, 16])
def test_a_plan_with_the_lengths_of_another_one_has_those_of_both(train_length):
    one, other = plan((1, 4), False, (5,)), plan((2, 3), True, (5, 11))
    both = {*one.scored(train_length), *other.scored(train_length)}
    for a, b in ((one, other), (other, one), (one, one)):
        also = a.also(b.scored(train_length), train_length).scored(train_length)
        assert also == sorted({*a.scored(train_length), *b.scored(train_length)})
    assert sorted(both) == one.also(other.scored(train_length), train_length).scored(train_length)
