"""Words whose vectors come from a file and stay as they are there, under a trained projection, with sinusoids added.

    python launch.py --config=configs/inputs/word_vectors.py --config.input.file=glove.6B.50d.txt

Any file of word vectors will do, or the folder of a run that trained some. Of the same model

    --config.init.freeze=''                                                              tuned vectors of the file
    --config.init.freeze='' --config.init.freeze_at_first='input_layer/vectors' --config.init.first_steps=500
                                                                                         tuned after 500 steps
    --config.init.freeze='' --config.input.file=None                                     drawn vectors, trained
    --config.input.combine.name=multiply                                                 another combination
"""

from configs import default


def get_config():
    config = default.get_config()
    config.dataset.update(tokenizer='words', vocabulary=8192, segmentation='treebank', lowercase=True)
    config.encoding = dict(name='sinusoidal')
    config.init.freeze = ('input_layer/vectors',)
    return config
