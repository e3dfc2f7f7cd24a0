"""Every knob, with its unit or reason. A variant changes the few that it is about.

What a knob may be (type, range, choices) is declared where it is used, and a value that is not allowed stops the run
before anything is compiled. None means off, or: decide by what the machine has. What a variant leaves out of a group
that it chooses by `name` is the default of the thing itself; `module`, for all of them, a path to a Python file of your
own from outside the package, that defines the class (Task, Encoding, Input, Body, Head) or the function of positions.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()

    # The study that a run is part of; it only names the rows.
    config.experiment = None
    # One model for each seed, all trained in one program. A seed decides weights, batches, dropout and drawn positions.
    config.seeds = (0,)
    config.dtype = 'float32'  # float32 | bfloat16, of activations; parameters, angles and softmax stay float32
    # Join the processes of a cluster before anything else, which are waited for five minutes; False: never. None: where
    # the environment names one, or the machine has TPU chips (posbench/devices/cluster.py).
    config.distributed = None
    config.parallel = 'jit'  # jit (one program over a mesh) | pmap (one replica a device)
    config.debug_nans = False  # stop at the operation that made the first NaN of training, and name its line; slow

    # What has to be learned, and how it is scored: a file of posbench/tasks, with its options.
    config.task = ConfigDict(
        dict(
            name='text/language_model',
            separate_documents=False,  # attention and positions stay within a document; for texts of many short ones
            on_device=True,  # the training tokens live on the device, so that many steps run in one call
            stride=32,  # last tokens that a sliding window scores
        )
    )
    # What is compared. A variant changes these two and nothing else (a test says so).
    config.encoding = ConfigDict(dict(name='none'))
    # Where positions come from: a file of posbench/positions, with its options.
    config.positions = ConfigDict(dict(name='sequential'))

    # What the task is made of: arguments of `load` in datasets/<what it reads>.py; None where it reads nothing.
    config.dataset = ConfigDict(
        dict(
            name='austen',  # the shipped novels | 'medium' | 'folder' | a text dataset of tensorflow_datasets, by name
            folder=None,  # with name='folder': a directory with train/, validation/ and test/ folders of .txt
            text_feature=None,  # the feature that holds the text, where a TFDS dataset has several
            tokenizer='bpe',  # bytes | characters | words | bpe | unigram | file
            vocabulary=1024,  # ids of words, bpe and unigram: of the last two the 256 bytes are included
            tokenizer_file=None,  # with tokenizer='file': the tokenizer.json of a published model
            lowercase=False,  # of words: write them in lower case
            min_count=1,  # of words: those that stand in train less often are unknown
            segmentation='unicode',  # of words: unicode (UAX #29) | treebank (contractions cut) | white_space
            data_dir=None,  # prepared data and tokenizers; None: ~/.cache/posbench
        )
    )

    # What the model reads: tokens | vectors.
    config.input = ConfigDict(
        dict(
            name='tokens',
            file=None,  # of word vectors, in any usual format, or the folder of a run that trained some; None: drawn
            unknown='drawn',  # drawn (like the known ones) | zero | ngrams: what tokens get that the file lacks
            lowercase=True,  # a token that the file lacks takes the vector of its lower case
            scale=None,  # what vectors are multiplied by; None: what brings them to a mean square of 1
            features=None,  # add | append: the vector of what stands beside each token, such as its tag; None: unread
            feature_width=32,  # channels of one that is appended
            # add | scaled_add | multiply | concatenate | reserve | linear_map: how tokens and positions are combined
            combine=dict(name='add'),
        )
    )
    # What is in between: decoder (causal) | encoder (sees both sides) | encoder_decoder (reads one text, says another)
    # | bilstm (reads forwards and backwards, without attention).
    config.model = ConfigDict(
        dict(
            name='decoder',
            layers=4,
            width=128,  # D, channels of the residual stream
            heads=4,  # H, each of width D/H
            hidden=512,  # F, channels inside the feed-forward layer
            norm='pre',  # pre | post: where the RMSNorm of a sublayer stands
            qk_norm=False,  # RMSNorm of queries and keys, before any rotation
            dropout=0.0,  # rate after the input layer and after every sublayer; off at evaluation
            remat=False,  # recompute each block in the backward pass: less memory, more time
            scan_layers=False,  # compile one block and scan it over the layers: faster to compile, for deep models
            block_size=None,  # queries and keys of one attention block; None: all at once
            # fused (the platform's attention; an error where it cannot do it) | own | auto (fused where it can)
            kernel='auto',
        )
    )
    # What the model says: tied (the next token) | classify (one class of a sequence) | tag (one of each token) | span
    # (where an answer stands).
    config.head = ConfigDict(
        dict(
            name='tied',
            tie=True,  # logits from the token vectors themselves
        )
    )

    config.train = ConfigDict(
        dict(
            length=128,  # tokens of a training sequence: the "1x" of every table
            batch_size=16,  # sequences a step, for each seed, over all devices
            steps=1000,
            steps_per_call=25,  # steps in one device call, which is also the log interval
            evaluate_every=250,  # steps between validations at the training length
            checkpoint_every=250,  # steps
            keep_checkpoints=3,  # newest good checkpoints that stay on disk
        )
    )

    config.optimizer = ConfigDict(
        dict(
            name='adamw',
            learning_rate=3e-3,  # at the end of the warm-up
            warmup_steps=100,
            schedule='cosine',  # cosine | constant, after the warm-up
            final_fraction=0.1,  # of the learning rate, at the end of the cosine
            b1=0.9,
            b2=0.98,
            eps=1e-8,
            weight_decay=0.1,  # on matrices only
            clip_norm=1.0,  # of the gradient; None: no clipping
        )
    )

    # The last steps of a run may have another encoding (configs/drope.py): weights and batches go on, the parameters of
    # the first encoding are dropped, the optimizer starts anew. Both encodings are scored. Proportions are those of
    # Gelberg et al. 2025 (arXiv 2512.12167, appendix C).
    config.second_phase = ConfigDict(
        dict(
            # As config.encoding. name=None (not 'none'): there is no second phase, and what stands here does nothing.
            encoding=ConfigDict(dict(name=None)),
            steps=125,  # the last of config.train.steps
            learning_rate=None,  # at the end of its warm-up; None: that of config.optimizer, whose other knobs hold too
            warmup_steps=4,
            qk_norm=False,  # add an RMSNorm of queries and keys, where config.model has none
        )
    )

    config.evaluate = ConfigDict(
        dict(
            multiples=(1, 2, 4, 8),  # of the training length
            lengths=(),  # scored besides, such as the 41, 60 and 100 of a paper's table
            first_unseen=True,  # also score training length + 1, the first length never trained on
            split='test',  # of the length table; validation is always scored at the training length
            tokens=65_536,  # in sequences of the longest length, for each protocol; None: the whole split
            batch_tokens=8192,  # tokens of one evaluation batch
            probe=False,  # also say how well a probe of each layer tells where a token is, at the training length
        )
    )

    config.generate = ConfigDict(
        dict(
            prompt='It is a truth universally acknowledged',
            tokens=256,  # new tokens
            temperature=0.8,  # 0: always the likeliest token
            samples=2,
        )
    )

    # Weights to start from, and those that are not trained. Patterns such as 'block_0/*' are of paths of parameters.
    config.init = ConfigDict(
        dict(
            folder=None,  # of a run, or of a model in Hugging Face's layout; None: every weight is drawn
            seed=None,  # of the run there, whose weights all seeds take; None: each seed its own, if it is there
            take=('*',),  # what is taken from there, if it is there
            freeze=(),  # what is never trained; all seeds share it, and where it is drawn, it is the first seed's
            freeze_at_first=(),  # what is not trained in the first steps
            first_steps=0,  # how many steps these are
        )
    )

    # Devices along each axis of the mesh. None: as many seeds as divide the devices, then all that remain for data.
    config.mesh = ConfigDict(
        dict(
            seed=None,
            data=None,
            model=1,  # split heads and hidden channels (tensor parallelism)
            sequence=1,  # share each sequence that is scored, block by block; in training they split the batch as well
            # Split parameters and the optimizer's averages over the devices that split the batch too (FSDP): each is
            # gathered where it is used.
            shard_parameters=False,
        )
    )
    return config
