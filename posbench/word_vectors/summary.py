"""What a page shows of word vectors: who is near to whom, and a map. The same vectors, the same numbers; NumPy only."""

from typing import Any

import numpy as np

# Words whose neighbours are shown, from so frequent a one to so rare a one: before come the words of grammar.
SHOWN, FIRST, LAST = 12, 100, 2000


def chosen(words: int) -> list[int]:
    """Numbers of the words whose neighbours are shown, spread evenly over ranks on a logarithmic scale: by rank alone,
    so that nobody has picked those that look good.
    """
    first, last = min(FIRST, words // 4), min(LAST, words - 1)
    return np.unique(np.geomspace(first + 1, last + 1, SHOWN).round().astype(int) - 1).tolist()


def neighbours(vectors: Any, counts_V: np.ndarray, n: int) -> list[dict[str, Any]]:
    """The `n` nearest words, by cosine, of the chosen ones. `vectors` is a WordVectors in the order of `counts_V`."""
    found = []
    for place in chosen(len(vectors)):
        word = vectors.words[place]
        near = [[other, round(float(cosine), 4)] for other, cosine in vectors.most_similar([word], n=n)]
        found.append(dict(word=word, count=int(counts_V[place]), rank=place + 1, near=near))
    return found


def plane(vectors_VD: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Points [V, 2] of vectors in the plane in which they vary most, and the shares of the variance along its axes.

    Principal components of the directions: vectors of length 1, less their mean. Of the two ends of an axis the
    positive one is that of the largest component, so that no machine mirrors the map.
    """
    lengths_V = np.linalg.norm(vectors_VD, axis=1, keepdims=True)
    unit_VD = (vectors_VD / np.maximum(lengths_V, np.finfo(np.float32).tiny)).astype(np.float64)
    centred_VD = unit_VD - unit_VD.mean(0)
    _, lengths, axes_KD = np.linalg.svd(centred_VD, full_matrices=False)
    axes_KD = axes_KD[:2]
    largest_K = np.abs(axes_KD).argmax(1)
    axes_KD = axes_KD * np.sign(axes_KD[np.arange(len(axes_KD)), largest_K])[:, None]
    points = np.zeros((len(vectors_VD), 2))
    points[:, : len(axes_KD)] = centred_VD @ axes_KD.T
    total = max(float((lengths**2).sum()), np.finfo(float).tiny)
    return points, [float(length**2 / total) for length in lengths[:2]]
