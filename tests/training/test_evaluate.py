"""Evaluation by windows: against plain loops, and whatever the batches and devices are."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

from posbench import encodings, positions
from posbench.devices import parallel
from posbench.training import evaluate, job
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

    def apply(self, variables, tokens_BL, pos_BL):
        table_RVV = variables['params']['tables']
        logits_BLV = jnp.zeros((*tokens_BL.shape, V))
        for back in range(self.reach):
            earlier_BL = jnp.pad(tokens_BL, ((0, 0), (back, 0)), constant_values=0)[:, : tokens_BL.shape[1]]
            logits_BLV += table_RVV[back][earlier_BL]
        return logits_BLV + (jnp.sin(pos_BL[..., None] * jnp.arange(V)) if self.knows_place else 0.0)


TABLES = {'tables': jnp.asarray(np.random.default_rng(2).normal(size=(len(SEEDS), 3, V, V)), jnp.float32)}


def evaluator(model, devices: int = 1, batch_tokens: int = 64, position_map='sequential', seeds=SEEDS):
    mesh = Mesh(np.array(jax.devices()[:devices]).reshape(1, devices, 1), ('seed', 'data', 'model'))
    layout = parallel.Layout(mesh, 'jit')
    characters_V = CHARACTERS if len(seeds) == len(SEEDS) else np.zeros(len(seeds), np.int32)
    return evaluate.Evaluator(model, positions.build(position_map), layout, characters_V, seeds, batch_tokens)


def plain(model, params_S, ends, length: int, last: int) -> np.ndarray:
    """Nats [S, last] by a loop over windows: each reads `length` tokens, and its last `last` targets are scored."""
    apply = jax.jit(model.apply)
    sums_SL = np.zeros((len(SEEDS), last))
    for seed in range(len(SEEDS)):
        params = {'params': jax.tree.map(lambda leaf, seed=seed: leaf[seed], params_S)}
        for end in ends:
            tokens_L, targets_L = TEXT[end - length : end], TEXT[end - length + 1 : end + 1]
            logits_LV = np.asarray(apply(params, tokens_L[None], np.arange(length)[None])[0], np.float64)
            shifted_LV = logits_LV - logits_LV.max(axis=1, keepdims=True)
            log_p_LV = shifted_LV - np.log(np.exp(shifted_LV).sum(axis=1, keepdims=True))
            sums_SL[seed] -= log_p_LV[np.arange(length), targets_L][-last:]
    return sums_SL


def same(got: evaluate.Windows, wanted_SL: np.ndarray):
    np.testing.assert_allclose(got.nats_SL, wanted_SL, rtol=SAME)


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
    got = evaluator(model, devices=8, batch_tokens=160).windows(params_S, TEXT, 20, None)
    same(got, plain(without, params_S, ends(20), 20, 20))
    assert got.count == 10


def test_a_sliding_window_of_a_transformer_is_a_plain_loop_over_the_tokens_before(transformer):
    model, params_S, without = transformer
    got = evaluator(model).sliding(params_S, TEXT, 20, 40, 6, None)
    same(got, plain(without, params_S, np.linspace(40, 202, 5).astype(int), 20, 6))


@pytest.mark.parametrize('devices, batch_tokens', [(1, 1), (1, 30), (1, 64), (3, 64), (8, 64), (8, 1000)])
@pytest.mark.parametrize('length', [10, 17])
def test_batches_and_devices_change_nothing(devices, batch_tokens, length):
    """The last batch is filled up in nearly all of these, once by 7 rows of 8."""
    model = Reader(3, knows_place=True)
    one = evaluator(model, devices, batch_tokens)
    same(one.windows(TABLES, TEXT, length, None), plain(model, TABLES, ends(length), length, length))
    sliding = one.sliding(TABLES, TEXT, length, 34, 5, 150)
    same(sliding, plain(model, TABLES, np.linspace(34, 202, 4).astype(int), length, 5))


def test_scores_are_sums_that_add_up():
    one = evaluator(Reader(2, knows_place=True))
    whole = one.windows(TABLES, TEXT[:121], 10, None).scores()
    parts = [one.windows(TABLES, TEXT[a : b + 1], 10, None).scores() for a, b in ((0, 30), (30, 120))]
    for seed in range(len(SEEDS)):
        total = parts[0][seed] + parts[1][seed]
        assert total.tokens == whole[seed].tokens == 120
        assert total.characters == whole[seed].characters
        assert total.nats == pytest.approx(whole[seed].nats, rel=SAME)
        for name, value in whole[seed].values().items():
            assert total.values()[name] == pytest.approx(value, rel=SAME)


def test_the_measures_are_those_of_the_scored_targets():
    model = Reader(1)
    one = evaluator(model)
    for windows, last, end_W in (
        (one.windows(TABLES, TEXT, 10, 95), 10, ends(10, 9)),
        (one.sliding(TABLES, TEXT, 10, 30, 4, 95), 4, np.linspace(30, 202, 3).astype(int)),
    ):
        nats_S = plain(model, TABLES, end_W, 10, last).sum(axis=1)
        characters = sum(CHARACTERS[TEXT[end - last + 1 : end + 1]].sum() for end in end_W)
        for nats, score in zip(nats_S, windows.scores(), strict=True):
            loss = nats / (last * len(end_W))
            assert score.tokens == last * len(end_W)
            assert score.characters == characters
            assert score.values() == pytest.approx(
                dict(loss=loss, perplexity=math.exp(loss), bits_per_character=nats / math.log(2) / characters), rel=SAME
            )


def scored_targets(monkeypatch, protocol: str, *arguments, **how) -> dict[int, int]:
    """How often each place of the text is scored as a target: place n of it stands for itself, and so does seed n."""

    def nll(model, position_map, params_S, seed_S, window_BL, number):
        return (window_BL[None, :, 1:] == seed_S[:, None, None]).astype(jnp.float32)

    monkeypatch.setattr(evaluate, '_nll', nll)
    places = np.arange(len(TEXT), dtype=np.int32)
    one = evaluator(None, seeds=tuple(range(len(TEXT))), **how)
    count_N = getattr(one, protocol)(None, places, *arguments).nats_SL.sum(axis=1)
    return {place: int(count) for place, count in enumerate(count_N) if count}


@pytest.mark.parametrize('length', [7, 10, 101, 202])
def test_windows_score_every_token_once_but_the_first_and_what_is_left_over(monkeypatch, length):
    got = scored_targets(monkeypatch, 'windows', length, None, devices=3)
    assert got == dict.fromkeys(range(1, 202 // length * length + 1), 1)


def test_windows_keep_to_their_budget(monkeypatch):
    assert scored_targets(monkeypatch, 'windows', 10, 59) == dict.fromkeys(range(1, 51), 1)


@pytest.mark.parametrize('tokens', [None, 120, 40])
def test_a_sliding_window_scores_the_same_targets_at_every_length(monkeypatch, tokens):
    count = min(tokens or 202, 202) // 40
    last_places = np.linspace(40, 202, count).astype(int)
    wanted = dict.fromkeys((int(end - back) for end in last_places for back in range(6)), 1)
    for length in (6, 10, 11, 20, 40):
        assert scored_targets(monkeypatch, 'sliding', length, 40, 6, tokens) == dict(sorted(wanted.items())), length


def test_more_context_changes_nothing_for_a_model_that_looks_one_token_back():
    one = evaluator(Reader(2))
    lengths = (8, 9, 16, 32)
    scores = [one.sliding(TABLES, TEXT, length, 32, 6, None).scores() for length in lengths]
    for at_length in scores[1:]:
        for got, wanted in zip(at_length, scores[0], strict=True):
            assert got.nats == pytest.approx(wanted.nats, rel=1e-6)
            assert got[1:] == wanted[1:]
    by_windows = [one.windows(TABLES, TEXT[:193], length, None).scores()[0].nats for length in (8, 16, 32)]
    assert len({round(nats, 3) for nats in by_windows}) == 3, 'first tokens of windows lack the token before'


def test_the_context_is_what_stands_before_the_targets():
    """A model that looks three back knows all of it from 6 tokens on, where 4 are scored, and not with 4 or 5."""
    one = evaluator(Reader(3))
    nats = {length: one.sliding(TABLES, TEXT, length, 32, 4, None).nats_SL for length in (4, 5, 6, 7, 32)}
    for length in (7, 32):
        np.testing.assert_allclose(nats[6], nats[length], rtol=1e-6)
    for length in (4, 5):
        assert np.abs(nats[6][:, 0] - nats[length][:, 0]).max() > 0.1


@pytest.mark.parametrize('length, stride', [(4, 6), (41, 6)])
def test_a_length_that_cannot_score_the_same_targets_is_an_error(length, stride):
    with pytest.raises(ValueError, match=f'got length {length}, wanted stride 6 to longest 40') as error:
        evaluator(Reader(1)).sliding(TABLES, TEXT, length, 40, stride, None)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('tokens', [None, 19])
@pytest.mark.parametrize('protocol', ['windows', 'sliding'])
def test_a_text_too_short_is_one_clear_line(protocol, tokens):
    text = TEXT[:20] if tokens is None else TEXT
    arguments = (20, tokens) if protocol == 'windows' else (8, 20, 4, tokens)
    with pytest.raises(ValueError, match='at length 20: got 19 tokens of text, wanted at least one window') as error:
        getattr(evaluator(Reader(1)), protocol)(TABLES, text, *arguments)
    assert '\n' not in str(error.value)


def test_a_text_that_just_fits_is_one_window():
    assert evaluator(Reader(1)).windows(TABLES, TEXT[:21], 20, None).count == 1
    assert evaluator(Reader(1)).sliding(TABLES, TEXT[:21], 8, 20, 4, None).count == 1


@pytest.mark.parametrize('position_map', ['sequential', 'randomized', 'shifted'])
def test_drawn_positions_are_those_of_evaluation_and_the_same_every_time(position_map):
    model = Reader(1, knows_place=True)
    got, again = (evaluator(model, position_map=position_map).windows(TABLES, TEXT, 20, None) for _ in range(2))
    np.testing.assert_array_equal(got.nats_SL, again.nats_SL)
    in_order = plain(model, TABLES, ends(20), 20, 20)
    assert np.allclose(got.nats_SL, in_order, rtol=SAME) == (position_map != 'randomized')


def test_the_first_unseen_length_is_scored():
    def lengths(multiples, first_unseen):
        return job.Plan(multiples, first_unseen, 'test', None, 8, 64).lengths(16)

    assert lengths((1, 2, 4), True) == [16, 17, 32, 64]
    assert lengths((4, 2, 1), False) == [16, 32, 64]
    assert lengths((1,), True) == [16, 17]


@pytest.mark.parametrize('length', [1, 5, 16, 17, 18, 128, 129, 1000])
@pytest.mark.parametrize('border', [1, 2, 16, 100, 128])
def test_bins_hold_every_place_once_and_the_first_unseen_one_alone(length, border):
    nats_SL = np.random.default_rng(length).exponential(size=(2, length))
    windows = evaluate.Windows(nats_SL, np.zeros(length, np.int64), 3, length)
    bins = windows.by_position(border)
    edges = [0, *(last for last, _, _ in bins)]
    assert edges[-1] == length
    assert all(a < b for a, b in itertools.pairwise(edges))
    assert [tokens for _, _, tokens in bins] == [3 * (b - a) for a, b in itertools.pairwise(edges)]
    if length > border:
        assert {border, border + 1} <= set(edges)
    for (_, mean_S, _), start, stop in zip(bins, edges, edges[1:]):
        np.testing.assert_allclose(mean_S, nats_SL[:, start:stop].mean(axis=1) / 3)
    overall = sum(mean_S * tokens for _, mean_S, tokens in bins) / (3 * length)
    np.testing.assert_allclose(overall, [score.values()['loss'] for score in windows.scores()])


def test_bins_grow_but_stay_narrow():
    edges = [0, *(last for last, _, _ in evaluate.Windows(np.ones((1, 4096)), np.ones(4096), 1, 4096).by_position(128))]
    assert edges[:17] == list(range(17))
    assert all(b - a <= max(a // 16, 1) for a, b in itertools.pairwise(edges))
    assert len(edges) < 130
