"""The losses of 20 steps of every config are those that were committed: no change of numbers goes unnoticed."""

import functools
import importlib.metadata
import json
import pathlib
import sys

import numpy as np

from tests import small_job
from tests.small_job import VARIANTS

PATH = pathlib.Path(__file__).parent / 'golden' / 'losses.json'
ADVICE = (
    'The losses of {name} are no longer the committed ones. If nothing about the training was meant to change, this is '
    'a defect: compare the first step that differs (step 1: initial weights, batch, model or loss; later: gradient, '
    'optimizer or random streams). If the change is meant, run `python -m tests.test_golden --write`, and commit '
    'the new numbers together with the change and its reason.'
)
WRITTEN_BY = 'python -m tests.test_golden --write'


@functools.cache
def golden() -> dict:
    return json.loads(PATH.read_text('utf-8'))


def test_every_config_has_golden_losses():
    assert sorted(golden()['losses']) == VARIANTS, f'run `{WRITTEN_BY}`'


# These are one thing on this text and this model, and why.
ALIKE = [
    # Sequences of 16 tokens are shorter than any length from which on distances are remapped or the base grows.
    {'rope', 'ntk_dynamic', 'rerope', 'self_extend', 'dca'},
    # Of the four pairs of so narrow a head both stop the slowest one.
    {'p_rope', 'rope_clip'},
]


def test_no_two_configs_have_the_same_losses_unless_they_are_alike_here():
    by_losses = {}
    for name, values in golden()['losses'].items():
        by_losses.setdefault(tuple(values), set()).add(name)
    assert sorted(map(sorted, (names for names in by_losses.values() if len(names) > 1))) == sorted(map(sorted, ALIKE))


def trained(name: str) -> np.ndarray:
    """The loss of every step, [steps], of a config."""
    return small_job.losses(small_job.build(name), small_job.first_state(name))[0]


def test_twenty_steps_have_the_golden_losses(training):
    """By default of what the trainer can tell apart: oracles hold the numbers of every encoding."""
    got = trained(training)
    advice = ADVICE.format(name=training)
    np.testing.assert_allclose(
        got, golden()['losses'][training], rtol=1e-5, err_msg=f'{advice} Origin: {golden()["origin"]}'
    )


def write(names: list[str]) -> None:
    """Computes the losses anew, with the compiler flags of the tests; those of other configs stay."""
    importlib.import_module('tests.conftest')
    versions = ', '.join(f'{name} {importlib.metadata.version(name)}' for name in ('jax', 'jaxlib', 'flax', 'optax'))
    python = '.'.join(map(str, sys.version_info[:3]))
    origin = (
        f'{WRITTEN_BY}; python {python}, {versions}; CPU, float32, one device; model and text of tests/small_job.py'
    )
    kept = golden()['losses'] if names else {}
    losses = {name: kept[name] if name in kept and name not in names else trained(name).tolist() for name in VARIANTS}
    # One line a config: a change shows as the lines of the configs that it touched.
    lines = ',\n'.join(f'    {json.dumps(name)}: {json.dumps(values)}' for name, values in losses.items())
    PATH.write_text(f'{{\n  "origin": {json.dumps(origin)},\n  "losses": {{\n{lines}\n  }}\n}}\n', encoding='utf-8')


if __name__ == '__main__':
    if sys.argv[1:2] != ['--write'] or not set(sys.argv[2:]) <= set(VARIANTS):
        sys.exit(f'Usage: {WRITTEN_BY} [CONFIG ...]')
    write(sys.argv[2:])
