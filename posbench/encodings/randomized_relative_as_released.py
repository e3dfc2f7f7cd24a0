"""Transformer-XL's relative attention at randomized distances, as the code that was released with the paper has it.

Ruoss et al. 2023 (arXiv 2305.16843); `compute_attention_with_noisy_relative_encodings` of
google-deepmind/randomized_positional_encodings. Where the paper draws positions, the code draws distances: the d-th of
L - 1 sorted draws is the distance of all pairs d tokens apart. Its table of sinusoids is one half too short, and JAX
reads the last row past the end, so that a token itself and all later keys share the vector of one place. Each layer
draws for itself there, and there is one draw for all layers here.
"""

from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.encodings import transformer_xl
from posbench.encodings.base import Whole
from posbench.encodings.parts import angles, by_distance, running, spectra
from posbench.knobs import Range


class Encoding(transformer_xl.Encoding):
    """logit = [(q_i + u) · k_j + (q_i + v) · W R_(N - r)] / sqrt(K), N = `max_position`, and r the drawn distance.

    r is the position of the token that is i - j places into the sequence, less that of its first token; a key that does
    not come before the query has r = 1. `positions.name='randomized_distances'` draws as the code does. Memory is
    O(L block) where all rows share their positions; otherwise each block of queries meets every token of its row.
    """

    max_position: Annotated[int, Range(min=1)] = 2048

    # The token i - j places into the sequence is the same wherever positions start.
    reads_order: ClassVar[bool] = True

    def accumulate(self, aux_BM, pos_BM, order):
        first_BM = running.first(order)
        rows = max(pos_BM.shape[0], first_BM.shape[0])
        pos_BM, first_BM = (jnp.broadcast_to(x, (rows, x.shape[1])) for x in (pos_BM, first_BM))
        drawn_BM = pos_BM - jnp.take_along_axis(pos_BM, first_BM, axis=1)
        stored_BM = jnp.broadcast_to(jnp.arange(pos_BM.shape[1], dtype=jnp.int32), pos_BM.shape)
        return {'stored': stored_BM, 'first': first_BM, 'relative_keys': Whole(self._relative_keys(drawn_BM))}

    def _relative_keys(self, drawn):
        """W R_(N - r), float32 [..., H, K]."""
        place, omega_C = self.max_position - drawn, spectra.geometric(self.theta, self.width)
        cos, sin = angles.waves(place[..., None], omega_C)
        sinusoids = jnp.concatenate([sin, cos], axis=-1)
        return jnp.einsum('...D,DHK->...HK', sinusoids, self.projection_DHK)

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        if role == 'key':
            return x_BLHK
        return (x_BLHK.astype(jnp.float32) + self.content_bias_HK).astype(x_BLHK.dtype)

    def score(self, logits_BHLM, block, carry):
        # The queries hold u, and are divided by sqrt(K).
        other_HK = (self.position_bias_HK - self.content_bias_HK) * self.head_width**-0.5
        q_BLHK = block.q_BLHK.astype(jnp.float32) + other_HK
        stored_BL, stored_BM = block.aux_q['stored'], block.aux_k['stored']
        mirrored_BL, keys_BMHK = block.aux_q['first'] + stored_BL, block.aux_k['relative_keys'].tree
        if keys_BMHK.shape[0] == 1:
            earlier_BHLM = _looked_up(q_BLHK, keys_BMHK[0], mirrored_BL, stored_BM)
        else:
            rows = (q_BLHK[:, None], keys_BMHK, mirrored_BL[:, None], stored_BM[:, None])
            earlier_BHLM = jax.vmap(_looked_up)(*rows)[:, 0]
        nearest_BHL = jnp.einsum('BLHK,HK->BHL', q_BLHK, self._relative_keys(jnp.ones((), jnp.int32)))
        is_earlier_BLM = stored_BL[:, :, None] > stored_BM[:, None, :]
        return logits_BHLM + jnp.where(is_earlier_BLM[:, None], earlier_BHLM, nearest_BHL[..., None]), carry


def _looked_up(q_BLHK, keys_MHK, pos_q_BL, pos_k_BM):
    return by_distance.products(
        q_BLHK, keys_MHK, lambda place: jnp.clip(place, 0, len(keys_MHK) - 1), pos_q_BL, pos_k_BM
    )
