"""What do five encodings cost in a model of a billion parameters at 8,192 tokens, before anybody pays for a pod?

    python launch.py --experiment=experiments/billion.py --mode=compile --topology=v5e:16x16
    python -m benchmarks.pods --write                     for v5e:16x16 and v5p:4x4x4, into benchmarks/pods.md

Nothing is claimed, and nothing is trained here: it is a shape, 20 layers of 2,048 channels, 256 sequences of 8,192
tokens a step, activations in bfloat16, layers scanned and recomputed, attention in blocks of 512. The same runs train
where there is such a pod; on the shipped novels a model of this size learns them by heart, so give it a corpus
(`--config.dataset.name=folder --config.dataset.folder=...`).
"""

from posbench.runs import grids
from posbench.runs.study import Run

CONFIGS = ('rope', 'alibi', 't5', 'cope', 'fox')
SHAPE = {
    'dtype': 'bfloat16',
    'dataset.vocabulary': '32000',
    'model.layers': '20',
    'model.width': '2048',
    'model.heads': '16',
    'model.hidden': '8192',
    'model.scan_layers': 'True',
    'model.remat': 'True',
    'model.block_size': '512',
    'train.length': '8192',
    'train.batch_size': '256',
    'train.steps': '20000',
    'optimizer.learning_rate': '3e-4',
    'optimizer.warmup_steps': '1000',
    'evaluate.multiples': '1,2',
    'evaluate.tokens': '65536',
    'evaluate.batch_tokens': '16384',
}


def runs() -> list[Run]:
    """One run an encoding."""
    encodings = grids.choice('encoding', {name: f'configs/{name}.py' for name in CONFIGS})
    return grids.runs(encodings, overrides=SHAPE)
