"""With config.debug_nans a run says which operation of which line made the first NaN, at which step, of which seed."""

import dataclasses
import inspect
import re

import jax
import jax.numpy as jnp
import pytest

from posbench.encodings import base
from posbench.training import loop, nans, progress
from tests import small_job


class Drifts(base.PositionEncoding):
    """The root of what training makes smaller, and a NaN that a mask takes out again."""

    def setup(self):
        self.slope = self.param('slope', lambda key: jnp.float32(1))

    def bias(self, pos_q_BL, pos_k_BM):
        distance_BLM = jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :]).astype(jnp.float32)
        masked_BLM = jnp.where(distance_BLM > 0, jnp.log(distance_BLM - 0.5), 0.0)
        root = jnp.sqrt(4e-3 - jnp.abs(self.slope - 1))  # of a negative number, after some steps
        return (masked_BLM - root * distance_BLM)[:, None]


class HasNoSlope(Drifts):
    """A root at 0, whose gradient is infinite."""

    def bias(self, pos_q_BL, pos_k_BM):
        distance_BLM = jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :]).astype(jnp.float32)
        return -(jnp.sqrt(self.slope - 1) * distance_BLM)[:, None]  # at 0


def run(encoding, folder, **changes):
    """The line that the run ends with."""
    one = small_job.build('none', debug_nans=True, **changes)
    model = one.model.clone(body=one.model.body.clone(encoding=encoding))
    with pytest.raises(loop.NotANumber) as error, progress.Progress(True) as bar:
        loop.run(dataclasses.replace(one, model=model), folder, 'auto', bar)
    return str(error.value)


def place(words):
    """file:line of the one line of this file that ends with a comment of these words."""
    lines = inspect.getsource(inspect.getmodule(run)).splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if line.endswith(f'# {words}')]
    return f'{__file__}:{number}'


@pytest.mark.parametrize(
    'changes',
    [
        pytest.param({}, id='plain'),
        pytest.param(
            dict(model__remat=True, model__scan_layers=True, model__layers=2, task__on_device=False, seeds=(3, 4)),
            id='remat, scan, data from the host',
            marks=pytest.mark.everything,
        ),
        pytest.param(dict(parallel='pmap'), id='pmap', marks=pytest.mark.everything),
    ],
)
def test_the_operation_of_the_first_nan_is_named(tmp_path, changes):
    line = run(Drifts(), tmp_path, **changes)
    at = place('of a negative number, after some steps')
    found = re.fullmatch(rf'step (\d+) of seed (\d): `sqrt` at {at} in .*encoding.bias made the first NaN; .*', line)
    assert found, line
    assert 1 < int(found[1]) <= small_job.STEPS and int(found[2]) in changes.get('seeds', (0,))


@pytest.mark.everything
def test_the_operation_of_a_gradient_is_named_by_the_line_that_it_is_the_gradient_of(tmp_path):
    line = run(HasNoSlope(), tmp_path)
    at = place('at 0')
    assert re.match(rf'step 1 of seed 0: `\w+` at {at} in .*encoding.bias made the first infinity; ', line), line


def over_scan(x):
    return jax.lax.scan(lambda x, row: (x - row, jnp.log(x)), x, jnp.ones(4))[1].sum()  # in a scan


def over_while(x):
    return jax.lax.while_loop(lambda x: x > -2, lambda x: jnp.sqrt(x) - 1, x)  # in a while


def over_cond(x):
    return jax.lax.cond(x > 0, lambda x: jnp.exp(100 * x), lambda x: x, x)  # in a cond


@jax.checkpoint
def over_remat(x):
    return jnp.square(jnp.sin(1 / (x - 2)))  # in a checkpoint


@jax.custom_vjp
def over_custom(x):
    return jnp.log(x - 3)  # in a rule


over_custom.defvjp(lambda x: (over_custom(x), x), lambda x, g: (g,))


@pytest.mark.parametrize(
    ('function', 'operation', 'words'),
    [
        (over_scan, 'log', 'in a scan'),
        (over_while, 'sqrt', 'in a while'),
        (over_cond, 'exp', 'in a cond'),
        (over_remat, 'div', 'in a checkpoint'),
        (over_custom, 'log', 'in a rule'),
        (jax.jit(over_scan), 'log', 'in a scan'),
        (jax.grad(over_remat), 'integer_pow', 'in a checkpoint'),  # Of the gradient of 1 / x.
    ],
)
def test_operations_inside_of_others_are_found(function, operation, words):
    program = jax.make_jaxpr(function)(2.0)
    (origin,) = nans.trace_back(program.jaxpr, [*program.consts, jnp.float32(2.0)])
    assert (origin.name, origin.place) == (operation, place(words))
    assert nans.trace_back(program.jaxpr, [*program.consts, jnp.float32(jnp.nan)]) in [(None,), None]
