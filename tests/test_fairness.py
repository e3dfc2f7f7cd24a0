"""An encoding changes itself and nothing else: config, weights, batches, dropout and scale are the same for all."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import default
from posbench import encodings, positions, streams
from posbench.encodings import base
from posbench.knobs import schema
from posbench.models import block, build, transformer
from posbench.tasks.text import language_model
from posbench.training import step
from tests import small_job
from tests.encodings import small
from tests.small_job import VARIANTS

# A recipe changes how an encoding is trained as well, and no more than stands here.
RECIPES = {'drope': {'second_phase'}}
MASKS = {}


def resolved(name):
    return schema.resolve(importlib.import_module(f'configs.{name}').get_config())


def test_there_is_a_config_for_every_encoding():
    assert len(VARIANTS) >= 9

    def used(encoding):
        inner = [value for value in encoding.values() if isinstance(value, dict)]
        return {encoding['name']}.union(*map(used, inner))

    configs = [resolved(name).encoding.to_dict() for name in VARIANTS]
    assert set().union(*map(used, configs)) == set(encodings.names())


@pytest.mark.parametrize('name', VARIANTS)
def test_a_variant_changes_the_encoding_and_positions_and_nothing_else(name):
    plain = default.get_config().to_dict()
    variant = importlib.import_module(f'configs.{name}').get_config().to_dict()
    changed = {knob for knob in plain | variant if plain.get(knob) != variant.get(knob)}
    recipe = RECIPES.get(name, set())
    assert recipe <= changed <= {'encoding', 'positions'} | recipe
    assert changed or name == 'none', 'a variant that is the default'


@pytest.mark.parametrize('name', VARIANTS)
def test_every_variant_builds_its_model_and_positions(name):
    config = resolved(name)
    model = build.from_config(config, vocabulary=config.dataset.vocabulary)

    def check(encoding, options):
        assert type(encoding).__module__ == f'posbench.encodings.{options.pop("name")}'
        for knob, value in options.items():
            if isinstance(value, dict):
                check(getattr(encoding, knob), value)
            elif knob != 'module':
                assert getattr(encoding, knob) == value, knob

    check(model.encoding, config.encoding.to_dict())
    tokens_BL = jnp.zeros((1, config.train.length), jnp.int32)
    position_map = positions.build(**config.positions)
    pos = position_map(jax.random.key(0), *tokens_BL.shape, train=True, tokens_BL=tokens_BL)
    assert base.shape_of(pos) == (1, config.train.length)
    assert base.coordinates(pos) > 1 if model.encoding.axes > 1 else base.coordinates(pos) == 1


def alike_but_for_the_encoding(got: dict, wanted: dict):
    assert {path for path in got if 'position_encoding' not in path} == set(wanted)
    for path, leaf in wanted.items():
        np.testing.assert_array_equal(got[path], leaf, err_msg=path)


@pytest.mark.parametrize('name', VARIANTS)
def test_one_seed_gives_every_config_the_same_initial_weights(name):
    layers = small_job.build(name).model.layers
    got, wanted = small_job.first_state(name), small_job.first_state('none', model__layers=layers)
    alike_but_for_the_encoding(small.by_path(got.params), small.by_path(wanted.params))


@functools.cache
def initial(name: str, scanned: bool = True) -> dict:
    """Initial weights of two layers by their paths."""
    encoding = encodings.build(name)
    model = small.model(encoding, layers=2, scan_layers=scanned, remat=True, qk_norm=True)
    lifted = small.lift(encoding, small.positions(1))
    return small.by_path(jax.jit(model.init)(streams.key(3, 'parameters'), small.tokens(1), lifted))


# Scanned together, layers of different kinds draw their weights in groups.
@pytest.mark.parametrize('name', [name for name in encodings.names() if encodings.build(name).period == 1])
def test_one_seed_gives_every_encoding_the_same_initial_weights_of_scanned_layers(name):
    alike_but_for_the_encoding(initial(name), initial('none'))


def test_weights_are_the_same_whether_layers_are_scanned_or_not_but_for_the_layers():
    scanned, separate = initial('none'), initial('none', scanned=False)
    shared = {path for path in separate if 'block' not in path}
    assert shared
    for path in shared:
        np.testing.assert_array_equal(scanned[path], separate[path], err_msg=path)


def test_every_encoding_and_position_map_trains_on_the_same_batches(monkeypatch):
    """All but `pos_BL`, which the position map is about."""
    recorded = []

    def record(state, batch, **_):
        jax.debug.callback(lambda batch: recorded.append(batch), batch)
        return state._replace(step=state.step + 1), dict(loss=jnp.zeros(()), grad_norm=jnp.zeros(()))

    monkeypatch.setattr(step, 'train_step', record)
    text = np.random.default_rng(0).integers(0, small.VOCABULARY, 500, dtype=np.int32)
    state = step.State(jnp.zeros(1, jnp.int32), jnp.asarray([7], jnp.int32), {}, {})

    def batches(encoding, map_name):
        arguments = small.model(encoding), None, positions.build(map_name)
        steps = step.make_steps(*arguments, batch_size=4, length=24, most=3)
        recorded.clear()
        source = step.Source(language_model.Task(jnp.asarray(text)))
        jax.block_until_ready(jax.jit(lambda state: steps(state, source, 3, lambda batch: batch))(state))
        jax.effects_barrier()
        assert len(recorded) == 3
        kept = [{name: np.asarray(leaf) for name, leaf in batch.items() if name != 'pos_BL'} for batch in recorded]
        return sorted(kept, key=lambda batch: batch['inputs_BL'].tobytes())

    wanted = batches(encodings.build('none'), 'sequential')
    assert (wanted[0]['inputs_BL'] != wanted[1]['inputs_BL']).any(), 'every step has the same batch'
    others = [(name, 'sequential') for name in encodings.names()] + [('rotary', name) for name in positions.names()]
    for name, map_name in others:
        for got, batch in zip(batches(encodings.build(name), map_name), wanted):
            assert set(got) == set(batch)
            for leaf in batch:
                np.testing.assert_array_equal(got[leaf], batch[leaf], err_msg=f'{name}, {map_name}: {leaf}')


def test_dropout_drops_the_same_for_every_encoding(monkeypatch, encoding):
    """As from the numbers of rows and the place in the model alone."""
    draw, masks = block.dropout, []

    def recorded(module, x_BLD, rate, rows_B):
        mask = draw(module, jnp.ones_like(x_BLD), rate, rows_B)
        jax.debug.callback(lambda mask, path='/'.join(module.path): masks.append((path, mask.tobytes())), mask)
        return x_BLD

    monkeypatch.setattr(block, 'dropout', recorded)
    monkeypatch.setattr(transformer, 'dropout', recorded)

    def dropped(encoding):
        masks.clear()
        model = small.model(encoding, dropout=0.35, layers=1)
        rngs = {'dropout': jax.random.key(0)}
        pos = small.lift(encoding, small.positions())
        # Not compiled, so that nothing that was compiled before is taken for it.
        model.apply(small.params(model), small.tokens(), pos, rngs=rngs)
        jax.effects_barrier()
        return sorted(masks)

    MASKS.setdefault('none', dropped(encodings.build('none')))
    assert len(MASKS['none']) == 1 + 2, 'one after the input layer, two in the block'
    assert dropped(encoding) == MASKS['none']
