"""Tags of a trained tagger beside the words that another model reads."""

import types

import jax
import numpy as np
import pytest

from posbench.tasks import base
from posbench.training import init, tags
from tests import small_job, small_texts
from tests.tasks.oracles import text_tag

NAMES = ('first', 'later')


def tagger():
    """A word is 'first' in its text, or 'later'."""
    return types.SimpleNamespace(
        names=NAMES,
        digest='by place',
        tags=lambda texts: [np.arange(len(words), dtype=np.int32).clip(max=1) for words in texts],
    )


@pytest.fixture(scope='module')
def build(request):
    """A classifier that is given these tags: the folder that they come from is read by nobody."""

    def built(**changes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tags, 'read', lambda folder, build: tagger())
            return small_texts.build(task__tagger='somewhere', **changes)

    return built


def test_each_word_has_its_tag_in_training_and_held_out_and_padding_has_none(build):
    task = build(input__features='add').task
    sampled = jax.jit(lambda task: task.sample(jax.random.key(0), 5, 8))(task)
    (held_out,) = [batch for _, batch in task.held_out('test', 8, base.Budget(None, 8 * 20, 8))]
    for batch in (sampled, held_out):
        real_BL = np.asarray(batch['segment_ids_BL']) == 0
        wanted_BL = np.where(real_BL, np.where(np.arange(8) == 0, 1, 2), 0)
        np.testing.assert_array_equal(batch['features_BL'], wanted_BL)
    assert task.features == 3
    real_BL = held_out['segment_ids_BL'] == 0
    texts = [task.dataset.tokenizer.decode(row[real]) for row, real in zip(held_out['inputs_BL'], real_BL)]
    np.testing.assert_array_equal(task.read_texts(texts, 8)['features_BL'], held_out['features_BL'])
    assert task.dataset.fingerprint != small_texts.documents().fingerprint


def test_a_model_that_reads_them_learns_by_them(build):
    one = build(input__features='append', input__feature_width=4)
    one.check()
    losses_SN = small_job.losses(one)
    assert np.isfinite(losses_SN).all()
    assert {'input_layer/feature_vectors'} <= set(init.by_path(one.abstract_state.params))


def test_tags_that_nobody_reads_are_refused_in_one_line(build):
    with pytest.raises(
        ValueError, match=r"config\.input\.features: got None, wanted 'add' or 'append', because the ta"
    ):
        build().check()


def test_a_folder_that_is_no_tagger_is_refused_in_one_line(tmp_path):
    with pytest.raises(
        ValueError, match=r'config\.task\.tagger: got .*, wanted the folder of a trained run of text/tag'
    ):
        tags.read(tmp_path, None)


def test_a_run_of_text_tag_gives_the_likeliest_tags_of_its_first_seed(monkeypatch):
    one = small_texts.build('text/tag', dataset=text_tag.dataset(), head__name='tag', seeds=(3, 4))
    params_S = small_texts.weights(one)
    monkeypatch.setattr(init, 'read', lambda folder: init.Given('run', init.by_path(params_S), (3, 4)))
    monkeypatch.setattr(tags.schema, 'load', lambda path: small_texts.config())
    found = tags.read('run', lambda config, name: one)
    words = [['a', 'b', 'never'], [], [*'abcdefghijk']]
    params = jax.tree.map(lambda leaf: leaf[0], params_S)
    for text, tags_N in zip(words, found.tags(words), strict=True):
        wanted = []
        for start in range(0, len(text), 8):
            ids_BL = np.array([one.task.dataset.tokenizer.ids(text[start : start + 8])])
            said = one.model.apply({'params': params}, ids_BL, np.arange(ids_BL.shape[1])[None])
            wanted += said[0].argmax(axis=-1).tolist()
        assert tags_N.tolist() == wanted
    assert found.names == text_tag.TAGS and len(found.digest) == 64
    classifier = small_texts.build()
    with pytest.raises(ValueError, match='a run of text/document/letters, wanted one of text/tag'):
        tags.read('run', lambda config, name: classifier)
