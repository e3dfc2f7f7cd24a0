"""A trained run that reads texts: what `--mode=predict` and `--mode=embed` print, and the same from Python.

import posbench

run = posbench.pipeline('runs/bilstm_glove')
run.predict(['a gem of a film', 'dull'])[0].probabilities    # {'negative': 0.08, 'positive': 0.92}
run.embed(['a gem of a film'])                               # float32 [1, 256]
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.devices import parallel
from posbench.knobs import schema
from posbench.knobs.kinds import UsageError
from posbench.runs import rows, workdir
from posbench.tasks import base
from posbench.training import evaluate, init, job, loop, progress, step, tags

Of = Literal['sentences', 'words']


class Prediction(NamedTuple):
    """The likeliest class of a text and the probability of each; None and nothing of a text without tokens."""

    label: str | None
    probabilities: dict[str, float]


class Tagged(NamedTuple):
    """The words of a text, the likeliest tag of each, and its probability."""

    words: list[str]
    tags: list[str]
    probabilities: list[float]


class Read(NamedTuple):
    """What was read of texts: tokens of each, those that the vocabulary has not, and those that were cut off."""

    tokens: int = 0
    unknown: int = 0
    texts: int = 0
    cut: int = 0


class Pipeline:
    """The weights of a run and what they read. `load` makes one of a folder; all its methods take one text or several.

    Of several seeds a probability is the mean over the seeds, and a vector that of the first: the vectors of two seeds
    lie in spaces of their own. A text that is longer than config.train.length is cut there, but for tags, of which
    every word gets one. `read` counts what was read so far.
    """

    def __init__(self, one: job.Job, trained: loop.Trained):
        self.job, self.read = one, Read()
        self._params_S, self._frozen = parallel.to_host((trained.params, trained.frozen))

    def check(self, says: Sequence[str], wanted: str) -> None:
        """UsageError, one line, where this run says none of these of texts."""
        task, names = self.job.task, self.job.task.class_names
        if not task.reads_texts or (says and (task.says not in says or names is None)):
            got = f'{task.says} of what is no text' if not task.reads_texts else task.says
            raise UsageError(f'{wanted}: got a run of {self.job.task_name}, which says {got}; wanted {_WANTED[wanted]}')

    def predict(self, texts: str | Sequence[str]) -> list[Prediction]:
        """The class of each text. UsageError where the run does not tell classes of texts apart."""
        self.check(['classes'], 'predict')
        found = []
        for batch, count in self._batches(_several(texts)):
            probabilities_BC = np.asarray(self._probabilities(self._params_S, self._frozen, batch), np.float64)
            found += [self._named(*one) for one in zip(probabilities_BC[:count], batch['size_B'])]
        return found

    def _named(self, probabilities_C: np.ndarray, size: int) -> Prediction:
        if size == 0:
            return Prediction(None, {})
        by_name = dict(zip(self.job.task.class_names, probabilities_C.tolist()))
        return Prediction(max(by_name, key=by_name.__getitem__), by_name)

    def tag(self, texts: str | Sequence[str]) -> list[Tagged]:
        """The tag of each word of each text. UsageError where the run says no tags of texts.

        A text of more words than config.train.length is read in pieces of as many, as in training.
        """
        self.check(['tags'], 'tag')
        task, names = self.job.task, self.job.task.class_names

        def probabilities(batch):
            self._count(batch, 0)
            return self._probabilities(self._params_S, self._frozen, batch)

        words = [task.words(text) for text in _several(texts)]
        found = tags.likeliest(task, self.job.schedule.length, probabilities, words)
        self.read = self.read._replace(texts=self.read.texts + len(words))
        return [
            Tagged(words_N, [names[tag] for tag in tags_N], np.float64(likely_N).tolist())
            for words_N, (tags_N, likely_N) in zip(words, found)
        ]

    def embed(self, texts: str | Sequence[str], of: Of = 'sentences') -> np.ndarray:
        """A vector of each text, float32 [N, E]; of a text without tokens it is NaN.

        of: 'sentences': the mean of what the body makes of the text's tokens, E channels of it; 'words': the vector of
          the input layer, without positions, E = T; where the tokenizer makes several tokens of a text, their mean.
        """
        self.check([], 'embed')
        if of not in ('sentences', 'words'):
            raise UsageError(f"embed: got of={of!r}, wanted 'sentences' or 'words'")
        if self.job.model.body.reads_source:
            raise UsageError('embed: got a run whose model reads two sequences, wanted one that reads one')
        found = [np.zeros((0, self._width(of)), np.float32)]
        for batch, count in self._batches(_several(texts)):
            vectors_BE = np.array(self._vectors(self._params_S, self._frozen, batch, of), np.float32)[:count]
            vectors_BE[batch['size_B'][:count] == 0] = np.nan
            found.append(vectors_BE)
        return np.concatenate(found)

    def _width(self, of: Of) -> int:
        body = self.job.model.body
        channels = self.job.model.input_layer.combination().token_width
        return body.says_width if of == 'sentences' else channels

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[base.Batch, int]]:
        """Batches of one shape, and how many of the rows are texts."""
        length = self.job.schedule.length
        for start in range(0, len(texts), tags.ROWS):
            some = texts[start : start + tags.ROWS]
            batch = self.job.task.read_texts([*some, *[''] * (tags.ROWS - len(some))], length)
            self._count(batch, len(some))
            yield batch, len(some)

    def _count(self, batch: base.Batch, texts: int) -> None:
        cut = int((batch['size_B'] > batch['text_BL'].sum(axis=1)).sum())
        more = int(batch['size_B'].sum()), int(batch['unknown_B'].sum()), texts, cut
        self.read = Read(*(before + one for before, one in zip(self.read, more)))

    @functools.cached_property
    def _probabilities(self):
        """Of each class, of a sequence or of each token, the mean over seeds. Compiled once."""

        def of_seed(params, seed, frozen, batch):
            whole = init.merged(params, frozen)
            said, _ = evaluate.outputs(self.job.model, self.job.position_map, self.job.task, whole, seed, batch, 0)
            return jax.nn.softmax(said.astype(jnp.float32), axis=-1)

        def mean(params_S, frozen, batch):
            seeds_S = jnp.asarray(self.job.seeds, jnp.int32)
            return jax.vmap(of_seed, in_axes=(0, 0, None, None))(params_S, seeds_S, frozen, batch).mean(axis=0)

        return jax.jit(mean)

    @functools.cached_property
    def _vectors(self):
        """Means over the tokens of each text, of the first seed."""

        def means(params_S, frozen, batch, of):
            params = init.merged(jax.tree.map(lambda leaf: leaf[0], params_S), frozen)
            key = evaluate.key_of(self.job.seeds[0], 0)
            whole = step.with_positions(batch, self.job.position_map, key, train=False)
            static_BLD, h_BLE = self.job.model.apply({'params': params}, whole, method='vectors')
            x_BLE = static_BLD if of == 'words' else h_BLE
            text_BL1 = batch['text_BL'][..., None]
            total_BE = jnp.where(text_BL1, x_BLE.astype(jnp.float32), 0).sum(axis=1)
            return total_BE / jnp.maximum(text_BL1.sum(axis=1), 1)

        return jax.jit(means, static_argnames='of')


_WANTED = dict(
    predict='one that says classes or tags of texts, such as text/classify, text/document or text/tag',
    tag='one that says tags of words, such as text/tag',
    embed='one that reads texts',
)


def load(folder: str | pathlib.Path) -> Pipeline:
    """The run in a folder, with the weights of its newest checkpoint, and with the data that its tokens are from.

    UsageError for what is no folder of a run, or one that another process trains; CheckpointError, AnotherRun and
    DatasetError as training raises them. All are one line.
    """
    folder = pathlib.Path(folder).expanduser()
    if not (folder / 'config.json').is_file():
        raise UsageError(f'pipeline: got {str(folder)!r}, in which there is no config.json of a run')
    config = schema.load(folder / 'config.json')
    # One device is enough, however many it was trained on.
    here = config.copy_and_resolve_references()
    with here.unlocked():
        here.update(parallel='jit', distributed=False, mesh=parallel.ONE_DEVICE)
    with workdir.open_workdir(folder, config, mode='predict'):
        one = job.from_config(here, rows.name_of(folder, folder.name))
        one = dataclasses.replace(one, origin=one.origin | dict(config=json.loads(config.to_json())))
        one.check()
        trained = loop.restore(one, folder, progress.Progress(quiet=True))
    return Pipeline(one.at(trained.step), trained)


def _several(texts: Any) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)
