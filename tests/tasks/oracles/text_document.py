"""Documents looked for by their first tokens, and counted one by one."""

import numpy as np

from tests.tasks.oracles import text_classify

SETTINGS = [{}, dict(balanced=True), dict(framed=True)]
OTHER = dict(balanced=True, framed=True)
# Whoever builds the task reads it.
UNHEARD = dict(tagger='elsewhere')

dataset, documents = text_classify.dataset, text_classify.documents


def expected(task, batch, protocol):
    before, after = (text_classify.BEFORE, text_classify.AFTER) if task.framed else ((), ())
    splits = ['train'] if protocol is None else ['validation', 'test']
    known = {}
    for tokens, label in (one for split in splits for one in documents(split)):
        room = batch['inputs_BL'].shape[1] - len(before) - len(after)
        row = [*before, *tokens[:room], *after]
        missing = batch['inputs_BL'].shape[1] - len(row)
        known[tuple(row) + (0,) * missing] = label, len(row)
    found = [known[tuple(row)] for row in batch['inputs_BL'].tolist()]
    segments_BL = np.full(batch['inputs_BL'].shape, -1, np.int32)
    for row, (_, size) in enumerate(found):
        segments_BL[row, :size] = 0
    targets_B = np.array([label for label, _ in found], np.int32)
    return dict(targets_B=targets_B, weights_B=np.ones(len(found), np.float32), segment_ids_BL=segments_BL)


def counted(task, split, length, batches):
    """Of saying the commonest class, and of how the documents of train are shared."""
    shares = [sum(label == one for _, label in documents('train')) / len(documents('train')) for one in range(3)]
    return text_classify.of_frequencies(shares, batches)
