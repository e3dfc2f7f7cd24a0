"""Something that was said before, asked for at the end: a needle among 64 tokens, and among 128 and 256.

python launch.py --config=configs/tasks/recall.py --workdir=/tmp/needle

The same model for other questions, `--config.task.needles=4` for more of them to confuse, and by name

    --config.task.name=retrieval/passkey --config.train.length=128           five digits in an empty text of 128 words
    --config.task.name=retrieval/key_value --config.train.length=16          the value of one of 16 keys
    --config.task.name=retrieval/selective_copy --config.train.length=16     16 symbols between blanks, copied
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='retrieval/needle')
    config.dataset = None
    config.encoding = dict(name='rotary')
    config.model.update(layers=2, width=64, hidden=256)
    config.train.update(length=64, batch_size=64, steps=2000)
    config.optimizer.learning_rate = 1e-3
    config.evaluate.multiples = (1, 2, 4)
    return config
