"""Pages of word vectors, from rows and words.json as a run leaves them."""

import json
import pathlib

import numpy as np
import pytest

from posbench import report
from posbench.report import canvas, word_map
from posbench.report.rows import ReportError
from posbench.runs import vectors
from tests.report import runs

WORDS = [f'word{i}' for i in range(60)] + ['$x^2$', '字', '<b>']


def words(**changes) -> dict:
    """A words.json with 63 words of two kinds."""
    rng = np.random.default_rng(0)
    near = [['sister', 0.91234], ['<script>', -0.2]]
    return {
        'trainer': 'skipgram', 'objective': 'nats per pair', 'unit': 'words', 'words': 5168, 'width': 100,
        'text': {'name': 'austen', 'read': 561_811, 'kept': 547_000}, 'seed': 0,
        'neighbours': [{'word': 'mother', 'rank': 101, 'count': 512, 'near': near}],
        'map': {'words': WORDS, 'points': rng.normal(size=(63, 2)).round(4).tolist(), 'shares': [0.12, 0.08]},
        'scores': [{'set': 'wordsim353', 'seed': 0, 'value': 0.25, 'low': 0.11, 'high': 0.41}], 'missing': [],
        'files': [{'name': 'vectors.txt', 'seed': 0, 'size': 5_123_456, 'sha256': 'ab' * 32}],
    } | changes  # fmt: skip


def write(folder: pathlib.Path, name: str, value: float | None = 0.25, **changes) -> pathlib.Path:
    folder.mkdir(parents=True)
    common = dict(task='word_vectors/austen', encoding=None, options={}, length=None, train_length=None, chance=None)

    def row(metric, value, **more):
        return runs.row(name, metric=metric, value=value, **common, **more)

    rows = [row('held_out/loss', loss, split=split) for split, loss in (('validation', 2.5), ('test', 2.6))]
    if value is not None:
        rows += [row('wordsim353/spearman', value, examples=203), row('wordsim353/unknown', 0.4249, examples=353)]
    (folder / 'rows.jsonl').write_text(''.join(json.dumps(one) + '\n' for one in rows))
    task = dict(task='word_vectors/austen', metrics=vectors.METRICS, protocols=vectors.PROTOCOLS)
    (folder / 'task.json').write_text(json.dumps(task))
    (folder / 'words.json').write_text(json.dumps(words(**changes)))
    losses = [dict(step=step, split='train', name='loss', value=3 - step / 50, seed=0) for step in (10, 20, 30)]
    (folder / 'metrics.jsonl').write_text(''.join(json.dumps(one) + '\n' for one in losses))
    rates = [dict(step=step, words_per_second=rate, seconds=1.0) for step, rate in ((10, 9.0), (20, 1e6), (30, 2e6))]
    (folder / 'timing.jsonl').write_text(''.join(json.dumps(one) + '\n' for one in rates))
    return folder


def test_a_page_of_one_run_says_scores_speed_loss_neighbours_and_files(tmp_path, capsys):
    made = report.build(write(tmp_path / 'sg', 'sg'))
    page, said = made.html.read_text('utf-8'), capsys.readouterr().out
    assert made.headline == (
        'sg: Spearman correlation 0.250 on WordSim-353. 5,168 vectors of 100 numbers, from 561,811 words of austen, '
        '1,000,000 words a second. Loss in nats per pair: 2.500 on validation text, 2.600 on test text.'
    )
    assert '[0.110, 0.410]' in page and '42.5%' in page and 'of 353' in page
    assert 'sister\u00a00.91' in page and '512 times' in page and '5.1 MB' in page and 'ab' * 32 in page
    # What a text may hold is text here, in every place.
    assert '&lt;script&gt;\u00a0-0.20' in page and '<script>\u00a0' not in page
    assert {path.name for path in made.figures} == {'map.png', 'learning.png'}
    assert 'mother: sister, <script>' in said and '[0.110, 0.410]' in said
    assert 'training length' not in page and 'parts.jsonl' not in page


def test_a_run_that_no_set_was_scored_of_says_why(tmp_path):
    missing = [dict(sets=['wordsim353'], label='WordSim-353', why='gensim cannot be fetched: no network.')]
    made = report.build(write(tmp_path / 'sg', 'sg', None, missing=missing, scores=[]), terminal=False)
    assert made.headline.startswith('sg: 5,168 vectors of 100 numbers. ')
    assert made.headline.endswith(' Not scored: WordSim-353. gensim cannot be fetched: no network.')
    assert '<h3>Similarity</h3>' not in made.html.read_text('utf-8')


def test_a_study_ranks_trainers_by_the_first_set_and_keeps_their_losses_apart(tmp_path, capsys):
    write(tmp_path / 'study' / 'glove', 'glove', 0.1, objective='per cell')
    write(tmp_path / 'study' / 'sg', 'sg', 0.3)
    made = report.build(tmp_path / 'study')
    assert made.headline == '2 runs of word vectors; sg is first, with Spearman correlation 0.300 on WordSim-353.'
    assert {path.name for path in made.figures} == {'map.png', 'map-2.png', 'learning.png', 'learning-of-2.png'}
    assert 'Losses of different objectives' in made.html.read_text('utf-8')
    assert '0.300' in capsys.readouterr().out


@pytest.mark.parametrize(
    'changes',
    [
        dict(map=dict(words=WORDS[:2], points=[[0, 1]], shares=[])),
        dict(map=dict(words=['a'], points=[[0, 'x']], shares=[])),
        dict(neighbours=[dict(word='a', rank=1, count=2, near=[['b']])]),
        dict(files=[dict(name='vectors.txt')]),
        dict(scores=[dict(set='wordsim353', seed=0, low='0', high=1)]),
        dict(width='100'),
        dict(text=[]),
    ],
)
def test_a_words_json_that_cannot_be_shown_is_one_line(tmp_path, changes):
    folder = write(tmp_path / 'sg', 'sg', **changes)
    with pytest.raises(ReportError, match=r'words\.json: ') as error:
        report.build(folder, terminal=False)
    assert '\n' not in str(error.value)


def test_names_on_the_map_do_not_touch_and_the_most_frequent_come_first():
    fig = canvas.figure(5, '', '')
    ax = canvas.panel(fig)
    ax.set_xlim(-1, 2)
    ax.set_ylim(-1, 2)
    assert word_map.named(ax, ['one', 'two', 'three'], [[0, 0], [0, 0.001], [1, 1]]) == [0, 2]
