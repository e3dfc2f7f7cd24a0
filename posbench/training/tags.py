"""Tags of words by a trained tagger, piece by piece; and those that a model is given beside the words it reads."""

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from posbench.devices import parallel
from posbench.knobs import schema
from posbench.knobs.kinds import UsageError
from posbench.tasks import base
from posbench.training import evaluate, init

# Texts that are read at once; one program for all of them.
ROWS = 32


def likeliest(
    task: base.Task, length: int, probabilities: Callable[[base.Batch], Any], texts: Sequence[Sequence[str]]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(places of the likeliest tags, their probabilities) of the words of each text, [N] of its own words.

    A text of more than `length` words is read in pieces of as many, as in training. `probabilities` gives those of
    every tag of a batch, [B, L, C], all of one shape.
    """
    found = [(np.zeros(len(words), np.int32), np.zeros(len(words))) for words in texts]
    pieces = [(text, start) for text, words in enumerate(texts) for start in range(0, len(words), length)]
    for first in range(0, len(pieces), ROWS):
        some = pieces[first : first + ROWS]
        read = [texts[text][start : start + length] for text, start in some]
        likely_BLC = np.asarray(probabilities(task.read_words([*read, *[[]] * (ROWS - len(some))], length)))
        for (text, start), words, likely_LC in zip(some, read, likely_BLC):
            here = slice(start, start + len(words))
            found[text][0][here] = likely_LC[: len(words)].argmax(axis=-1)
            found[text][1][here] = likely_LC[: len(words)].max(axis=-1)
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Tagger:
    """A run of text/tag, with the weights of its first seed."""

    names: tuple[str, ...]  # of the tags
    digest: str  # SHA-256 of its weights
    tags: Callable[[Sequence[Sequence[str]]], list[np.ndarray]]  # places of the tags of each text's words, int32


def read(folder: str | pathlib.Path, build: Callable[[Any, str], Any]) -> Tagger:
    """The tagger of a run's folder; `build` makes the job of a config. ValueError, one line, for what is none."""
    where, folder = f'config.task.tagger: got {str(folder)!r}', pathlib.Path(folder).expanduser()
    try:
        config = schema.load(folder / 'config.json').copy_and_resolve_references()
        given = init.read(folder)
    except (UsageError, init.InitError, OSError) as error:
        raise ValueError(f'{where}, wanted the folder of a trained run of text/tag: {error}') from None
    with config.unlocked():
        config.update(parallel='jit', distributed=False, mesh=parallel.ONE_DEVICE)
    one = build(config, folder.name)
    if one.task.says != 'tags' or not one.task.reads_texts:
        raise ValueError(f'{where}, a run of {one.task_name}, wanted one of text/tag')
    tree = init.merged(one.abstract_state.params, one.abstract_state.frozen)
    params = init.map_by_path(lambda path, leaf: np.asarray(given.leaves[path])[0], tree)
    said = jax.jit(functools.partial(_said, one, one.seeds[0]))

    def tags(texts):
        found = likeliest(one.task, one.schedule.length, functools.partial(said, params), texts)
        return [tags_N for tags_N, _ in found]

    leaves = {path: hashlib.sha256(leaf.tobytes()).hexdigest() for path, leaf in init.by_path(params).items()}
    digest = hashlib.sha256(json.dumps(leaves, sort_keys=True).encode()).hexdigest()
    return Tagger(tuple(one.task.class_names), digest, tags)


def _said(one: Any, seed: int, params: dict, batch: base.Batch) -> jax.Array:
    said, _ = evaluate.outputs(one.model, one.position_map, one.task, params, seed, batch, 0)
    return jax.nn.softmax(said, axis=-1)
