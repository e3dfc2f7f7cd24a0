"""Texts of any length as rows of one length: cut where they are longer, filled up where they are shorter."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from posbench.datasets.tokenizers import Tokenizer
from posbench.tasks import base


def rows(tokens_BN, size_B, before: Sequence[int] = (), after: Sequence[int] = ()) -> base.Batch:
    """inputs_BL and segment_ids_BL, -1 at what fills a row up. NumPy where it is given NumPy, and jax otherwise.

    tokens_BN: the first N tokens of each text, and anything where it has fewer.
    size_B: how many it has, perhaps more than N.
    before, after: what stands around each, so that L = N + len(before) + len(after).
    """
    xp = np if isinstance(tokens_BN, np.ndarray) else jnp
    size_B1 = xp.minimum(size_B, tokens_BN.shape[1])[:, None].astype(xp.int32)
    place_L = xp.arange(len(before) + tokens_BN.shape[1] + len(after), dtype=xp.int32) - len(before)
    inputs_BL = xp.where(place_L < size_B1, xp.pad(tokens_BN, ((0, 0), (len(before), len(after)))), 0)
    for place, token in enumerate(before):
        inputs_BL = xp.where(place_L == place - len(before), token, inputs_BL)
    for place, token in enumerate(after):
        inputs_BL = xp.where(place_L == size_B1 + place, token, inputs_BL)
    segment_ids_BL = xp.where(place_L < size_B1 + len(after), 0, -1)
    return dict(inputs_BL=inputs_BL.astype(xp.int32), segment_ids_BL=segment_ids_BL.astype(xp.int32))


def of_texts(
    texts: Sequence[str], tokenizer: Tokenizer, room: int, before: Sequence[int] = (), after: Sequence[int] = ()
) -> base.Batch:
    """The same of texts, of each the first `room` tokens; and of each how many it has, and how many are unknown.

    size_B and unknown_B, int32; a tokenizer that can write any text knows all. text_BL: where the text itself stands.
    """
    ids = [tokenizer.encode(text) for text in texts]
    return of_ids(ids, getattr(tokenizer, 'unknown', None), room, before, after)


def of_ids(
    encoded: Sequence[np.ndarray],
    unknown: int | None,
    room: int,
    before: Sequence[int] = (),
    after: Sequence[int] = (),
) -> base.Batch:
    """The same of texts that are ids of tokens already, int32."""
    size_B = np.array([len(ids_N) for ids_N in encoded], np.int32)
    unknown_B = np.array([0 if unknown is None else (ids_N == unknown).sum() for ids_N in encoded], np.int32)
    tokens_BN = np.stack([np.pad(ids_N[:room], (0, max(room - len(ids_N), 0))) for ids_N in encoded])
    batch = rows(tokens_BN, size_B, before, after)
    place_L = np.arange(batch['inputs_BL'].shape[1]) - len(before)
    text_BL = (place_L >= 0) & (place_L < np.minimum(size_B, room)[:, None])
    return dict(**batch, text_BL=text_BL, size_B=size_B, unknown_B=unknown_B)
