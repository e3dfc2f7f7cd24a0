"""Random numbers: named streams of one seed."""

import itertools

import jax
import numpy as np
import pytest

from posbench import streams


def bits(*arguments) -> tuple:
    return tuple(np.asarray(jax.random.key_data(streams.key(*arguments))).tolist())


def test_the_order_of_the_names_is_part_of_every_result():
    assert streams.NAMES == ('parameters', 'batch', 'dropout', 'positions', 'evaluation', 'generation', 'held_out')


def test_seeds_names_and_steps_all_give_other_keys():
    cases = list(itertools.product((0, 1, 2), streams.NAMES, (0, 1, 2)))
    assert len({bits(*case) for case in cases}) == len(cases)


def test_a_key_depends_on_its_arguments_alone():
    assert bits(3, 'batch', 7) == bits(3, 'batch', 7)
    traced = jax.jit(lambda seed, step: jax.random.key_data(streams.key(seed, 'batch', step)))(3, 7)
    assert bits(3, 'batch', 7) == tuple(np.asarray(traced).tolist())


def test_the_key_is_the_seed_folded_with_the_place_of_the_name_and_the_step():
    wanted = jax.random.fold_in(jax.random.fold_in(jax.random.key(3), 1), 7)
    assert bits(3, 'batch', 7) == tuple(np.asarray(jax.random.key_data(wanted)).tolist())


def test_an_unknown_stream_is_an_error():
    with pytest.raises(ValueError):
        streams.key(0, 'weather')
