"""The body of a folder stands where any other body may stand, and takes the folder's weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import bodies, encodings, pretrained
from posbench.bodies import decoder, encoder
from posbench.heads import classify
from posbench.inputs import tokens
from posbench.knobs import declared
from posbench.models import build, model
from tests.pretrained import weights


@pytest.fixture
def write(tmp_path):
    def written(name):
        return weights.write_folder(tmp_path / name, weights.golden(name)[0])

    return written


def test_the_folder_says_what_body_it_is_and_the_config_the_rest(write):
    folder = write('bert')
    settings = weights.golden('bert')[0]['config']
    body = bodies.build('published', folder=str(folder), dropout=0.25, encoding=encodings.build('rotary'))
    assert type(body) is encoder.Body and body.dropout == 0.25 and body.encoding == encodings.build('rotary')
    sizes = ('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size')
    assert (body.width, body.layers, body.heads, body.hidden) == tuple(settings[size] for size in sizes)
    assert (body.norm, body.style.norm, body.style.embedding_norm) == ('post', 'layer', True)
    assert type(bodies.build('published', folder=write('llama'))) is decoder.Body


def test_sizes_and_style_are_no_options_of_it():
    options = declared.options('model', 'published')
    assert set(options) == {'folder', 'dropout', 'remat', 'block_size', 'kernel'}
    assert options['folder'].default is declared.REQUIRED
    of_encoder = declared.options('model', 'encoder')
    assert all(options[name] == of_encoder[name] for name in set(options) - {'folder'})


def test_the_weights_of_the_folder_fit_and_give_its_hidden_states_under_a_new_head(write):
    folder = write('bert')
    loaded = pretrained.load(folder)
    body = bodies.build('published', folder=folder, encoding=loaded.model.encoding)
    vocabulary = pretrained.body_fields(folder)['vocabulary']
    tuned = build.assemble(
        input_layer=tokens.Input(), body=body, head=classify.Head(), vocabulary=vocabulary, classes=3
    )
    batch = dict(inputs_BL=jnp.asarray([[3, 1, 4, 1]], jnp.int32), pos_BL=jnp.arange(4, dtype=jnp.int32)[None])
    drawn = jax.jit(lambda rng: tuned.init(rng, batch, method='outputs')['params'])(jax.random.key(0))
    assert jax.tree.map(jnp.shape, {**drawn, 'head': None}) == jax.tree.map(jnp.shape, {**loaded.params, 'head': None})

    def last_state(one, params):
        return jax.jit(lambda params: model.hidden_states(one, params, *batch.values())[0][-1])(params)

    wanted = last_state(loaded.model, loaded.params)
    np.testing.assert_array_equal(last_state(tuned, {**loaded.params, 'head': drawn['head']}), wanted)


def test_a_folder_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match='there is no such folder'):
        bodies.build('published', folder=tmp_path / 'nowhere')
