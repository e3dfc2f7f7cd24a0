"""What is too short for the sequences of a run is said before anything is trained."""

import dataclasses
import re

import jax
import pytest

from posbench import positions, tasks
from tests import small_job

# Trained on 16 and scored at 32, of which this task makes three times as many tokens.
TRIPLE = tasks.build('chomsky/duplicate_string')
ASKED = (
    'for the longest sequence that config.train.length, config.evaluate.multiples and config.evaluate.first_unseen ask '
    'for, which has {} tokens'
)


def refused(job, line):
    with pytest.raises(ValueError, match=f'^{re.escape(line)}$'):
        job.check_lengths()


def test_a_table_has_a_row_for_every_position_of_what_is_scored():
    short = small_job.build('learned', encoding__max_length=31)
    line = 'config.encoding.max_length: got {}, wanted at least {}, as far as sequential positions go {}'
    refused(short, line.format(31, 32, ASKED.format(32)))
    small_job.build('learned', encoding__max_length=32).check_lengths()
    small_job.build('learned', encoding__max_length=31, encoding__out_of_range='clip').check_lengths()
    long = small_job.build('learned', encoding__max_length=95)
    long.check_lengths()
    refused(dataclasses.replace(long, task=TRIPLE), line.format(95, 96, ASKED.format(96)))


def test_a_table_goes_as_far_as_positions_may():
    shifted = positions.build('shifted', max_shift=20)
    job = dataclasses.replace(small_job.build('learned', encoding__max_length=34), position_map=shifted)
    line = 'config.encoding.max_length: got 34, wanted at least 35, as far as shifted positions go ' + ASKED.format(32)
    refused(job, line)
    drawn = dataclasses.replace(job, position_map=positions.build('randomized', max_position=40))
    refused(drawn, line.replace('35', '40').replace('shifted', 'randomized'))


def test_tables_inside_others_and_of_the_input_layer_are_known():
    chained = small_job.build(
        'sinusoidal_alibi', encoding=dict(name='chain', first=dict(name='learned', max_length=20), second='alibi')
    )
    refused(chained, 'config.encoding.first.max_length: got 20, wanted at least 32, as far as sequential positions go '
            + ASKED.format(32))  # fmt: skip
    mapped = small_job.build('none', input__combine=dict(name='linear_map', max_length=20, rank=2))
    refused(mapped, 'config.input.combine.max_length: got 20, wanted at least 32, as far as sequential positions go '
            + ASKED.format(32))  # fmt: skip


def test_what_is_drawn_from_and_a_batch_are_large_enough_for_what_the_task_makes():
    drawn = small_job.build('randomized_rope', positions__max_position=95)
    drawn.check_lengths()
    line = f'config.positions.max_position: got 95, wanted at least 96, {ASKED.format(96)}'
    refused(dataclasses.replace(drawn, task=TRIPLE), line)
    small = small_job.build('rope', evaluate__batch_tokens=95)
    line = f'config.evaluate.batch_tokens: got 95, wanted at least 96, {ASKED.format(96)}'
    refused(dataclasses.replace(small, task=TRIPLE), line)


def test_how_far_maps_go_is_what_they_draw():
    for name, options in (
        ('sequential', {}),
        ('randomized', dict(max_position=9)),
        ('randomized_distances', dict(max_position=9)),
        ('shifted', dict(max_shift=3)),
        ('pose', dict(target_length=9)),
    ):
        for train in (True, False):
            position_map = positions.build(name, **options)
            drawn = [position_map(key, 4, 8, train=train).max() for key in jax.random.split(jax.random.key(0), 40)]
            assert max(drawn) == position_map.reach(8, train=train) - 1
    assert positions.build('grid').reach(16, train=True) is None
