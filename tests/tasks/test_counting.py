"""How often programs do what, which no oracle of single programs can tell."""

import collections

import jax
import numpy as np

from posbench.tasks.retrieval import counting


def programs(task, rows, length):
    """Their words, and what is said."""
    batch = jax.tree.map(np.asarray, jax.jit(task.sample, static_argnums=(1, 2))(jax.random.key(0), rows, length))
    for tokens, targets, scored in zip(batch['inputs_BL'], batch['targets_BL'], batch['weights_BL'] > 0):
        program = tokens[1 : tokens.tolist().index(task.asks)]
        yield [task.symbol(token) for token in program], task.symbol(targets[scored][0])


def test_a_program_sets_a_variable_once_in_58_steps_and_counts_seven_times_as_often():
    found, lengths = collections.Counter(), []
    for words, _ in programs(counting.Task(), 1500, 80):
        steps = [{'=': 's', 'pass;': 'p', '++;': 'c'}[word] for word in words if word in ('=', 'pass;', '++;')]
        lengths.append(len(steps))
        # After the first value, while it cannot have come to 10.
        found.update(steps[steps.index('s') + 1 :][:10])
    for kind, weight in (('s', 1), ('p', 50), ('c', 7)):
        share, total = weight / 58, found.total()
        assert abs(found[kind] / total - share) < 5 * (share * (1 - share) / total) ** 0.5
    # Of all programs those that set a variable: of 3 to 80 steps each, one in 51 steps.
    steps_N = np.arange(3, 81)
    kept_N = 1 - (50 / 51) ** steps_N
    assert abs(np.mean(lengths) - (steps_N * kept_N).sum() / kept_N.sum()) < 5 * np.std(lengths) / 1500**0.5


def test_every_variable_that_there_is_may_be_asked_for():
    asked = [words[-1] for words, _ in programs(counting.Task(variables=5), 300, 80)]
    assert set(asked) == set('abcde')
