"""Layers of other styles than posbench's own, apart from what published models say (tests/pretrained)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.models import model
from posbench.models.style import LINEAR, Style
from tests.encodings import contract, small

# Of each field another value than the default's.
OTHER = Style(
    norm='layer', epsilon=1e-3, biased=LINEAR, activation='relu', gated=True, key_value_heads=2, head_width=16,
    embedding_norm=True, vectors_scale=2.0,
)  # fmt: skip


# These read the input of a layer, cut into heads.
CUT_INTO_HEADS = {'selective_rope', 'wavlm_gated'}


def test_every_encoding_fits_every_style(encoding):
    """Few heads of keys, heads wider than width / heads, whole sequences and a cache; or it says why it does not."""
    styled = small.model(encoding, style=OTHER)
    pos = small.lift(encoding, small.positions(2, 3))

    def run(rng, tokens_BL, pos):
        variables = styled.init(rng, tokens_BL, pos)
        return styled.apply(variables, tokens_BL, pos, cache=styled.empty_cache(2, 4, pos))

    data = jax.random.key(0), small.tokens(2, 3), pos
    if type(encoding).__module__.rpartition('.')[2] in CUT_INTO_HEADS:
        with pytest.raises(ValueError, match='got 4 heads of 16 channels, wanted as many channels as the model has'):
            jax.eval_shape(run, *data)
        return
    logits, cache = jax.eval_shape(run, *data)
    assert logits.shape == (2, 3, small.VOCABULARY)
    assert cache.layers[0].k_BMGK.shape == cache.layers[0].v_BMGK.shape == (2, 4, 2, 16)


@pytest.mark.parametrize('name', ['rotary', 'shaw'])
def test_heads_that_share_keys_are_heads_with_the_same_keys(name):
    few = small.model(encodings.build(name), style=Style(key_value_heads=2))
    full, params = small.model(encodings.build(name)), jax.tree.map(np.asarray, small.params(few))

    def repeated(path, leaf):
        path = jax.tree_util.keystr(path)
        return np.repeat(leaf, 2, axis=1) if "'key'" in path or "'value'" in path else leaf

    same = jax.tree_util.tree_map_with_path(repeated, params)
    data = small.tokens(), small.positions()
    contract.same(small.logits(few, *data), small.logits(full, *data, variables=same), 'repeated keys and values')


def test_hidden_states_of_scanned_layers_are_those_of_separate_ones():
    encoding = encodings.build('rotary')
    separate, scanned = small.model(encoding), small.model(encoding, scan_layers=True)
    variables, data = small.params(separate), (small.tokens(), small.positions())

    def states(one, variables):
        return jax.jit(model.hidden_states, static_argnums=0)(one, variables['params'], *data)

    (wanted, logits), (got, _) = states(separate, variables), states(scanned, small.stacked(variables))
    assert len(wanted) == len(got) == 4
    for place, (a, b) in enumerate(zip(wanted, got)):
        contract.same(a, b, f'hidden states {place}')
    contract.same(logits, small.logits(separate, *data), 'logits beside hidden states')
    vectors = np.asarray(variables['params']['input_layer']['vectors'])
    contract.same(wanted[0], vectors[data[0]] * np.float32(np.sqrt(32)), 'what enters the first layer')
    contract.same(np.asarray(wanted[-1]) @ vectors.T, logits, 'logits of the last state')


@pytest.mark.parametrize(
    'fields, words',
    [
        (dict(norm='batch'), "got norm='batch', wanted of rms, layer"),
        (dict(activation='gelu'), "got activation='gelu', wanted of gelu_tanh, gelu_erf, relu, silu"),
        (dict(biased=('query', 'keys')), r"got biased=\('query', 'keys'\), wanted of query, key"),
    ],
)
def test_a_style_refuses_what_it_does_not_know(fields, words):
    with pytest.raises(ValueError, match=words):
        Style(**fields)


@pytest.mark.parametrize('heads', [3, 0])
def test_heads_of_keys_divide_those_of_queries(heads):
    refused = small.model(encodings.build('none'), style=Style(key_value_heads=heads))
    with pytest.raises(ValueError, match=f'got key_value_heads={heads}, wanted a divisor of heads=4'):
        jax.eval_shape(refused.init, jax.random.key(0), small.tokens(), small.positions())


def test_an_encoding_is_told_the_width_of_heads():
    sized = small.model(encodings.build('shaw'), style=OTHER).body.sized_encoding()
    assert (sized.width, sized.heads, sized.head_width) == (32, 4, 16)
    assert small.model(encodings.build('shaw'), dtype=jnp.bfloat16).body.sized_encoding().head_width == 8
