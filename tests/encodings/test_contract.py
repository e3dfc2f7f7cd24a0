"""Every encoding keeps the contract; so does one from a folder outside the package."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from posbench import encodings
from tests.encodings import contract, oracles, strangers
from tests.encodings.contract import __main__ as command

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


def checks(chosen):
    return pytest.mark.parametrize('check', chosen, ids=lambda check: check.__name__)


@checks([check for check in contract.CHECKS if check not in contract.OF_CACHES])
def test_the_encoding(check, encoding, request):
    keeps(check, encoding, request)


@checks(contract.OF_CACHES)
def test_the_encoding_and_its_cache(check, generating, request):
    keeps(check, generating, request)


def keeps(check, encoding, request):
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
        return
    except AssertionError as error:
        # What follows is the expression, as pytest takes it apart.
        found = str(error).partition('\nassert ')[0]
    pytest.fail(f'{contract.in_words(check)}:\n    {found}', pytrace=False)


def test_a_check_that_fails_for_a_file_says_what_it_asks_and_what_it_found():
    wrong, meant = strangers.both('float32_activations')
    check = contract.numbers.hooks_keep_the_type_of_the_activations
    asked, found = 'hooks keep the type of the activations:', 'embed of bfloat16 is float32, wanted bfloat16'
    with pytest.raises(pytest.fail.Exception, match=rf'^{asked}\n    {found}$'):
        in_plain_words(check, wrong)
    in_plain_words(check, meant)


def test_the_command_says_the_same_of_a_file_and_passes_what_is_right(tmp_path):
    wrong, meant = strangers.both('float32_activations')
    check = contract.numbers.hooks_keep_the_type_of_the_activations
    assert command.broken(check, wrong) == 'embed of bfloat16 is float32, wanted bfloat16'
    assert command.broken(check, meant) is None


def test_the_command_says_in_one_line_why_a_file_has_no_encoding(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('x = 1\n1 / 0\n')
    done = subprocess.run([sys.executable, '-m', 'tests.encodings.contract', str(path)], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ''
    assert done.stderr == f'{path}:2: ZeroDivisionError: division by zero\n'


def test_a_number_that_differs_is_said_to_be_where_it_is_and_by_how_much():
    wanted = np.zeros((2, 3, 4))
    got = wanted + np.eye(3, 4, 1) * [[[0]], [[1]]]
    with pytest.raises(AssertionError, match=r'the first at row 1, token 0, number 1: got 1, wanted 0; .* is 1$'):
        contract.same(got, wanted, 'logits')
    with pytest.raises(AssertionError, match='row 0, token 2, number 0 is not finite'):
        contract.same(wanted, np.where(np.arange(3)[:, None] == 2, np.nan, wanted), 'logits')
    with pytest.raises(AssertionError, match=r'got shape \(2, 3\), wanted \(2, 3, 4\)'):
        contract.same(wanted[..., 0], wanted, 'logits')


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
