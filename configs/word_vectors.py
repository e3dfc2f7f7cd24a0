"""Every knob of a run of word vectors, with its unit or reason. A variant changes the few that it is about.

As in default.py, what a knob may be is declared where it is used, and None means off. A config with the group `vectors`
is one of this form: it has no task, encoding or model.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()

    # The study that a run is part of; it only names the rows.
    config.experiment = None
    # One set of vectors for each seed, all trained in one program. A seed decides first vectors and what is drawn.
    config.seeds = (0,)
    # Join the processes of a cluster before anything else; False: never. None: where the environment names one.
    config.distributed = None
    config.parallel = 'jit'  # jit (one program over a mesh) | pmap (one replica a device)
    config.debug_nans = False  # stop at the operation that made the first NaN of training, and name its line; slow

    # How vectors are trained: a file of posbench/word_vectors, with its options, or, with `module`, one of your own.
    config.vectors = ConfigDict(dict(name='skipgram'))

    # The text: arguments of `load` in datasets/words.py.
    config.dataset = ConfigDict(
        dict(
            name='austen',  # the shipped novels | 'folder' | any text dataset of tensorflow_datasets, by name
            folder=None,  # with name='folder': a directory with train/, validation/ and test/ folders of .txt
            text_feature=None,  # the feature that holds the text, where a TFDS dataset has several
            min_count=5,  # words that are rarer in train are left out, as if they were not there
            boundary='sentence',  # sentence | line | document: what no window of words crosses
            data_dir=None,  # prepared data; None: ~/.cache/posbench
        )
    )

    config.train = ConfigDict(
        dict(
            epochs=5.0,  # passes over the text, or over the cells of its co-occurrence matrix
            steps_per_call=25,  # steps in one device call, which is also the log interval
            evaluate_every=100,  # steps between validations
            checkpoint_every=100,  # steps
            keep_checkpoints=3,  # newest good checkpoints that stay on disk
        )
    )

    config.evaluate = ConfigDict(
        dict(
            sets=('wordsim353', 'simlex999'),  # of word_vectors/similarity.py; fetched by package name if need be
            neighbours=8,  # that the page shows of a word
            map_words=300,  # the most frequent words, which the page draws as a map
        )
    )

    # Devices along each axis of the mesh. None: as many seeds as divide the devices, then all that remain for data.
    config.mesh = ConfigDict(dict(seed=None, data=None))
    return config
