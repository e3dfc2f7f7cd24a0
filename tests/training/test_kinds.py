"""The rules for parameters by their paths: complete over all that the package can build, and none too many."""

import dataclasses
import fnmatch

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import bodies, encodings, heads, inputs
from posbench.inputs import combine, tokens
from posbench.models import build
from posbench.models.style import LINEAR, Style
from posbench.training import kinds

HEADS, HIDDEN, GROUPS, WIDTH = 6, 40, 3, 36
# Everything that a layer can have.
FULL = Style(norm='layer', biased=LINEAR, gated=True, key_value_heads=GROUPS, embedding_norm=True)
STYLES = {'plain': Style(), 'full': FULL}
# {name: its fields}; a body that has to be told something, such as a folder, gives one of the others.
BODIES = {name: dataclasses.fields(bodies.BODIES.find(name)) for name in bodies.names()}
BODIES = {name: fields for name, fields in BODIES.items() if all(f.default is not dataclasses.MISSING for f in fields)}
PLACES = {
    # Of any width.
    **{f'body {name}': dict(body=name, head='classify') for name in BODIES},
    **{f'input {name}': dict(input_layer=name, head='classify') for name in inputs.names()},
    **{f'head {name}': dict(head=name) for name in heads.names()},
    'no tie': dict(options=dict(tie=False)),
    'cls': dict(head='classify', options=dict(pool='cls')),
    'scanned': dict(fields=dict(scan_layers=True)),
    'a file of vectors': dict(layer_options=dict(file='-', source=tokens.Source(20, 1.0))),
    'appended features': dict(layer_options=dict(features='append')),
    'maps of low rank': dict(layer_options=dict(combine=dict(name='linear_map', rank=3, max_length=9))),
    **{f'combination {name}': dict(combine=name) for name in combine.names()},
}


def shapes(
    style=FULL,
    body='encoder',
    input_layer='tokens',
    head='tied',
    options=None,
    fields=None,
    encoding='none',
    combine='add',
    layer_options=None,
):
    """{path: shape} of all parameters of a model."""
    sizes = dict(layers=2, heads=HEADS, hidden=HIDDEN, qk_norm=True, **(fields or {}))
    sizes = {field.name: sizes[field.name] for field in BODIES[body] if field.name in sizes}
    # Most combinations want vectors of positions.
    encoding = encoding if combine == 'add' else 'sinusoidal'
    built = bodies.build(body, encoding=encodings.build(encoding), width=WIDTH, style=style, **sizes)
    model = build.assemble(
        input_layer=inputs.build(input_layer, **dict(combine=combine) | (layer_options or {})),
        body=built,
        head=heads.build(head, **(options or {})),
        vocabulary=30,
        classes=5,
        features=7,
    )
    tokens_BL = pos_BL = jnp.zeros((1, 6), jnp.int32)
    read = dict(inputs_BL=tokens_BL) if input_layer == 'tokens' else dict(inputs_BLC=jnp.zeros((1, 6, 7)))
    batch = dict(**read, pos_BL=pos_BL, features_BL=tokens_BL, source_BM=tokens_BL, source_pos_BM=pos_BL)
    params = jax.eval_shape(lambda rng: model.init(rng, batch, method='outputs'), jax.random.key(0))['params']
    leaves = jax.tree.leaves_with_path(params)
    return {jax.tree_util.keystr(path, simple=True, separator='/'): leaf.shape for path, leaf in leaves}


@pytest.mark.parametrize('style', STYLES)
@pytest.mark.parametrize('place', PLACES)
def test_every_parameter_has_a_rule_and_what_is_split_are_heads_or_hidden_channels(place, style):
    for path, shape in shapes(STYLES[style], **PLACES[place]).items():
        rule = kinds.rule(path)
        assert rule is not None, f'{path}: no rule in training/kinds.py'
        if rule.model_axis is not None:
            assert shape[rule.model_axis] in (HEADS, GROUPS, HIDDEN), path
        elif 'kernel' in path:
            assert not set(shape) & {HEADS, GROUPS, HIDDEN}, f'{path}: a matrix of a layer that is not split'


def test_no_rule_is_for_nothing():
    paths = [path for style in STYLES.values() for place in PLACES.values() for path in shapes(style, **place)]
    last = {'/'.join(path.split('/')[-2:]) for path in paths}
    assert [pattern for pattern in kinds.RULES if not fnmatch.filter(last, pattern)] == []
    # Each fits one rule, so that their order says nothing.
    for name in last:
        assert sum(fnmatch.fnmatchcase(name, pattern) for pattern in kinds.RULES) == 1, name


@pytest.mark.parametrize('name', encodings.names())
def test_parameters_of_an_encoding_are_on_every_device_and_only_its_convolutions_decay(name):
    encoding = encodings.build(name).sized(32, 4)
    tree = dict(position_encoding=jax.eval_shape(encoding.init_params, jax.random.key(0)))
    for path, decays in jax.tree.leaves_with_path(kinds.decaying(tree)):
        path = jax.tree_util.keystr(path, simple=True, separator='/')
        assert kinds.of_encoding(path) and kinds.model_axis(path) is None
        assert decays == path.endswith('/kernel')


def test_weight_decay_leaves_gains_and_encodings_alone():
    params = dict(
        input_layer=dict(vectors=1),
        position_encoding=dict(table=1),
        block_0=dict(attention_norm=dict(scale=1), up=dict(kernel=1, bias=1)),
    )
    assert kinds.decaying(params) == dict(
        input_layer=dict(vectors=True),
        position_encoding=dict(table=False),
        block_0=dict(attention_norm=dict(scale=False), up=dict(kernel=True, bias=False)),
    )


def test_of_what_no_rule_names_matrices_decay_and_nothing_is_split():
    params = dict(forward=dict(kernel=np.ones((3, 4)), bias=np.ones(4)), query=np.ones(()))
    assert kinds.decaying(params) == dict(forward=dict(kernel=True, bias=False), query=False)
    assert kinds.rule('forward/kernel') is None and kinds.model_axis('forward/kernel') is None
    assert kinds.model_axis('query') is None


@pytest.mark.parametrize('before', ['', 'params/', 'opt_state/1/0/mu/', 'opt_state/1/0/nu/blocks/block_1/'])
def test_what_comes_before_the_last_names_does_not_matter(before):
    assert kinds.model_axis(f'{before}block_0/out/kernel') == -3
    assert kinds.of_encoding(f'{before}position_encoding/first/table')
