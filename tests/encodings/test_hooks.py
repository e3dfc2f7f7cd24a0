"""A hook and a claim have one home, base.py: what stands around encodings reads there which there are."""

import functools
import inspect
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import flax
import jax
import jax.numpy as jnp
import pytest

import posbench
from posbench import encodings
from posbench.encodings import base, chain
from posbench.encodings.parts import wrapper
from posbench.knobs import user_file

# What parts claim says something about the whole.
TOGETHER = {name: together for name, together in base.CLAIMS.items() if together}
# A value of each claim that is not that of an encoding without hooks.
OTHER = {name: not getattr(base.PositionEncoding, name) for name in TOGETHER} | dict(axes=3, halo=2, normaliser='exp')


def _answer(name):
    def hook(self, *given):
        return name, given

    hook.__name__ = name
    return hook


class Recorder(base.PositionEncoding):
    """Answers with the hook and what it was asked with."""

    locals().update({name: _answer(name) for name in base.HOOKS})


class Around(wrapper.Wrapper):
    over: base.Nested = 'none'


def claiming(name):
    """An encoding that claims one thing that others do not."""
    return type('Claiming', (base.PositionEncoding,), {'__module__': __name__, name: OTHER[name]})()


def test_every_public_method_that_linen_sees_is_a_hook_in_the_order_of_a_layer():
    methods = {name: method for name, method in vars(base.PositionEncoding).items() if inspect.isfunction(method)}
    seen = [name for name, method in methods.items() if hasattr(method, 'method_handler_wrapped')]
    assert list(base.HOOKS) == [name for name in seen if not name.startswith('_') and name != 'declare']
    told = re.findall(r'^    (\w+)  +', base.__doc__, re.MULTILINE)
    assert told == [name for name, hook in base.HOOKS.items() if name != 'embed' and not hook.for_others]


@pytest.mark.parametrize('name', base.HOOKS)
def test_a_wrapper_hands_every_hook_on(name):
    bound = Around(over=Recorder()).sized(8, 2).with_params({})
    given = tuple(range(len(inspect.signature(getattr(base.PositionEncoding, name)).parameters) - 1))
    assert getattr(bound, name)(*given) == (name, given)
    assert bound.has(name) and not Around(over=encodings.build('none')).has(name)


@pytest.mark.parametrize('name', base.CLAIMS)
def test_a_wrapper_claims_what_is_inside(name):
    if name in TOGETHER:
        assert getattr(Around(over=claiming(name)), name) == OTHER[name]
    plain = Around(over=encodings.build('none'))
    assert getattr(plain, name) == getattr(encodings.build('none'), name)


@pytest.mark.parametrize('name', TOGETHER)
def test_two_encodings_claim_together_what_is_declared(name):
    plain, other = encodings.build('none'), claiming(name)
    both = TOGETHER[name]((getattr(plain, name), OTHER[name]))
    for first, second in ((plain, other), (other, plain)):
        assert getattr(chain.Encoding(first=first, second=second), name) == both
    assert getattr(chain.Encoding(first=other, second=other), name) == OTHER[name]


def test_a_hook_that_one_may_have_is_refused_in_one_line_where_two_have_it():
    bound = chain.Encoding(first=Recorder(), second=Recorder()).sized(8, 2).with_params({})
    for name in (name for name, hook in base.HOOKS.items() if hook.together == 'one'):
        given = [jnp.zeros(2)] * (len(inspect.signature(getattr(base.PositionEncoding, name)).parameters) - 1)
        with pytest.raises(ValueError, match=f"chain: got two encodings with the hook '{name}', wanted at most one"):
            getattr(bound, name)(*given)


def test_what_stands_around_encodings_names_no_claim_and_no_hook_but_the_one_without_a_layer():
    for module in (wrapper, chain):
        source = inspect.getsource(module)
        assert not re.findall(rf'\b({"|".join(base.CLAIMS)})\b', source)
        assert set(re.findall(r'def (\w+)', source)) & set(base.HOOKS) == {'embed'}


def test_a_new_hook_and_a_new_claim_need_no_other_file(tmp_path):
    """A copy of the package, with one more of each in base.py."""
    shutil.copytree(pathlib.Path(posbench.__file__).parent, tmp_path / 'posbench')
    file = tmp_path / 'posbench/encodings/base.py'
    before, first, after = file.read_text().partition("    @hook('in turn')\n")
    added = """
    loud: ClassVar[OfAny] = False

    @hook(jnp.multiply)
    def echo(self, x):
        return None

    @hook('in turn', carries=True)
    def late(self, x, block, carry):
        return x, carry

"""
    file.write_text(before + added + first + after)
    program = """
        from posbench.encodings import base, chain
        from posbench.encodings.parts import wrapper
        class Loud(base.PositionEncoding):
            loud = True
            def echo(self, x): return 2 * x
            def late(self, x, block, carry): return x + block.aux_q + carry, carry + 1
        class Around(wrapper.Wrapper):
            over: base.Nested = 'none'
        both = chain.Encoding(first=Around(over=Loud()), second=Loud()).sized(8, 2).with_params({})
        block = base.Block(*[None] * 4, aux_q=(10, 20), aux_k=(0, 0))
        print(both.loud, both.has('echo'), chain.Encoding(first=Around(over=Loud()), second=Around(over=Loud())).loud)
        plain = base.PositionEncoding()
        print(chain.Encoding(first=plain, second=plain).loud, chain.Encoding(first=plain, second=plain).has('echo'))
        print(both.echo(3), both.late(1, block, (100, 200)))
    """
    ran = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.stdout.splitlines(), ran.stderr) == (['True True True', 'False False', '36 (331, (101, 201))'], '')


def test_a_hook_that_makes_its_own_parameters_is_refused_in_one_line(tmp_path):
    (tmp_path / 'gated.py').write_text(
        'import flax.linen as nn\n'
        'from posbench.encodings import base\n'
        'class Encoding(base.PositionEncoding):\n'
        '    @nn.compact\n'
        '    def embed(self, x_BLD, pos_BL):\n'
        '        return x_BLD + nn.Dense(x_BLD.shape[-1])(x_BLD)\n'
    )
    with pytest.raises(ValueError, match=r'^gated: embed is @nn.compact, wanted .* in setup\(\), '):
        encodings.build('gated', module=str(tmp_path / 'gated.py'))


GATED = """
import flax.linen as nn
import jax.numpy as jnp
from posbench.encodings import base

class Encoding(base.PositionEncoding):
    def setup(self):
        self.gate = nn.Dense(self.width)

    def embed(self, x_BLD, pos_BL):
        return x_BLD + self.gate(x_BLD)
"""
DECLARED = """
    def declare(self):
        self.gate(jnp.zeros((1, self.width)))
"""


@pytest.mark.parametrize('declares', [False, True])
def test_submodules_have_parameters_where_declare_calls_them_and_otherwise_it_is_said_how(declares, tmp_path):
    path = tmp_path / 'gated.py'
    path.write_text(GATED + DECLARED * declares)
    encoding = encodings.build('gated', module=str(path)).sized(8, 2)
    params = encoding.init_params(jax.random.key(0))
    assert bool(params) == declares
    call = functools.partial(encoding.with_params(params).embed, jnp.ones((1, 3, 8)), jnp.arange(3)[None])
    if declares:
        assert call().shape == (1, 3, 8)
    else:
        with pytest.raises(flax.errors.FlaxError) as raised:
            call()
        said = user_file.blame(raised.value, {str(path)})
        assert said.startswith(f'{path}:11: ') and 'submodules made in setup() that declare() calls once' in said
