"""At what distance may relative positions be clipped without a loss (Shaw et al. 2018, tables 2 and 3)?

BLEU of arXiv 1803.02155, English to German, clipped at k = 0, 1, 2, 4, 16, 64 and 256: 12.5, 25.5, 25.8, 25.9, 25.8,
25.9 and 25.8; on keys alone 25.8, on values alone 25.3, on both 25.8. One run each.

    python launch.py --experiment=experiments/shaw2018_clipping.py --scale=mini

The claims were written before the runs. Accuracy of tokens that are decoded greedily, at the training length:

1. At k = 0 it is at most half of that of the best k.
2. From k = 2 on it is within 2 % of that of the best k.
3. Vectors on values besides those on keys change it by less than 1 %.

The task is a stand-in: translation is out of reach of a laptop, and here heads move behind the modifiers that follow
them, as words do from one language to another, so that nothing but neighbours matters (posbench/tasks/sequence/
local_reorder.py). At k = 0 all distances are one, which is a model without positions. Vectors on values alone are no
option here. The paper: 6 and 6 layers, 512 channels, 8 heads, a table for each layer and head, 100,000 steps. Mini: 24
symbols, an encoder and a decoder of 2 layers, 64 channels, 4 heads, a table for each layer, 1,200 steps of 32, three
seeds. Full: 60 symbols, the paper's model and steps.

Time: not run yet.
"""

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

ACCURACY = 'decoded/token_accuracy'
MINI_K, FULL_K = (0, 1, 2, 4, 16), (0, 1, 2, 4, 16, 64, 256)
KEYS = {'encoding.name': 'shaw'}
BOTH = {'task.name': 'sequence/local_reorder', 'evaluate.multiples': '1', 'evaluate.first_unseen': 'False'}
MINI = {
    'seeds': '0,1,2',
    'model.layers': '2',
    'model.width': '64',
    'model.hidden': '256',
    'train.length': '24',
    'train.batch_size': '32',
    'train.steps': '1200',
    'evaluate.tokens': '16384',
}
FULL = {
    'seeds': '0,1,2,3,4',
    'model.layers': '6',
    'model.width': '512',
    'model.heads': '8',
    'model.hidden': '1024',
    'model.dropout': '0.1',
    'train.length': '60',
    'train.batch_size': '128',
    'train.steps': '100000',
    'train.evaluate_every': '5000',
    'train.checkpoint_every': '1000',
    'optimizer.warmup_steps': '4000',
    'optimizer.learning_rate': '7e-4',
}


def runs(scale: str = 'mini') -> list[Run]:
    """One run a distance, and one with vectors on values too."""
    distances, knobs = (MINI_K, MINI) if scale == 'mini' else (FULL_K, FULL)
    encodings = {
        f'k{k}': KEYS | {'encoding.max_distance': str(k)} if k else {'encoding.name': 'none'} for k in distances
    }
    encodings['keys_and_values'] = KEYS | {'encoding.max_distance': '16', 'encoding.values': 'True'}
    return grids.runs(grids.choice('encoding', encodings), 'configs/tasks/reverse.py', BOTH | knobs)


def claims(rows) -> list[dict]:
    """The verdicts on the three claims."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def accuracies():
        return {f'k{k}': cells.times(f'k{k}', ACCURACY, 1) for k in MINI_K}

    def best(found):
        return max(judging.mean(values) for values in found.values())

    def nothing_without_order():
        found = accuracies()
        return judging.mean(found['k0']) <= best(found) / 2, judging.each(found)

    def two_are_enough():
        found = accuracies()
        far = [judging.mean(found[f'k{k}']) for k in MINI_K if k >= 2]
        return min(far) >= 0.98 * best(found), judging.each(found)

    def keys_are_enough():
        both = judging.ratio(cells.times('keys_and_values', ACCURACY, 1), cells.times('k16', ACCURACY, 1))
        return abs(judging.mean(both) - 1) < 0.01, f'x{judging.said(both)}'

    verdicts.judge('k = 0 has at most half of the accuracy of the best k', nothing_without_order, 'k0')
    verdicts.judge('From k = 2 on accuracy is within 2 % of that of the best k', two_are_enough, 'k2', 'k4', 'k16')
    verdicts.judge(
        'Vectors on values besides those on keys change accuracy by less than 1 %', keys_are_enough, 'keys_and_values'
    )
    return verdicts.found
