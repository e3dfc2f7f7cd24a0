"""The command on a config of word vectors, from the text to the page."""

import errno
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

import launch
from posbench import manifest, word_vectors
from posbench.datasets import DatasetError, packages
from posbench.devices import host
from posbench.runs import rows
from tests import small_vectors

SEEDS, SETS, TASK = (3, 0), ('wordsim353', 'simlex999'), 'word_vectors/folder'


@pytest.fixture(scope='module')
def patched(tmp_path_factory):
    """Sets of words of this file's, in which words of one kind are alike, and settings of this process that stay."""
    folder = tmp_path_factory.mktemp('package') / 'test_data'
    folder.mkdir()
    lines = [f'w{a}\tw{b}\t{float(a % 6 == b % 6)}' for a in range(12) for b in range(a)]
    (folder / 'wordsim353.tsv').write_text('\n'.join([*lines, 'w1\tnobody\t3.0']))
    (folder / 'simlex999.txt').write_text('\n'.join(lines[:20]))
    (folder / 'questions-words.txt').write_text(': kinds\nw0 w6 w1 w7\nw0 w6 w2 nobody\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, 'prepare', lambda devices: None)
        patch.setattr(host, 'compilation_cache', lambda folder: None)
        patch.setattr(packages, 'fetch', lambda name, data_dir: folder.parent)
        yield


@pytest.fixture(scope='module')
def run(patched, tmp_path_factory):
    """A finished run: its folder and its command."""
    root = tmp_path_factory.mktemp('vectors')
    rng = np.random.default_rng(1)
    for split, count in (('train', 240), ('validation', 24), ('test', 24)):
        (root / 'text' / split).mkdir(parents=True)
        text = ' '.join(' '.join(words) + '.' for words in small_vectors.sentences(count, rng))
        (root / 'text' / split / 'one.txt').write_text(text)
    knobs = dict(
        dataset=dict(name='folder', folder=root / 'text', data_dir=root / 'data', min_count=2),
        vectors=dict(width=8, words_per_step=256),
        train=dict(epochs=2, steps_per_call=2, evaluate_every=4, checkpoint_every=4),
        evaluate=dict(neighbours=3, map_words=20),
        mesh=dict(seed=1, data=1),
    )
    flags = [f'--config.{group}.{key}={value}' for group, of in knobs.items() for key, value in of.items()]
    command = ['--config=configs/skipgram.py', '--config.seeds=3,0', *flags, f'--workdir={root / "skipgram"}']
    assert launch.main(command) == 0
    return root / 'skipgram', command


@pytest.fixture
def here(patched, capsys):
    def command(*arguments) -> subprocess.CompletedProcess:
        capsys.readouterr()
        code = launch.main(list(map(str, arguments)))
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return command


def found(folder: pathlib.Path) -> dict[tuple, dict]:
    """Rows by metric, split and seed."""
    lines = [json.loads(line) for line in (folder / 'rows.jsonl').read_text().splitlines()]
    return {(row['metric'], row['split'], row['seed']): row for row in lines}


def test_it_leaves_rows_of_the_contract_for_every_seed(run):
    folder, _ = run
    of = found(folder)
    assert set(of) == {
        *(('held_out/loss', split, seed) for split in ('validation', 'test') for seed in SEEDS),
        *((f'{of}/{measure}', 'test', seed) for of in SETS for measure in ('spearman', 'unknown') for seed in SEEDS),
    }
    for row in of.values():
        assert tuple(row) == rows.ORDER
        assert (row['length'], row['train_length'], row['encoding']) == (None, None, None)
        assert (row['run'], row['task']) == ('skipgram with vectors.width=8, vectors.words_per_step=256', TASK)
        assert row['params'] == 2 * 8 * len(word_vectors.load(folder))
        assert np.isfinite(row['value'])
    assert of['wordsim353/spearman', 'test', 0]['examples'] == 66
    unknown = of['wordsim353/unknown', 'test', 0]
    assert (unknown['value'], unknown['examples']) == (pytest.approx(1 / 13), 67)
    last = [line for line in (folder / 'metrics.jsonl').read_text().splitlines() if '"validation"' in line][-1]
    assert json.loads(last)['value'] == of['held_out/loss', 'validation', 0]['value']


def test_every_seed_has_its_files_and_the_folder_loads_as_its_first_seed(run):
    folder, _ = run
    first = word_vectors.load(folder)
    assert first['w0'].shape == (8,) and 'w0' in first
    second = word_vectors.load(folder / 'vectors-seed_0.safetensors')
    assert first.words == second.words and (first.vectors_VD != second.vectors_VD).any()
    for name, wanted in (('vectors', first), ('vectors-seed_0', second)):
        text = word_vectors.load(folder / f'{name}.txt')
        assert text.words == wanted.words
        np.testing.assert_array_equal(text.vectors_VD, wanted.vectors_VD)
    vouched = manifest.check(folder)['files']
    for line in json.loads((folder / 'words.json').read_text())['files']:
        assert vouched[line['name']] == dict(size=line['size'], sha256=line['sha256'])
    assert {path.name for path in folder.glob('*.json*')} == {'manifest.json', *vouched} - {
        path.name for path in folder.glob('vectors*')
    }


def test_its_page_has_scores_neighbours_a_map_and_files(run):
    folder, _ = run
    page, text = (folder / 'report.html').read_text('utf-8'), (folder / 'report.md').read_text('utf-8')
    for words in ('Similarity', 'Nearest neighbours', 'Files', 'Map of 20 words'):
        assert words in page
    assert 'Spearman correlation' in page and 'of 67' in page
    for line in json.loads((folder / 'words.json').read_text())['files']:
        assert line['sha256'] in page and line['sha256'] in text
    assert (folder / 'map.png').is_file() and (folder / 'learning.png').is_file()


def test_the_same_command_again_only_reports_and_a_report_is_rebuilt_byte_for_byte(run, here):
    folder, command = run
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    done = here(*command)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f'{folder}: this run is done; here is its report.')
    (folder / 'report.html').unlink()
    assert here(f'--report={folder}').returncode == 0
    assert {path: path.read_bytes() for path in before} == before


def test_other_sets_are_scored_and_those_of_before_stay(run, here):
    folder, _ = run
    before = found(folder)
    done = here(f'--workdir={folder}', '--mode=evaluate', '--config.evaluate.sets=analogies', '--quiet')
    assert done.returncode == 0, done.stderr
    assert 'Google analogies' in done.stdout
    after = found(folder)
    added = {key: row for key, row in after.items() if key not in before}
    parts = ('analogies', 'analogies_semantic', 'analogies_syntactic')
    assert {key[0] for key in added} == {f'{part}/{measure}' for part in parts for measure in ('accuracy', 'unknown')}
    assert {key: after[key] for key in before if 'held_out' not in key[0]} == {
        key: row for key, row in before.items() if 'held_out' not in key[0]
    }
    scores = json.loads((folder / 'words.json').read_text())['scores']
    assert {line['set'] for line in scores} == {*SETS, *parts}


def test_where_the_sets_cannot_be_had_one_line_says_so_and_the_run_succeeds(run, here, monkeypatch):
    folder, before = run[0], found(run[0])

    def unreachable(name, data_dir):
        raise DatasetError('gensim 4.4.0 cannot be fetched: there is no network.')

    monkeypatch.setattr(packages, 'fetch', unreachable)
    done = here(f'--workdir={folder}', '--mode=evaluate')
    assert done.returncode == 0, done.stderr
    line = 'Not scored: WordSim-353 and SimLex-999. gensim 4.4.0 cannot be fetched: there is no network.'
    assert line in done.stderr.splitlines()
    assert line in (folder / 'report.html').read_text()
    assert set(found(folder)) == set(before)


def test_a_changed_file_of_vectors_is_said_and_the_run_is_scored_again(run, here):
    folder, command = run
    file = folder / 'vectors.txt'
    before = file.read_bytes()
    file.write_bytes(before.replace(b'w0', b'w_', 1))
    assert 'vectors.txt does not match its SHA-256' in here(f'--report={folder}').stderr
    done = here(*command, '--quiet')
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == before


def test_a_full_disk_is_one_line_with_the_file_and_the_same_command_goes_on(run, here, monkeypatch):
    (folder, command), before = run, found(run[0])
    # As if it were not scored yet.
    for name in ('rows.jsonl', 'manifest.json'):
        (folder / name).unlink()

    def full(self, path, format=None):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(word_vectors.WordVectors, 'save', full)
        done = here(*command, '--quiet')
    line = f'launch.py: {folder}/vectors.safetensors: No space left on device\n'
    assert (done.returncode, done.stderr) == (1, line)
    assert here(*command, '--quiet').returncode == 0
    after = found(folder)
    assert len(after) == 12 and after == {key: before[key] for key in after}


def test_params_shows_the_tables(run, here):
    done = here(f'--workdir={run[0]}', '--mode=params')
    assert done.returncode == 0
    assert 'input' in done.stdout and '1 seed' not in done.stdout and '2 seed(s)' in done.stdout


def test_an_unknown_set_is_one_line(run, here, tmp_path):
    done = here(*run[1][:-1], f'--workdir={tmp_path}', '--config.evaluate.sets=wordsim')
    assert done.returncode == 2
    assert done.stderr.startswith("launch.py: config.evaluate.sets: got 'wordsim', wanted some of wordsim353")
    assert done.stderr.endswith("did you mean 'wordsim353'?\n")
