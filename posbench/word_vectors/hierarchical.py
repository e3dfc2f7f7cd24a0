"""Hierarchical softmax (Morin and Bengio 2005) on a Huffman tree (Mikolov et al. 2013, arXiv 1310.4546, equation 3).

A word is a path of turns from the root, and its probability the product of theirs. The loss of a pair of a vector x and
a word w is the sum over the inner nodes n of the path of w of -log σ(±x·u_n), + where the code of the word turns by 0.
"""

import heapq

import jax
import jax.numpy as jnp
import numpy as np

from posbench.word_vectors import base, pairs, rows


class Objective(base.Prepared):
    """Paths of V words through V - 1 inner nodes, filled up to the longest, L."""

    node_VL: np.ndarray  # int32, from the root on; 0 where a path has ended
    sign_VL: np.ndarray  # float32: 1 for code 0, -1 for code 1, 0 where a path has ended

    @property
    def outputs(self) -> int:
        """Rows of the output table: an inner node each."""
        return len(self.node_VL) - 1

    def gradients(self, of: pairs.Pairs, output_VD: jax.Array, keys_R: jax.Array) -> pairs.Gradients:
        """Those of the blocks; nothing is drawn."""
        node_BTL, sign_BTL = self.node_VL[of.words_BT], self.sign_VL[of.words_BT]
        nodes_BTLD = rows.gather(output_VD, node_BTL)
        sign = sign_BTL if of.weights.ndim == 2 else sign_BTL[:, None]
        logits = of.logits(nodes_BTLD) * sign
        weights = of.weights[..., None] * jnp.abs(sign)
        down = -weights * jax.nn.sigmoid(-logits) * sign
        loss = of.measured(lambda weights, logits: weights * jax.nn.softplus(-logits), weights, logits)
        return pairs.Gradients(loss, of.to_vectors(down, nodes_BTLD), sparse=[(node_BTL, of.to_rows(down))])


def objective(counts_V: np.ndarray) -> Objective:
    """The Huffman tree of counts; of equal ones, words go before nodes, and both by their numbers."""
    words = len(counts_V)
    heap = [(int(count), i) for i, count in enumerate(counts_V)]
    heapq.heapify(heap)
    parent = np.zeros(2 * words - 1, np.int64)
    turn = np.zeros(2 * words - 1, np.int8)
    for node in range(words, 2 * words - 1):
        (first, a), (second, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a] = parent[b] = node
        turn[b] = 1
        heapq.heappush(heap, (first + second, node))
    root, paths = 2 * words - 2, []
    for word in range(words):
        path, at = [], word
        while at != root:
            path.append((parent[at] - words, 1 - 2 * turn[at]))
            at = parent[at]
        paths.append(path[::-1])
    longest = max(map(len, paths))
    node_VL, sign_VL = np.zeros((words, longest), np.int32), np.zeros((words, longest), np.float32)
    for word, path in enumerate(paths):
        node_VL[word, : len(path)], sign_VL[word, : len(path)] = zip(*path)
    return Objective(node_VL, sign_VL)
