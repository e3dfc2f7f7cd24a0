"""Tags of words: what the contract does not say of them."""

import jax
import numpy as np

from posbench import tasks
from posbench.tasks import base
from tests.tasks.oracles import text_tag as oracle


def build():
    return tasks.build('text/tag', dataset=oracle.dataset())


def test_every_word_is_scored_once_at_every_length_within_the_budget():
    task, wanted = build(), None
    for length in (3, 8, 24):
        batches = [batch for _, batch in task.held_out('test', length, base.Budget(24 * 50, 24 * 4, 24))]
        scored = [batch['inputs_BL'][batch['weights_BL'] > 0] for batch in batches]
        wanted = np.concatenate(scored) if wanted is None else wanted
        np.testing.assert_array_equal(np.concatenate(scored), wanted)
    sizes = oracle.SENTENCES['test']
    assert len(wanted) == sum(sizes[i * len(sizes) // 50] for i in range(50))


def test_every_piece_of_train_is_drawn_and_none_has_a_word_of_two_sentences():
    task, seen = build(), set()
    batch = {name: np.asarray(x) for name, x in task.sample(jax.random.key(0), 3000, 8).items()}
    for row_L, real_L in zip(batch['inputs_BL'], batch['segment_ids_BL'] == 0):
        seen.add(tuple(row_L[real_L].tolist()))
    pieces = {
        tuple(words[start : start + 8]) for words, _ in oracle.sentences('train') for start in range(0, len(words), 8)
    }
    assert seen == pieces


def test_the_table_of_words_says_of_each_word_its_commonest_tag_in_train():
    counts = {}
    for words, tags in oracle.sentences('train'):
        for word, tag in zip(words, tags):
            counts.setdefault(word, [0, 0, 0])[tag] += 1
    every = np.sum(list(counts.values()), axis=0)
    right, unknown = [], []
    for words, tags in oracle.sentences('test'):
        for word, tag in zip(words, tags):
            said = int(np.argmax(counts.get(word, every)))
            right.append(said == tag)
            if word == oracle.UNKNOWN:
                unknown.append(said == tag)
    (found,) = build().baselines('test').values()
    assert abs(found['accuracy'] - np.mean(right)) < 1e-6 and abs(found['unknown_accuracy'] - np.mean(unknown)) < 1e-6
    assert found['accuracy'] > build().chance('test', 8)['accuracy'] and 'loss' not in found


def test_an_example_says_each_word_with_its_tag_and_what_else_was_said():
    batch = dict(inputs_BL=np.array([[0, 1, 5]]), targets_BL=np.array([[2, 0, 0]]), weights_BL=np.array([[1, 1, 0.0]]))
    assert build().example(batch, 0, np.array([1, 0, 2])) == 'a/VERB (said NOUN) b/DET'


def test_where_no_word_is_unknown_nothing_is_said_of_unknown_ones():
    task = build()
    batch = task.read_words([['a', 'b']], 8)
    batch = dict(batch, targets_BL=np.zeros((1, 8), np.int32), weights_BL=np.float32(batch['segment_ids_BL'] == 0))
    values = task.values(task.score(np.zeros((1, 8, 3), np.float32), batch))
    assert values['accuracy'] == 1 and np.isnan(values['unknown_accuracy'])
