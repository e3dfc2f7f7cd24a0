"""What DeBERTa's settings mean; tests/pretrained/test_pretrained.py compares the numbers with those of transformers."""

import numpy as np
import pytest

from posbench import pretrained
from tests.pretrained import weights


@pytest.fixture
def write(tmp_path):
    """The golden model's folder with other settings."""

    def written(settings, name='deberta_v2', prefix=''):
        about = weights.golden(name)[0]
        drawn = {prefix + key: value for key, value in weights.draw_all(about).items()}
        about['config'] |= settings
        return weights.write_folder(tmp_path / name, about, drawn)

    return written


def test_the_reach_of_distances_is_that_of_the_config(write):
    found = pretrained.load(write({})).model.encoding
    assert (found.max_distance, found.buckets, found.key_row, found.three_terms) == (16, 6, 'code', True)
    found = pretrained.load(write({}, 'deberta_v2_own')).model.encoding
    assert (found.max_distance, found.buckets) == (8, None)
    found = pretrained.load(write({}, 'deberta_v2_c2p')).model.encoding
    assert (found.max_distance, found.three_terms) == (9, False)


def test_layers_have_copies_of_the_table_and_projections_of_content_where_those_are_shared(write):
    params = pretrained.load(write({}, prefix='deberta.')).params
    first, second = (params[f'block_{layer}'] for layer in (0, 1))
    np.testing.assert_array_equal(first['position_encoding']['table'], second['position_encoding']['table'])
    for block in (first, second):
        for role in ('key', 'query'):
            np.testing.assert_array_equal(block['position_encoding'][role], block[role]['kernel'])
            np.testing.assert_array_equal(block['position_encoding'][f'{role}_bias'], block[role]['bias'])


def test_the_table_is_normalised_by_its_own_layer_norm(write):
    table = np.asarray(pretrained.load(write({})).params['block_0']['position_encoding']['table'])
    gain, shift = (weights.draw(f'encoder.LayerNorm.{name}', (32,)) for name in ('weight', 'bias'))
    whitened = (table - shift) / gain
    np.testing.assert_allclose(whitened.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(whitened.std(axis=1), 1, atol=1e-4)


@pytest.mark.parametrize(
    'settings, words',
    [
        (dict(conv_kernel_size=3), 'got conv_kernel_size=3, wanted 0'),
        (dict(position_biased_input=True), 'got position_biased_input=True, wanted False'),
        (dict(relative_attention=False), 'got relative_attention=False, wanted True'),
        (dict(embedding_size=16), 'got embedding_size=16, wanted 32'),
        (dict(pos_att_type='p2p'), r"got pos_att_type='p2p', wanted c2p, p2c or c2p\|p2c"),
        (dict(position_buckets=8), r"got 'encoder.rel_embeddings.weight' of shape \(12, 32\), wanted \(16, 32\)"),
        (dict(position_buckets='6'), "got position_buckets='6', wanted a whole number"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_line(settings, words, write):
    with pytest.raises(ValueError, match=words) as caught:
        pretrained.load(write(settings))
    assert '\n' not in str(caught.value)
