"""Where the time of a run went."""

import re
import time

import jax
import jax.numpy as jnp
import pytest

from posbench.devices import compiling
from posbench.training import clock


def test_seconds_go_to_what_they_went_into_and_are_handed_out_once():
    time_of = clock.Clock()
    with time_of.of('data'):
        time.sleep(0.02)
    for _ in range(2):
        with time_of.of('checkpoint'):
            time.sleep(0.01)
    new = time_of.take()
    assert new.keys() == {'data', 'checkpoint'} and min(new.values()) >= 0.02
    assert time_of.take() == {}
    assert re.fullmatch(
        r'Training took \d+\.\d s: [\d.]+ s computing, [\d.]+ s on data, [\d.]+ s validating, [\d.]+ s saving; '
        r'\d+ programs were compiled in [\d.]+ s(, \d+ of them found in the cache)?\.',
        time_of.sentence(),
    )


def test_the_share_of_the_compiler_is_its_own():
    time_of, before = clock.Clock(), compiling.so_far()
    with time_of.of('compute'):
        jax.jit(lambda x: jnp.sin(x) * 12.5 + jnp.cosh(x)).lower(jnp.ones(7)).compile()
    new, compiled = time_of.take(), compiling.so_far() - before
    assert compiled.programs >= 1 and compiled.seconds > 0
    assert new['compiling'] == pytest.approx(compiled.seconds)
    assert new['compute'] > 0


def test_what_raises_is_timed_too():
    time_of = clock.Clock()
    with pytest.raises(OSError), time_of.of('checkpoint'):
        raise OSError
    assert time_of.take()['checkpoint'] > 0
