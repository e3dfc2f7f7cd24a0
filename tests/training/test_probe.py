"""The probe of positions: it finds what is in the states, and nothing where there is nothing."""

import json

import numpy as np
import pytest

from posbench.runs import rows as results
from posbench.training import probe
from posbench.training.progress import Progress
from tests import small_job

SEEDS, LENGTH = (3, 5), small_job.LENGTH
# Enough tokens for a fit of 16 + 256 features.
ENOUGH = dict(seeds=SEEDS, evaluate__probe=True, evaluate__multiples=(1,), evaluate__tokens=256)


def errors(name: str) -> dict[tuple[int, int], probe.Probed]:
    one = small_job.build(name, **ENOUGH)
    weights = small_job.trained(one)
    found = probe.position_errors(one.evaluator, weights.params, weights.frozen, 'test', LENGTH)
    return {(probed.layer, probed.seed): probed for probed in found}


def test_a_sum_of_channels_is_found_and_noise_is_not():
    draw = np.random.default_rng(1)
    x_ND = draw.normal(size=(4000, 8))
    y_N = 3 * x_ND[:, 2] - np.maximum(x_ND[:, 5], 0) + 20
    said_N = probe.fit(x_ND[:2000], y_N[:2000])(x_ND[2000:])
    assert np.abs(said_N - y_N[2000:]).mean() < 0.1
    noise_N = probe.fit(draw.normal(size=(2000, 8)), y_N[:2000])(x_ND[2000:])
    assert np.abs(noise_N - y_N[2000:]).mean() > 0.9 * np.abs(y_N[2000:] - np.median(y_N)).mean()


def test_a_channel_that_never_changes_is_no_error():
    x_ND = np.concatenate([np.arange(100.0)[:, None], np.ones((100, 1))], axis=1)
    assert np.abs(probe.fit(x_ND, np.arange(100.0))(x_ND) - np.arange(100.0)).max() < 1


def test_vectors_of_places_that_were_added_are_found():
    for (layer, _), found in errors('learned').items():
        # The mean distance from the middle of 0 to 15.
        assert found.chance == pytest.approx(4.0, abs=0.01)
        assert found.error < (0.65 if layer == 0 else 0.75) * found.chance


def test_without_positions_only_what_a_causal_layer_leaves_says_where_a_token_is():
    found = errors('none')
    for seed in SEEDS:
        assert found[0, seed].error > 0.95 * found[0, seed].chance
        assert found[1, seed].error < 0.95 * found[1, seed].chance


def test_rows_have_every_layer_and_seed_with_chance_beside(tmp_path):
    one = small_job.build('learned', **ENOUGH)
    results.score(one, small_job.trained(one), tmp_path, Progress(quiet=True), 'a_study')
    rows = [json.loads(line) for line in (tmp_path / 'rows.jsonl').read_text('utf-8').splitlines()]
    layers = range(one.model.body.layers + 1)
    found = {(row['metric'], row['seed']): row for row in rows if row['metric'].startswith('position_error')}
    assert set(found) == {(f'position_error_of_layer_{layer}', seed) for layer in layers for seed in SEEDS}
    for row in found.values():
        assert (row['length'], row['split'], row['chance']) == (LENGTH, 'test', pytest.approx(4.0, abs=0.01))
        assert 0 <= row['value'] < 16 and row['examples'] >= 200


def test_the_validation_data_are_scored_where_they_were_not_fitted():
    one = small_job.build('learned', **ENOUGH)
    weights = small_job.trained(one)
    found = probe.position_errors(one.evaluator, weights.params, weights.frozen, 'validation', LENGTH)
    assert {probed.examples for probed in found} == {128}


def test_layers_that_cannot_be_read_are_refused():
    class Model:
        body = object()

    with pytest.raises(ValueError, match=r'config\.evaluate\.probe: got True, wanted False'):
        probe.check(Model())
