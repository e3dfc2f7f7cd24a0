"""The mistakes that benchmarks/mutate_encodings.py makes: where they are, and that nothing is left of them."""

import numpy as np

from benchmarks import mutants, mutate_encodings
from posbench import encodings
from posbench.encodings import alibi

ALIBI, ROTATION = 'posbench.encodings.alibi', 'posbench.encodings.rotary'


def lines_of(name, kind):
    own, *_ = mutants.of(name, kind, set(), invariant=True)
    return {mutant.line for mutant in own}


def lines_with(name, text):
    source = (encodings.FOLDER / f'{name}.py').read_text('utf-8').splitlines()
    return {number for number, line in enumerate(source, start=1) if text in line}


def test_a_changed_encoding_computes_something_else_until_it_is_changed_back():
    wanted = alibi.slopes(3)
    mutant = next(next(mutants.of('alibi', 'wrong sign', set(), invariant=True)))
    with mutants.changed(ALIBI, mutant.tree):
        assert not np.allclose(alibi.slopes(3), wanted)
    assert np.array_equal(alibi.slopes(3), wanted)


def test_what_inherits_from_a_changed_class_is_changed_too():
    before = type(encodings.build('rotary_linear'))
    with mutants.changed(ROTATION, mutants.tree_of(ROTATION)):
        parents = type(encodings.build('rotary_linear')).__mro__
        assert type(encodings.build('rotary')) in parents
        assert before.__mro__[1] not in parents
    assert type(encodings.build('rotary_linear')) is before


def test_a_sign_a_distance_and_a_scale_of_the_formula_are_places():
    assert lines_with('alibi', 'return -distance_bias') <= lines_of('alibi', 'wrong sign')
    assert lines_with('alibi', 'tokens = jnp.abs(distance)') <= lines_of('alibi', 'off by one')
    assert lines_with('alibi', 'slope_H * jnp.exp') <= lines_of('alibi', 'dropped scale')


def test_initial_values_messages_and_shapes_are_no_places():
    assert not lines_with('kerple_power', 'jnp.log1p(-share)') & lines_of('kerple_power', 'wrong sign')
    assert not lines_with('dca', 'raise ValueError') & lines_of('dca', 'wrong sign')
    assert not lines_with('kerple_power', 'power = distance_bias.per_head(') & lines_of('kerple_power', 'off by one')


def test_a_mistake_that_no_test_is_about_does_not_count_as_noticed():
    # Not in one word, because the copy would take this file for a test of it.
    unknown, tree = 'un' + 'known', mutants.tree_of(ALIBI)
    mutant = mutants.Mutant(f'{mutants.PACKAGE}.{unknown}', 1, tree, '', tree)
    assert not mutate_encodings.fails(unknown, mutant)
