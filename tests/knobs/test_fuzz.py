"""Whatever a command line or a config says is refused in one line, or valid; models are built in the benchmark."""

import pytest

from benchmarks import fuzz_configs


@pytest.mark.parametrize(
    'kind', range(len(set(fuzz_configs.KINDS))), ids=lambda kind: fuzz_configs.KINDS[kind].__name__
)
def test_a_random_command_line_is_refused_in_one_line_or_valid(kind):
    numbers = range(kind, 4 * len(fuzz_configs.KINDS), len(fuzz_configs.KINDS))
    trials = [fuzz_configs.draw(number, seed=7) for number in numbers]
    outcomes = [fuzz_configs.outcome(trial, is_built=False) for trial in trials]
    wrong = [(trial, said) for trial, (what, said) in zip(trials, outcomes) if what == 'misbehaves']
    assert not wrong


def test_trials_are_the_same_whenever_they_are_drawn():
    assert fuzz_configs.draw(3, seed=1) == fuzz_configs.draw(3, seed=1) != fuzz_configs.draw(3, seed=2)
