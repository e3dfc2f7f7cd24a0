"""An encoding changes itself and nothing else: config, weights, batches, dropout and scale are the same for all."""

import functools
import importlib
import types
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import default
from posbench import encodings, positions, streams
from posbench.devices import rows
from posbench.encodings import base
from posbench.knobs import schema
from posbench.models import block, build, transformer
from posbench.tasks.text import language_model
from posbench.training import step
from tests import programs, small_job
from tests.encodings import small
from tests.small_job import VARIANTS

# A recipe changes how an encoding is trained as well, and no more than stands here.
RECIPES = {'drope': {'second_phase'}}


@functools.cache
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


def test_every_variant_builds_its_model_and_positions(variant):
    config = resolved(variant)
    task = types.SimpleNamespace(vocabulary=config.dataset.vocabulary, classes=None, features=None)
    model = build.from_config(config, task)

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


def drawn(initial, *arguments) -> str:
    """The program that draws all initial weights but the encoding's."""
    return programs.text(initial, *arguments, wanted=lambda path: 'position_encoding' not in path)


@functools.cache
def drawn_by(name, **changes) -> str:
    one = small_job.build(name, **changes).phases[0]
    return drawn(lambda: one._init_all().params)


def test_one_seed_gives_every_config_the_same_initial_weights(variant):
    layers = small_job.build(variant).model.body.layers
    assert drawn_by(variant) == drawn_by('none', model__layers=layers)


def initial(encoding, scanned: bool = True):
    """A function of a key: initial weights of two layers."""
    model = small.model(encoding, layers=2, scan_layers=scanned, remat=True, qk_norm=True)
    # Of the shortest sequence, because they depend on none.
    data = small.tokens(1, 2), small.lift(encoding, small.positions(1, 2))
    return lambda key: model.init(key, *data)


def test_one_seed_gives_every_encoding_the_same_initial_weights_of_scanned_layers(encoding):
    if encoding.period > 1:
        # Layers of different kinds, scanned together, draw their weights in groups.
        return
    key = streams.key(3, 'parameters')
    assert drawn(initial(encoding), key) == drawn(initial(encodings.build('none')), key)


def test_other_weights_are_another_program():
    """As from another seed, and in layers that stand in another place."""
    key, plain = streams.key(3, 'parameters'), encodings.build('none')
    wanted = drawn(initial(plain), key)
    assert drawn(lambda key: initial(plain)(jax.random.fold_in(key, 1)), key) != wanted
    assert drawn(initial(plain, scanned=False), key) != wanted
    assert drawn_by('none', seeds=(1,)) != drawn_by('none')


def test_weights_are_the_same_whether_layers_are_scanned_or_not_but_for_the_layers():
    plain, key = encodings.build('none'), streams.key(3, 'parameters')
    scanned, separate = (small.by_path(jax.jit(initial(plain, scanned))(key)) for scanned in (True, False))
    shared = {path for path in separate if 'block' not in path}
    assert shared
    for path in shared:
        np.testing.assert_array_equal(scanned[path], separate[path], err_msg=path)


TEXT = np.random.default_rng(0).integers(0, small.VOCABULARY, 500, dtype=np.int32)


def batches(encoding, map_name, heard=lambda batch: None):
    """A function of a state and a text: three steps that train nothing, but hand out each batch."""
    model, position_map = small.model(encoding), positions.build(map_name)

    def steps(state, text):
        def unchanged(state, batch, **_):
            heard({name: leaf for name, leaf in batch.items() if name != 'pos_BL'})
            return state._replace(step=state.step + 1), dict(loss=jnp.zeros(()), grad_norm=jnp.zeros(()))

        with mock.patch.object(step, 'train_step', unchanged):
            made = step.make_steps(model, None, position_map, batch_size=4, length=24, most=3)
            return made(state, step.Feed(language_model.Task(text)), 3, rows.All())

    state = step.State(jnp.zeros(1, jnp.int32), jnp.asarray([7], jnp.int32), {}, {})
    return steps, state, jnp.asarray(TEXT)


def test_every_encoding_trains_on_the_same_batches():
    wanted = programs.whole_text(*batches(encodings.build('none'), 'sequential'))
    for name in encodings.names():
        assert programs.whole_text(*batches(encodings.build(name), 'sequential')) == wanted, name


def test_every_position_map_trains_on_the_same_batches():
    """All but `pos_BL`, which the position map is about."""

    def recorded(map_name):
        found = []
        steps, *data = batches(encodings.build('none'), map_name, lambda batch: jax.debug.callback(found.append, batch))
        jax.block_until_ready(jax.jit(steps)(*data))
        jax.effects_barrier()
        assert len(found) == 3
        kept = [jax.tree.map(np.asarray, batch) for batch in found]
        return sorted(kept, key=lambda batch: batch['inputs_BL'].tobytes())

    wanted = recorded('sequential')
    assert (wanted[0]['inputs_BL'] != wanted[1]['inputs_BL']).any(), 'every step has the same batch'
    for map_name in positions.names():
        for got, batch in zip(recorded(map_name), wanted):
            assert set(got) == set(batch)
            for leaf in batch:
                np.testing.assert_array_equal(got[leaf], batch[leaf], err_msg=f'{map_name}: {leaf}')


def test_dropout_drops_the_same_for_every_encoding(monkeypatch, encoding):
    """As from the numbers of rows and the place in the model alone."""
    draw, masks = block.dropout, {}

    def recorded(module, x_BLD, rate, rows_B):
        path = '/'.join(module.path), len(masks)
        masks[path] = draw(module, jnp.ones_like(x_BLD), rate, rows_B)
        return x_BLD

    monkeypatch.setattr(block, 'dropout', recorded)
    monkeypatch.setattr(transformer, 'dropout', recorded)

    def dropped(encoding):
        model = small.model(encoding, dropout=0.35, layers=1)
        variables, pos = small.params(model), small.lift(encoding, small.positions())

        def masks_of(rng, rows_B):
            masks.clear()
            model.apply(variables, small.tokens(), pos, rows_B=rows_B, rngs={'dropout': rng})
            return {f'{number} in {path!r}': mask for (path, number), mask in masks.items()}

        return programs.texts(masks_of, jax.random.key(0), jnp.arange(small.BATCH))

    wanted = dropped(encodings.build('none'))
    assert len(set(wanted.values())) == 1 + 2, 'one after the input layer, two in the block'
    assert dropped(encoding) == wanted
