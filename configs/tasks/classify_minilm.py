"""Which novel a passage is from, by a published sentence encoder (Wang et al. 2020, arXiv 2002.10957) with a new head.

    python -m benchmarks.fetch_minilm
    python launch.py --config=configs/tasks/classify_minilm.py

Its body, tokenizer and weights come from the folder that the first command leaves. The head alone is trained with
`--config.init.freeze='block_*,input_layer/*,position_encoding/*'`, all of it from scratch with
`--config.init.folder=None`.
"""

from configs.tasks import classify

FOLDER = '~/.cache/posbench/minilm'


def get_config():
    config = classify.get_config()
    config.task.framed = True  # as its own training had [CLS] and [SEP]
    config.dataset.update(tokenizer='file', tokenizer_file=f'{FOLDER}/tokenizer.json')
    config.encoding = dict(name='learned', max_length=512)
    # 6 layers, 384 wide, 12 heads, 1536 inside the feed-forward layer, LayerNorm after each sublayer.
    config.model = dict(name='published', folder=FOLDER, dropout=0.1)
    config.init.folder = FOLDER
    config.train.update(length=64, batch_size=8, steps=120, steps_per_call=20, evaluate_every=60, checkpoint_every=60)
    config.optimizer.update(learning_rate=2e-4, warmup_steps=10, weight_decay=0.01)
    # Positions end at 512.
    config.evaluate.update(multiples=(1, 2, 4), tokens=16_384)
    return config
