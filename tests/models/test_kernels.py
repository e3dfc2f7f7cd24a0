"""The platform's fused attention: when it is taken, why not, and that it computes the same."""

import functools

import jax
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.models import attention, kernels
from tests.encodings import small


def choose(name, knob='auto', dtype='bfloat16', platform='gpu'):
    return kernels.choose(knob, encodings.build(name).sized(32, 4), dtype, platform)


@pytest.mark.parametrize('name', ['none', 'rotary', 'sinusoidal', 'learned', 'by_layer'])
def test_a_gpu_takes_what_leaves_the_logits_alone(name):
    chosen, sentence = choose(name)
    assert chosen == 'fused' and 'cuDNN' in sentence


@pytest.mark.parametrize('name, hook', [('alibi', 'bias'), ('t5_bias', 'bias'), ('shaw', 'score'), ('chain', 'bias')])
def test_what_changes_the_logits_is_done_here_and_said_why(name, hook):
    assert choose(name) == ('own', f'Attention: own kernel, because the encoding acts on attention itself ({hook}).')
    with pytest.raises(ValueError, match=rf"config.model.kernel: got 'fused'.*\({hook}\)"):
        choose(name, 'fused')


def test_queries_wider_than_values_are_done_here():
    assert 'rotated queries have 40 channels, values 8' in choose('transformer_xl')[1]


def test_other_platforms_and_float32_are_done_here():
    assert 'this platform (cpu)' in choose('rotary', platform='cpu')[1]
    assert choose('rotary', platform='cuda')[0] == 'fused'
    assert 'no float32 activations' in choose('rotary', dtype='float32')[1]
    assert choose('rotary', 'own') == ('own', 'Attention: own kernel, as asked for.')


@pytest.mark.parametrize(
    'platform, why', [('cpu', r'this platform \(cpu\)'), (None, 'the model was not told its platform')]
)
def test_fused_where_it_cannot_be_is_one_line(platform, why):
    model = small.model(encodings.build('rotary'), kernel='fused', platform=platform)
    with pytest.raises(ValueError, match=rf'config\.model\.kernel: .*{why}'):
        small.params(model)


def test_the_machine_that_traces_is_not_asked_what_it_is(monkeypatch):
    monkeypatch.setattr(jax, 'default_backend', None)
    assert 'was not told its platform' in choose('rotary', platform=None)[1]
    model = small.model(encodings.build('rotary'), kernel='auto', platform='tpu')
    jax.eval_shape(model.init, jax.random.key(0), small.tokens(1, 2), small.positions(1, 2))


@pytest.mark.parametrize('name', [name for name, hook in base.HOOKS.items() if hook.on_attention])
def test_every_hook_that_acts_on_attention_is_an_obstacle(name):
    acting = type('Acting', (base.PositionEncoding,), {'__module__': __name__, name: lambda self, *given: None})
    chosen, why = kernels.choose('auto', acting().sized(32, 4), 'bfloat16', 'gpu')
    assert chosen == 'own' and why.endswith(f'({name}).')


@pytest.mark.parametrize('causal', [True, False])
def test_the_fused_path_gives_what_ours_gives(causal, monkeypatch):
    """XLA's implementation of the same function stands in for cuDNN's."""
    called = []

    def stand_in(*arguments):
        called.append(arguments)
        return functools.partial(real, implementation='xla')(*arguments)

    real = kernels.attend
    monkeypatch.setattr(kernels, 'attend', stand_in)
    rotary = encodings.build('rotary').sized(32, 4)
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 12, 4, 8)).astype(np.float32) for _ in range(3))
    x, pos = np.zeros((2, 12, 32), np.float32), small.positions(2, 12)
    ours = small.attended(rotary, q, k, v, x, pos, causal=causal)
    fused = small.attended(rotary, q, k, v, x, pos, causal=causal, fused=True)
    assert len(called) == 1
    np.testing.assert_allclose(fused, ours, rtol=0, atol=1e-5)


def test_packed_sequences_and_masks_stay_here(monkeypatch):
    monkeypatch.setattr(kernels, 'attend', None)
    q = np.ones((1, 4, 1, 2), np.float32)
    pos = np.arange(4, dtype=np.int32)[None]
    order = attention.sequence_order(4, np.array([[0, 0, 1, 1]]))
    options = dict(encoding=encodings.build('none'), pos_q_BL=pos, pos_k_BM=pos, fused=True)
    attention.attend(q, q, q, order_q=order, order_k=order, **options)
    attention.attend(q, q, q, mask_BLM=np.ones((1, 4, 4), bool), **options)
