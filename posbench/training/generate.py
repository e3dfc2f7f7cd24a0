"""Text from a trained decoder, token by token, with a cache of keys and values.

A model says of each token what it says when it reads all tokens so far at once. Not so past the `original_length` of an
encoding that claims `depends_on_length`: from the second layer on, the cache holds keys and values that lower layers
made when the text was shorter, and another spectrum was in use.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from posbench import positions, streams
from posbench.models.model import Model
from posbench.positions import documents


def prompts_as_batch(prompts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and segment ids, int32 [B, L], of prompts of different lengths, padded on the left (segment -1)."""
    length = max(len(prompt) for prompt in prompts)
    tokens_BL = np.zeros((len(prompts), length), np.int32)
    segment_ids_BL = np.full((len(prompts), length), -1, np.int32)
    for row, prompt in enumerate(prompts):
        tokens_BL[row, length - len(prompt) :] = prompt
        segment_ids_BL[row, length - len(prompt) :] = 0
    return tokens_BL, segment_ids_BL


def generate(
    model: Model,
    params: dict,
    position_map: positions.PositionMap,
    prompts: list[np.ndarray],
    *,
    tokens: int,
    temperature: float,
    seed: int = 0,
    boundary: int | None = None,
) -> np.ndarray:
    """New tokens, int32 [B, tokens], of prompts that each have at least one token.

    Positions are drawn once for the whole final length, so that those of the prompt never change. `temperature` 0
    takes the likeliest token. After a token `boundary` (`Task.boundary`) attention and positions begin anew, as they
    did in training. Raises ValueError for no prompt, an empty one, an encoder, and where the model says no numbers,
    such as past the table of its encoding.
    """
    if not model.body.causal or model.body.reads_source:
        raise ValueError('generate: got a model that does not say the next token of one sequence, wanted a decoder.')
    if not prompts or any(len(prompt) == 0 for prompt in prompts):
        raise ValueError('generate: got no prompt or an empty one, wanted at least one token in each.')
    tokens_BL, segment_ids_BL = prompts_as_batch(prompts)
    run = _generate(model, position_map, tokens, boundary)
    said_BN, is_bad_N = run(params, tokens_BL, segment_ids_BL, jnp.float32(temperature), jnp.int32(seed))
    if (is_bad_N := np.asarray(is_bad_N)).any():
        read = tokens_BL.shape[1] + int(is_bad_N.argmax())
        raise ValueError(
            f'generate: got a prompt of {tokens_BL.shape[1]} tokens and {tokens} new ones, wanted fewer than {read} to '
            'be read, because from there on the model says no numbers: past the table of its encoding there is nothing'
        )
    return np.asarray(said_BN)


@functools.lru_cache(maxsize=8)
def _generate(model, position_map, tokens: int, boundary: int | None):
    """The compiled program: the whole prompt at once, then a scan over new tokens."""

    def run(params, tokens_BL, segment_ids_BL, temperature, seed):
        batch, length = tokens_BL.shape
        total = length + tokens
        padding_B = (segment_ids_BL < 0).sum(axis=1)
        index_BN = jnp.broadcast_to(jnp.arange(total), (batch, total))

        def aligned(x_BN):
            """A row starts at its first real token, wherever the padding puts it."""
            return jnp.take_along_axis(x_BN, jnp.minimum(index_BN + padding_B[:, None], total - 1), axis=1)

        def segments_of(buffer_BN):
            """Of all tokens of the final length; None where all are of one document."""
            return None if boundary is None else documents.numbered(buffer_BN, boundary)

        def positions_of(buffer_BN):
            """Of all tokens of the final length."""
            key, segment_BN = streams.key(seed, 'positions'), segments_of(aligned(buffer_BN))
            if position_map.needs_segments and (batch > 1 or boundary is not None):
                # A row that others are longer than is not as long as they are.
                one_BN = 0 if segment_BN is None else segment_BN
                segment_BN = jnp.where(index_BN < total - padding_B[:, None], one_BN, -1)
            given = dict(tokens_BL=aligned(buffer_BN), segment_ids_BL=segment_BN)
            drawn_BN = position_map(key, batch, total, train=False, **given)
            place_BN = jnp.maximum(index_BN - padding_B[:, None], 0)
            return jax.tree.map(lambda x_BN: documents.taken(x_BN, place_BN), drawn_BN)

        def choose(logits_BV, number):
            key = streams.key(seed, 'generation', number)
            drawn_B = jax.random.categorical(key, logits_BV / jnp.maximum(temperature, 1e-6))
            return jnp.where(temperature > 0, drawn_B, logits_BV.argmax(axis=-1)).astype(jnp.int32)

        buffer_BN = jnp.pad(tokens_BL, ((0, 0), (0, tokens)))
        pos_BN = positions_of(buffer_BN)
        cache = model.empty_cache(batch, total, pos_BN)
        pos_BL = jax.tree.map(lambda x_BN: x_BN[:, :length], pos_BN)
        if boundary is not None:
            segment_ids_BL = jnp.where(segment_ids_BL < 0, -1, segments_of(tokens_BL))
        logits_BLV, cache = model.apply({'params': params}, tokens_BL, pos_BL, segment_ids_BL, cache=cache)
        first_B, is_bad = choose(logits_BLV[:, -1], 0), jnp.isnan(logits_BLV[:, -1]).any()

        def one_token(carry, number):
            token_B, is_bad, cache, buffer_BN = carry
            at = cache.length

            def here(x_BN):
                return jax.lax.dynamic_slice_in_dim(x_BN, at, 1, axis=1)

            buffer_BN = jax.lax.dynamic_update_slice_in_dim(buffer_BN, token_B[:, None], at, axis=1)
            # Drawn once for the final length; only what depends on the tokens has to be looked at again.
            now_BN = pos_BN if boundary is None and not position_map.needs_tokens else positions_of(buffer_BN)
            segment_B1 = None if boundary is None else here(segments_of(buffer_BN))
            logits_BLV, cache = model.apply(
                {'params': params}, token_B[:, None], jax.tree.map(here, now_BN), segment_B1, cache=cache
            )
            following = choose(logits_BLV[:, -1], number), jnp.isnan(logits_BLV).any()
            return (*following, cache, buffer_BN), (token_B, is_bad)

        _, (tokens_NB, is_bad_N) = jax.lax.scan(one_token, (first_B, is_bad, cache, buffer_BN), 1 + jnp.arange(tokens))
        return tokens_NB.T, is_bad_N

    return jax.jit(run)
