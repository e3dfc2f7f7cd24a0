"""The interface of a task: pure functions from a key to a batch, and from what a model says to sums and numbers.

A task is a frozen pytree: its data are leaves, so that they are arguments of a compiled step and no constants in it;
its options are static. It is usable without the trainer, and the trainer knows nothing of it but what stands here.

A batch is a dict. `inputs_BL` (int32 tokens) or `inputs_BLC` (vectors, patches) is what the model reads, `targets_BL`
or `targets_B` what it should say, `weights_BL` or `weights_B` how much each target counts: 0 where nothing is scored,
so that rows of zeros may be added. `segment_ids_BL`, where there are any, tell documents apart; a negative one is
padding. `features_BL` (int32, below `features`) may stand beside the tokens: a tag of each, say. A task for an
encoder-decoder also gives `source_BM`, which the encoder reads, and perhaps `source_segment_ids_BM`; `inputs_BL` are
then the decoder's, beginning with a begin token. Other keys are its own.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import numpy as np

Batch = dict[str, Any]
Sums = dict[str, Any]
# Marks fields of a task that are no data.
STATIC = 'static'
# What a model that gives no numbers is said to have said: the place of a NaN would pass for the likeliest token.
NOTHING = -1


class Metric(NamedTuple):
    """What a number means: its unit, and whether less or more of it is better.

    The one that `decides` ranks runs and gives verdicts. `share`: it goes from 0 to 1, so that one can tell what is
    left of it beyond chance.
    """

    unit: str
    better: Literal['lower', 'higher']
    decides: bool = False
    share: bool = False


class Budget(NamedTuple):
    """How much of the held-out data is scored.

    tokens: of the longest length, for each protocol; shorter lengths score what is comparable. None: all there is.
    batch_tokens: of one batch, at the most.
    longest: the longest length that is scored.
    shapes: lengths that sequences may be filled up to, rising, so that all that is scored has few shapes.
    """

    tokens: int | None
    batch_tokens: int
    longest: int
    shapes: tuple[int, ...] = ()

    def rows(self, length: int) -> int:
        """Rows of one batch of sequences of this length."""
        return max(self.batch_tokens // length, 1)

    def room(self, length: int) -> int:
        """The length of the arrays that a sequence of `length` is put into."""
        return next((shape for shape in self.shapes if shape >= length), length)


def option(default: Any) -> Any:
    """A static field of a task, which `config.task` may set."""
    return dataclasses.field(default=default, metadata={STATIC: True})


def constant(default: Any = dataclasses.MISSING) -> Any:
    """A static field that is no option: what a dataset gave that no compiled program needs as an array."""
    return dataclasses.field(default=default, metadata={STATIC: True})


class Task:
    """Base of all tasks; a subclass is a frozen dataclass and a pytree, and implements what has no default here."""

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        dataclasses.dataclass(frozen=True)(cls)
        fields = dataclasses.fields(cls)
        data = [field.name for field in fields if not field.metadata.get(STATIC)]
        static = [field.name for field in fields if field.metadata.get(STATIC)]

        def flatten(task):
            # With the class: trees of two dataclasses that are registered as such compare equal in jax 0.10.
            return [getattr(task, name) for name in data], (cls, *(getattr(task, name) for name in static))

        def flatten_with_keys(task):
            leaves, known = flatten(task)
            return [(jax.tree_util.GetAttrKey(name), leaf) for name, leaf in zip(data, leaves)], known

        def unflatten(known, leaves):
            return cls(**dict(zip(data, leaves)), **dict(zip(static, known[1:])))

        jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)

    def replace(self, **changes: Any) -> 'Task':
        """This task with other fields."""
        return dataclasses.replace(self, **changes)

    # Metrics by name; one of them decides.
    metrics: ClassVar[dict[str, Metric]]
    # Protocols by name: which targets each scores, in a sentence. The first one is the main one.
    protocols: ClassVar[dict[str, str]]
    # What a table calls a protocol, where its name says too little.
    labels: ClassVar[dict[str, str]] = {}
    # What chance knows, and which targets it is scored on, as a table says it: 'a unigram model, on every character'.
    guess: ClassVar[str] = ''
    # At evaluation `score` gets what the model decoded greedily, int32 of the targets' shape, in the place of logits;
    # NOTHING where there were none, which makes what depends on it NaN.
    generates: ClassVar[bool] = False
    # The targets are the tokens that follow, so that a body that sees them would only copy.
    next_token: ClassVar[bool] = False
    # What its model reads is a text, and any one will do.
    reads_texts: ClassVar[bool] = False
    # The kind of dataset that it is made of, a file of posbench/datasets with a function `load`; None: it needs none.
    reads: ClassVar[str | None] = None
    # What the model's head has to say: 'tokens' at every place, 'tags', which are classes at every place, or 'classes'
    # of a sequence.
    says: ClassVar[str] = 'tokens'

    @classmethod
    def from_dataset(cls, dataset: Any, **options) -> 'Task':
        """The task on a dataset that `load` gave, or None where it reads none."""
        return cls(**options)

    @property
    def vocabulary(self) -> int | None:
        """Tokens that the model reads and says; None where it reads vectors."""
        return None

    @property
    def classes(self) -> int | None:
        """Classes that the model says of a sequence, or of each token; None where it says tokens."""
        return None

    @property
    def class_names(self) -> Sequence[str] | None:
        """What the classes are called, where they have names."""
        return None

    @property
    def features(self) -> int | None:
        """Kinds of what stands beside each token in a batch, `features_BL`; None where there is nothing."""
        return None

    def tokens(self, length: int) -> int:
        """Places of the longest sequence that is read where `length` is asked for; it may count other things."""
        return length

    def title(self, name: str) -> str:
        """What rows call this task, whose file is `name`."""
        return name

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> Batch:
        """A training batch, a function of the key alone. Traced."""
        raise NotImplementedError

    def held_out(self, split: str, length: int, budget: Budget) -> Iterator[tuple[str, Batch]]:
        """(protocol, batch) of data that is never trained on; all batches of a protocol and a length have one shape.

        NumPy, on the host. `split` is 'validation' or 'test'. ValueError, one line, where there is nothing to score.
        """
        raise NotImplementedError

    def loss(self, outputs: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        """(sum over targets, their weight); their quotient over all devices is what is minimised. Traced."""
        raise NotImplementedError

    def score(self, outputs: jax.Array, batch: Batch) -> Sums:
        """What the batch adds to the sums that `values` reads: arrays that add up over batches of any size. Traced.

        At evaluation a batch is one row of what `held_out` gave, so that one can tell what each adds.
        """
        raise NotImplementedError

    def values(self, sums: Sums) -> dict[str, float]:
        """Every metric, from sums over all batches; NaN where nothing was scored."""
        raise NotImplementedError

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Every metric of a predictor that learned nothing but frequencies: by class, or by place and length."""
        raise NotImplementedError

    def places(self, sums: Sums) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Metrics by place in the sequence: name -> (sum_L, weight_L)."""
        return {}

    def figures(self, sums: Sums) -> dict[str, dict]:
        """What only a picture can show, by name, as the report's kinds of pictures have it (report/kinds.py)."""
        return {}

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        """Metrics of reference models that nobody trained here: name of the model -> metric -> value."""
        return {}

    @property
    def from_host(self) -> bool:
        """Whether the host has a part in each batch: `sample` is then `batch_of(cut(draw(...)))`, `cut` on the host."""
        return False

    def without_host_data(self) -> 'Task':
        """This task as it is sent to devices."""
        return self

    def encode(self, text: str) -> np.ndarray | None:
        """Token ids of a text, for a task whose tokens are those of a text; None otherwise."""
        return None

    def read_texts(self, texts: Sequence[str], length: int) -> Batch:
        """What the model reads of texts that nobody labelled, the longer ones cut; for a task that `reads_texts`.

        inputs_BL and segment_ids_BL, L = `length`; text_BL, where the text itself stands; and of each text `size_B`,
        its tokens, and `unknown_B`, those among them that the vocabulary has no token for. NumPy, on the host.
        """
        raise NotImplementedError

    def words(self, text: str) -> list[str]:
        """The words of a text that the model says tags of; for a task that says 'tags' of texts."""
        raise NotImplementedError

    def read_words(self, texts: Sequence[Sequence[str]], length: int) -> Batch:
        """As `read_texts`, of texts that are cut into words, with a token for each."""
        raise NotImplementedError

    @property
    def boundary(self) -> int | None:
        """The token after which attention and positions begin anew, where one does that to documents of a stream."""
        return None

    @property
    def spelled(self) -> Sequence[str] | None:
        """The text of every token, for a task whose tokens are those of a text; None otherwise."""
        return None

    def example(self, batch: Batch, row: int, said: np.ndarray) -> str:
        """One held-out example and what the model said of it, as a text of a few lines."""
        read = next(batch[name][row] for name in ('source_BM', 'inputs_BL', 'inputs_BLC') if name in batch)
        suffix = 'BL' if 'targets_BL' in batch else 'B'
        scored = batch[f'weights_{suffix}'][row] > 0
        wanted, said = batch[f'targets_{suffix}'][row][scored], np.asarray(said)[scored]
        return f'read    {read.tolist()}\nwanted  {wanted.tolist()}\nsaid    {said.tolist()}'


def deciding(metrics: dict[str, Metric]) -> str:
    """The name of the metric that decides. ValueError where there is not exactly one."""
    names = [name for name, metric in metrics.items() if metric.decides]
    if len(names) != 1:
        raise ValueError(f'metrics: got {len(names)} that decide, wanted exactly one of {", ".join(metrics)}.')
    return names[0]


def filled(batch: Batch, rows: int) -> Batch:
    """A batch with as many rows as that: copies of the first one whose weights are 0. NumPy."""
    missing = rows - next(iter(batch.values())).shape[0]
    if missing <= 0:
        return batch

    def more(name: str, x: np.ndarray) -> np.ndarray:
        copies = np.repeat(x[:1], missing, axis=0)
        return np.concatenate([x, np.zeros_like(copies) if name.startswith('weights') else copies])

    return {name: more(name, np.asarray(x)) for name, x in batch.items()}
