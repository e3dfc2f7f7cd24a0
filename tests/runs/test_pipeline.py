"""What a run says of texts, from Python and by the functions that the command prints with."""

import io
import json
import sys
import types

import jax
import numpy as np
import pytest
from safetensors import numpy as safetensors

from posbench.knobs.kinds import UsageError
from posbench.runs import embed, pipeline, predict
from posbench.training import loop, tags
from tests import small_job, small_texts
from tests.tasks.oracles import text_tag

SEEDS = (0, 1, 2)
TEXTS = ['abba', 'xyz', '', 'a text that is far longer than the others', 'a b', '12']


def run_of(one) -> pipeline.Pipeline:
    return pipeline.Pipeline(one, loop.Trained(small_texts.weights(one), {}, 7))


@pytest.fixture(scope='module')
def run():
    return run_of(small_texts.build(seeds=SEEDS))


@pytest.fixture(scope='module')
def language_model():
    one = small_job.build('sinusoidal')
    trained = small_job.trained(one)
    return pipeline.Pipeline(one, trained)


def by_hand(run, text, place):
    """What the model of one seed says of one text, with nothing around it."""
    params = jax.tree.map(lambda leaf: leaf[place], run._params_S)
    ids_BL = small_texts.Letters().encode(text)[None, : small_texts.LENGTH]
    return run.job.model.apply({'params': params}, ids_BL, np.arange(ids_BL.shape[1])[None])


def test_probabilities_are_the_mean_over_seeds_of_what_the_models_say_of_the_text_alone(run):
    found = run.predict(TEXTS)
    assert [one.label is None for one in found] == [text == '' for text in TEXTS] and found[2].probabilities == {}
    for text, one in zip(TEXTS, found):
        if text:
            wanted = np.mean([jax.nn.softmax(by_hand(run, text, place)[0]) for place in range(len(SEEDS))], axis=0)
            assert list(one.probabilities) == ['negative', 'positive']
            np.testing.assert_allclose(list(one.probabilities.values()), wanted, rtol=0, atol=1e-6)
            assert one.label == ('negative', 'positive')[int(wanted.argmax())]


def test_what_is_said_of_a_text_does_not_depend_on_the_texts_beside_it(run):
    many = [*TEXTS, *['abc'] * (2 * tags.ROWS), 'xyz']
    found = run.predict(many)
    assert len(found) == len(many) and found[1] == found[-1] == run.predict('xyz')[0]


def test_what_was_read_is_counted():
    run = run_of(small_texts.build(seeds=(0, 1)))
    run.predict(TEXTS)
    tokens = sum(map(len, TEXTS))
    assert run.read == pipeline.Read(tokens, unknown=2, texts=6, cut=1)
    said = f'Texts: 6, 1 of them cut at config.train.length = 8. Tokens: {tokens}, 2 of them unknown. Seeds: 2.'
    assert predict.summary(run) == said


def test_a_vector_of_a_text_is_the_mean_of_its_last_states_of_the_first_seed(run):
    got = run.embed(TEXTS)
    assert got.shape == (6, 10) and got.dtype == np.float32 and np.isnan(got[2]).all()
    params = jax.tree.map(lambda leaf: leaf[0], run._params_S)
    ids_BL = small_texts.Letters().encode('abba')[None]
    batch = dict(inputs_BL=ids_BL, pos_BL=np.arange(4)[None])
    _, h_BLE = run.job.model.apply({'params': params}, batch, method='vectors')
    np.testing.assert_allclose(got[0], np.mean(h_BLE[0], axis=0), rtol=0, atol=1e-6)


def test_a_vector_of_a_word_is_that_of_the_input_layer_without_positions(run, language_model):
    for one, params in ((run, run._params_S), (language_model, language_model._params_S)):
        vectors_VD = np.asarray(params['input_layer']['vectors'][0])
        ids = one.job.task.read_texts(['ab'], 8)['inputs_BL'][0, :2] if one is run else [0, 1]
        got = one.embed(['ab' if one is run else '01'], of='words')
        np.testing.assert_allclose(got[0], vectors_VD[ids].mean(axis=0) * vectors_VD.shape[1] ** 0.5, rtol=1e-5)


def test_a_run_that_tells_no_classes_of_texts_apart_is_refused_in_one_line(run, language_model):
    with pytest.raises(
        UsageError, match='predict: got a run of text/random, which says tokens; wanted one that says cl'
    ):
        language_model.predict('a')
    with pytest.raises(
        UsageError, match='tag: got a run of text/document/letters, which says classes; wanted one that'
    ):
        run.tag('a')
    with pytest.raises(UsageError, match="embed: got of='word', wanted 'sentences' or 'words'"):
        run.embed('a', of='word')
    reads_no_texts = types.SimpleNamespace(class_names=('0', '1'), says='classes', reads_texts=False)
    one = types.SimpleNamespace(task=reads_no_texts, task_name='image/digits', schedule=types.SimpleNamespace(length=4))
    digits = pipeline.Pipeline.__new__(pipeline.Pipeline)
    digits.job = one
    with pytest.raises(UsageError, match='predict: got a run of image/digits, which says classes of what is no text'):
        digits.predict('a')


@pytest.fixture(scope='module')
def tagger():
    return run_of(small_texts.build('text/tag', dataset=text_tag.dataset(), head__name='tag', seeds=SEEDS))


def test_every_word_of_a_text_gets_a_tag_in_pieces_of_the_length_of_training(tagger):
    words = [*'abcdefghij', 'never', 'k']
    (found,) = tagger.tag(' '.join(words))
    assert found.words == words
    pieces = tagger.tag([' '.join(words[:8]), ' '.join(words[8:]), ''])
    assert found.tags == pieces[0].tags + pieces[1].tags and set(found.tags) <= set(text_tag.TAGS)
    np.testing.assert_allclose(found.probabilities, pieces[0].probabilities + pieces[1].probabilities, rtol=1e-6)
    assert pieces[2] == pipeline.Tagged([], [], [])
    assert tagger.read == pipeline.Read(tokens=24, unknown=2, texts=4, cut=0)


def test_tags_are_the_likeliest_by_the_mean_over_seeds(tagger):
    (found,) = tagger.tag('a b c')
    ids_BL, said = np.array([[0, 1, 2]]), []
    for place in range(len(SEEDS)):
        params = jax.tree.map(lambda leaf, place=place: leaf[place], tagger._params_S)
        said.append(jax.nn.softmax(tagger.job.model.apply({'params': params}, ids_BL, np.arange(3)[None])[0]))
    mean_LC = np.mean(said, axis=0)
    assert found.tags == [text_tag.TAGS[tag] for tag in mean_LC.argmax(axis=1)]
    np.testing.assert_allclose(found.probabilities, mean_LC.max(axis=1), rtol=0, atol=1e-6)


def test_a_tagger_answers_a_line_with_its_words_and_tags(tagger, tmp_path, capsys):
    path = tmp_path / 'texts'
    path.write_text('a b\n\n')
    assert predict.show(tagger, path, quiet=True) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first['words'] == ['a', 'b'] and first['tags'] == tagger.tag('a b')[0].tags
    assert second == dict(words=[], tags=[], probabilities=[])


def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path):
    import posbench

    with pytest.raises(UsageError, match='in which there is no config'):
        posbench.pipeline(tmp_path)


def test_every_line_is_answered_by_a_line_of_json(run, tmp_path, capsys):
    path = tmp_path / 'texts'
    path.write_bytes('\ufeffabba\r\nxyz\n\nä b'.encode())
    assert predict.show(run, path, quiet=False) == 0
    out, err = capsys.readouterr()
    assert err == f'{predict.summary(run)}\n'
    found = [json.loads(line) for line in out.splitlines()]
    for one, wanted in zip(found, run.predict(['abba', 'xyz', '', 'ä b']), strict=True):
        assert one == dict(label=wanted.label, probabilities={k: round(v, 6) for k, v in wanted.probabilities.items()})


def test_a_line_that_is_no_utf8_ends_it_after_those_before_it(run, monkeypatch, capsys):
    data = b'abba\n' * (tags.ROWS + 1) + b'no\xff\nxyz\n'
    monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(data)))
    assert predict.show(run, None, quiet=True) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == tags.ROWS + 1
    assert err == f'launch.py: standard input: line {tags.ROWS + 2} is no UTF-8, byte 3 of it is 0xff\n'


def test_files_of_vectors_have_what_is_printed(run, tmp_path, capsys):
    path = tmp_path / 'texts'
    path.write_text('abba\n\nx\ty\n' + 'abc\n' * tags.ROWS)
    assert embed.show(run, path, None, 'sentences', quiet=True) == 0
    printed = capsys.readouterr().out
    lines = [line.split('\t') for line in printed.splitlines()]
    assert [line[0] for line in lines[:3]] == ['abba', '', 'x y']
    wanted = run.embed(['abba', '', 'x\ty', *['abc'] * tags.ROWS])
    np.testing.assert_array_equal(np.array([line[1:] for line in lines], np.float32), wanted)
    for suffix in ('.tsv', '.npy', '.safetensors'):
        assert embed.show(run, path, tmp_path / f'vectors{suffix}', 'sentences', quiet=True) == 0
    assert (tmp_path / 'vectors.tsv').read_text() == printed
    np.testing.assert_array_equal(np.load(tmp_path / 'vectors.npy'), wanted)
    np.testing.assert_array_equal(safetensors.load_file(tmp_path / 'vectors.safetensors')['vectors'], wanted)
    path.write_text('')
    assert embed.show(run, path, tmp_path / 'none.npy', 'words', quiet=True) == 0
    assert np.load(tmp_path / 'none.npy').shape == (0, 6)
