"""Every encoding keeps the contract; so does one from a folder outside the package."""

import pathlib

import pytest

from posbench import encodings
from tests.encodings import contract, oracles

MINE = '''
"""A user's own encoding: a penalty on distance with one trained strength a head."""

from typing import Annotated

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    strength: Annotated[float, Range(above=0)] = 1.0

    def setup(self):
        self.slope_H = self.param('slope', nn.initializers.constant(self.strength), (self.heads,))

    def bias(self, pos_q_BL, pos_k_BM):
        distance_BLM = (pos_q_BL[:, :, None] - pos_k_BM[:, None, :]).astype(jnp.float32)
        return -self.slope_H[None, :, None, None] * jnp.sqrt(jnp.abs(distance_BLM))[:, None]
'''


def as_its_oracle_asks(encoding):
    """With the options that its oracle's file asks for: defaults may hide a claim, or leave a hook out."""
    name = type(encoding).__module__.rpartition('.')[2]
    options = getattr(oracles.module(name), 'CONTRACT', {}) if name in oracles.names() else {}
    return encoding.clone(parent=None, **options) if options else encoding


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_the_encoding(check, encoding, request):
    if request.config.getoption('--encoding') is None:
        check(as_its_oracle_asks(encoding))
    else:
        in_plain_words(check, encoding)


def test_every_option_of_a_file_changes_something(request):
    """Of the package, tests/encodings/test_options.py asks it, with values that are known to matter."""
    path = request.config.getoption('--encoding')
    if path is None:
        pytest.skip('no --encoding')
    name = pathlib.Path(path).stem
    in_plain_words(contract.options.every_option_changes_something, encodings.build(name, module=path))


def in_plain_words(check, encoding):
    """Fails with what the check asks and what it found: whoever wrote a file need not read the suite to understand."""
    __tracebackhide__ = True
    try:
        check(encoding)
    except AssertionError as error:
        pytest.fail(f'{contract.in_words(check)}:\n    {error}', pytrace=False)


@pytest.fixture(scope='module')
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp('elsewhere') / 'mine.py'
    path.write_text(MINE)
    return encodings.build('mine', module=str(path), strength=2.0)


# One check shows that the file is read; the others are asked of encodings like it.
OF_MINE = [contract.CHECKS[0], *(pytest.param(check, marks=pytest.mark.everything) for check in contract.CHECKS[1:])]


@pytest.mark.parametrize('check', OF_MINE, ids=lambda check: check.__name__)
def test_an_encoding_from_another_folder(check, mine):
    check(mine)


def test_an_option_of_an_encoding_from_another_folder_arrives(mine):
    assert mine.strength == 2.0
    contract.options.the_option_changes_something(mine, 'strength', 3.0)
