"""Which of Jane Austen's six novels a passage is from, chapters held out: an encoder and one class a passage.

    python launch.py --config=configs/tasks/classify.py

It learns names and manners of speech; what chance knows is how long the novels are. Two cores take a few minutes.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='text/classify')
    config.dataset = dict(name='austen')
    config.encoding = dict(name='rotary')
    config.model.update(name='encoder', layers=2, dropout=0.1)
    config.head = dict(name='classify')
    config.train.batch_size = 32
    config.optimizer.update(learning_rate=1e-3, warmup_steps=50)
    config.evaluate.tokens = None  # all held-out chapters
    return config
