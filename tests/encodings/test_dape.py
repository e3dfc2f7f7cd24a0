"""DAPE and DAPE V2: hand-computed numbers, and what is left of them with some weights 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from tests.encodings import small


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def built(name, **options):
    return encodings.build(name, **options).sized(8, 2)


def random_params(encoding, seed=0):
    shapes = jax.eval_shape(encoding.init_params, jax.random.key(0))
    return jax.tree.map(lambda leaf: 0.5 * draw(*leaf.shape, seed=seed + leaf.size), dict(shapes))


def attended(encoding, params, **options):
    q, k, v = (draw(2, 10, 2, 4, seed=seed) for seed in (1, 2, 3))
    pos = np.arange(10, dtype=np.int32)[None]
    return small.attended(encoding.with_params(params), q, k, v, draw(2, 10, 8, seed=4), pos, **options)


@pytest.mark.parametrize('name', ['dape', 'dape_v2'])
@pytest.mark.parametrize('over', ['kerple_log', 'rotary', 'none'])
def test_without_a_last_layer_it_is_the_encoding_inside(name, over):
    encoding = built(name, over=over)
    params = random_params(encoding)
    params['down'] = np.zeros_like(params['down'])
    wanted = attended(built(over), params.get('over', {}))
    np.testing.assert_allclose(attended(encoding, params), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize('over', ['alibi', 'none'])
def test_a_convolution_that_hears_no_neighbours_is_the_network_of_single_pairs(over):
    one, wide = built('dape', over=over, hidden=5), built('dape_v2', over=over, hidden=5, reach=2)
    params = random_params(one)
    padded = {
        name: np.pad(value, ((2, 2), (0, 0), (0, 0))) if value.ndim == 3 else value for name, value in params.items()
    }
    np.testing.assert_allclose(attended(wide, padded), attended(one, params), rtol=0, atol=1e-6)
    np.testing.assert_allclose(attended(wide, padded, block_size=3), attended(one, params), rtol=0, atol=1e-6)


def one_head(name, up, down, over='alibi', hidden=1, **options):
    encoding = encodings.build(name, over=over, hidden=hidden, **options).sized(4, 1)
    return encoding.with_params({'up': jnp.asarray(up), 'up_bias': jnp.zeros(hidden), 'down': jnp.asarray(down)})


def test_the_network_hears_logit_and_bias_apart():
    """Slope of ALiBi with one head: 2^-8. Logit 2 at distance 256, bias -1: h = 2 - 2 (-1) = 4; 2 - 1 + 4 / 2 = 3."""
    dape = one_head('dape', [[[1.0], [-2.0]]], [[[0.5]]])
    block = base.Block(None, None, jnp.asarray([[256]]), jnp.asarray([[0]]))
    assert dape.score(jnp.full((1, 1, 1, 1), 2.0), block, None)[0] == 3.0
    # Logit -8 and bias -1: h = -8 + 2 = -6 is let through at one hundredth; -8 - 1 - 0.06 / 2.
    np.testing.assert_allclose(dape.score(jnp.full((1, 1, 1, 1), -8.0), block, None)[0], -9.03, rtol=1e-6)


def test_neighbours_that_the_mask_hides_are_zero():
    """The kernel adds the logit of the key before and ten times that of the key after."""
    kernel = np.array([1.0, 0.0, 10.0], np.float32).reshape(3, 1, 1)
    through = np.array([0.0, 1.0, 0.0], np.float32).reshape(3, 1, 1)
    dape = one_head('dape_v2', kernel, through, over='none')
    allowed = jnp.asarray([[[True, True, True, False, False]]])
    block = base.Block(None, None, jnp.zeros((1, 1), int), jnp.zeros((1, 5), int), allowed_BLM=allowed)
    got, _ = dape.score(jnp.asarray([1.0, 2.0, 3.0, 50.0, 60.0]).reshape(1, 1, 1, 5), block, None)
    np.testing.assert_array_equal(got[0, 0, 0, :3], [1 + 20, 2 + 1 + 30, 3 + 2])


def test_the_bias_is_added_once():
    """No hook of its own gives the bias, or attention would add it a second time."""
    for name in ('dape', 'dape_v2'):
        encoding = built(name, over='alibi')
        assert encoding.has('score') and not encoding.has('bias')
        assert encoding.with_params(random_params(encoding)).bias(np.zeros((1, 2)), np.zeros((1, 2))) is None


def test_each_layer_has_a_bias_of_its_own():
    """That of KERPLE alone is one for all layers."""
    layers = small.params(small.model(encodings.build('dape')))['params']
    assert 'position_encoding' not in layers
    assert {'raw_p', 'raw_a'} == set(layers['block_0']['position_encoding']['over'])


@pytest.mark.parametrize('name', ['dape', 'dape_v2'])
def test_position_vectors_below_the_first_layer_are_refused(name):
    with pytest.raises(ValueError, match='over'):
        built(name, over='sinusoidal').init_params(jax.random.key(0))
