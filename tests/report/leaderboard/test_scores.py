"""From rows to scores: every number again from the rows by plain arithmetic, and what failed or is missing."""

import json
import math

import pytest

from posbench.report import folder as folder_lib
from posbench.report.leaderboard import board_tables, entrants, scores, standings
from tests.report.leaderboard import fields

FEW = ('rope', 'alibi', 'none', 'fire')
TASKS = ('length/copy', 'retrieval/flip_flop', 'text/language_model')


def scored(folder) -> scores.Scores:
    return scores.score(entrants.field([folder_lib.read(folder)]))


def rows_in(folder, run):
    return [json.loads(line) for line in (folder / run / 'rows.jsonl').read_text().splitlines()]


def rewrite(folder, run, change):
    rows = [change(row) for row in rows_in(folder, run)]
    (folder / run / 'rows.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows if row))


@pytest.fixture
def folder(tmp_path):
    return fields.write(tmp_path, FEW, TASKS, range(3))


def by_hand(folder, run, *, beyond: bool) -> float:
    """Mean over tasks of the mean over lengths and seeds of (value - chance) / (perfect - chance)."""
    means = []
    for task in TASKS:
        _, better, _, chance, _, train_length = fields.TASKS[task]
        perfect = 0.0 if better == 'lower' else 1.0
        found = [
            (row['value'] - chance) / (perfect - chance)
            for row in rows_in(folder, f'{task.rpartition("/")[2]}-{run}')
            if (row['length'] > train_length) == beyond
        ]
        means.append(sum(found) / len(found))
    return sum(means) / len(means)


@pytest.mark.parametrize('which', [scores.BEYOND, scores.AT])
def test_a_score_is_the_mean_over_tasks_of_what_is_beyond_chance(folder, which):
    places = standings.places(scores.view(scored(folder), which))
    wanted = {run: by_hand(folder, run, beyond=which == scores.BEYOND) for run in FEW}
    assert {place.entrant: place.score.mean for place in places} == pytest.approx(wanted)
    assert [place.entrant for place in places] == sorted(wanted, key=wanted.get, reverse=True)
    assert all(place.score.low < place.score.mean < place.score.high for place in places)


def test_tasks_weigh_the_same_however_many_lengths_they_have(folder):
    for run in FEW:
        rewrite(folder, f'copy-{run}', lambda row: row if row['length'] <= 64 else None)
    found = standings.places(scores.view(scored(folder)))
    assert {place.entrant: place.score.mean for place in found} == pytest.approx(
        {run: by_hand(folder, run, beyond=True) for run in FEW}
    )


def test_a_number_that_is_none_scores_as_the_worst_of_its_cell(folder):
    def broken(row):
        return row | ({'value': math.nan} if (row['seed'], row['length']) == (1, 256) else {})

    rewrite(folder, 'copy-rope', broken)
    found = scored(folder)
    key = ('rope', 'length/copy', 256)
    cell = [value for name in FEW for value in found.cells[name, 'length/copy', 256].values()]
    assert found.cells[key][1] == min(0.0, *cell) and found.failures[key] == ('nan in 1 of 3 seeds', False)
    assert scores.view(found).cells['length/copy'] == [64, 128, 256], 'a cell, never a hole'
    text = board_tables.leaderboard(board_tables.Results(found)).rows
    assert {row[0].text: row[-1].text for row in text}['rope'] == 'length/copy: nan in 1 of 3 seeds at 256'


def test_a_run_that_failed_scores_and_one_that_was_not_run_does_not(folder):
    for run, reason in (('copy-rope', '14 GiB asked'), ('flip_flop-none', None)):
        (folder / run / 'rows.jsonl').unlink()
        if reason:
            (folder / run / 'failed.json').write_text(json.dumps(dict(run=run, kind='out of memory', reason=reason)))
    found = scored(folder)
    main = scores.view(found)
    assert found.failures['rope', 'length/copy', 64] == ('out of memory: 14 GiB asked', True)
    assert (
        max(found.cells['rope', 'length/copy', 64].values()) <= 0 and len(found.cells['rope', 'length/copy', 64]) == 3
    )
    assert 'retrieval/flip_flop' not in main.cells and set(main.ranked) == set(FEW)
    assert main.left_out == ['retrieval/flip_flop at 128, 256 and 512 (none lacks it).']


def test_a_length_that_one_lacks_counts_for_nobody(folder):
    rewrite(folder, 'copy-fire', lambda row: None if row['length'] == 128 else row)
    main = scores.view(scored(folder))
    assert main.cells['length/copy'] == [64, 256] and main.left_out == ['length/copy at 128 (fire lacks it).']


def test_seeds_that_one_lacks_count_for_nobody_and_tasks_have_as_many(folder):
    rewrite(folder, 'copy-fire', lambda row: None if row['seed'] == 1 else row)
    main = scores.view(scored(folder))
    assert main.seeds == {'length/copy': [0, 2], 'retrieval/flip_flop': [0, 1], 'text/language_model': [0, 1]}
    assert 'length/copy, seeds 1 (not everybody has as many).' in main.left_out


def test_who_has_few_of_the_tasks_is_not_ranked_and_does_not_cost_the_others_theirs(folder):
    fields.write(folder, ('t5',), TASKS[:1], range(3))
    main = scores.view(scored(folder))
    assert set(main.ranked) == set(FEW) and set(main.cells) == set(TASKS)
    assert main.unranked == {'t5': ['retrieval/flip_flop', 'text/language_model']}
    rows = {row[0].text: row for row in board_tables.leaderboard(board_tables.Results(scored(folder))).rows}
    assert rows['t5'][1].text == '—' and rows['t5'][-1].text == 'not run: retrieval/flip_flop and text/language_model'


@pytest.mark.parametrize(
    ('share', 'better', 'value', 'chance', 'wanted'),
    [
        (True, 'higher', 0.6, 0.2, 0.5),
        (True, 'lower', 0.2, 0.5, 0.6),
        (False, 'lower', 1.0, 4.0, 0.75),
        (False, 'higher', 30.0, 2.0, None),
        (True, 'higher', 0.6, None, None),
        (True, 'higher', 0.6, 1.0, None),
    ],
)
def test_what_is_beyond_chance(share, better, value, chance, wanted):
    metric = scores.Metric('m', '', better, share=share)
    assert scores.normalised(metric, value, chance) == (wanted if wanted is None else pytest.approx(wanted))


def test_letters_ranks_and_pairs_agree(folder):
    main = scores.view(scored(folder))
    places, pairs = standings.places(main), standings.pairs(main)
    letters = {place.entrant: set(place.letters) for place in places}
    assert len(pairs) == 6
    for pair in pairs:
        assert bool(letters[pair.first] & letters[pair.second]) == (pair.p >= standings.ALPHA)
        assert pair.wins + pair.ties + pair.losses == len(TASKS) and pair.difference.mean >= 0
    assert [place.rank for place in places] == [1, 2, 3, 4]
    assert all(place.best <= place.rank <= place.worst for place in places)
    found = standings.critical(main)
    assert list(found.ranks.values()) == sorted(found.ranks.values()) and found.tasks == 3
    assert sum(found.ranks.values()) == pytest.approx(10)
    assert all(
        (abs(found.ranks[a] - found.ranks[b]) < found.difference) == any({a, b} <= set(group) for group in found.groups)
        for a in found.ranks for b in found.ranks if a != b
    )  # fmt: skip


def test_a_task_without_chance_has_no_score_and_says_so(folder):
    for run in FEW:
        rewrite(folder, f'copy-{run}', lambda row: row | {'chance': None})
        rewrite(folder, f'flip_flop-{run}', lambda row: row if row['length'] == 64 else None)
    main = scores.view(scored(folder))
    assert list(main.cells) == ['text/language_model']
    assert [line.partition(' (')[::2] for line in main.left_out] == [
        ('length/copy', 'no score, because chance is not known, or nobody can say what its best value is).'),
        ('retrieval/flip_flop', 'not scored beyond its training length).'),
    ]


def test_speed_is_all_tokens_by_all_seconds(folder):
    """Of timing.jsonl, and where there is none of what the rows and the config say."""
    line = {'step': 25, 'tokens_per_second': 2000.0, 'seconds': 1.0}
    (folder / 'copy-rope' / 'timing.jsonl').write_text(json.dumps(line) + '\n')
    found = board_tables.Results(scored(folder)).costs['rope']
    seconds = rows_in(folder, 'copy-rope')[0]['wall_seconds']
    counted = [16 * fields.TASKS[task][-1] * 2000 * 3 for task in TASKS[1:]]
    assert found.rate == pytest.approx((2000 * seconds + sum(counted)) / (3 * seconds))
    assert found.devices == ('2 x cpu',)
