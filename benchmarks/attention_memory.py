"""Scratch memory of attention, forward and backward, by length: in blocks beside all at once.

    python -m benchmarks.attention_memory [--lengths=1024,2048,4096,8192,16384] [--block_size=512] [ENCODING ...]

Eight heads of 32 channels, batch 1. One encoding of each cost class by default: a rotation (any fused kernel), a bias
of positions, a gate (positions and a number a token), relative keys (a table a query), an ordered scan, and one that
mixes heads. The figures are the compiler's own (`memory_analysis`); nothing is run.
"""

import argparse
import itertools

from posbench import host

host.prepare(1)

import jax  # noqa: E402 (the devices are counted when jax is imported)
import jax.numpy as jnp  # noqa: E402

from posbench import attention, encodings  # noqa: E402

HEADS, HEAD_WIDTH = 8, 32
CLASSES = ('none', 'rotary', 't5_bias', 'fox', 'shaw', 'cope_contextual', 'path', 'dape')


def scratch_bytes(name: str, length: int, block_size: int | None) -> int:
    """Temporary memory of the gradient of one attention layer by queries, keys, values, tokens and parameters."""
    encoding = encodings.build(name).sized(HEADS * HEAD_WIDTH, HEADS)

    def loss(params, q, k, v, x):
        pos, order = jnp.arange(length, dtype=jnp.int32)[None], attention.sequence_order(length)
        bound = encoding.with_params(params)
        aux = bound.accumulate(bound.aux(x, pos), pos, order)
        return attention.attend(
            q, k, v, encoding=bound, pos_q_BL=pos, pos_k_BM=pos, aux_q=aux, aux_k=aux, block_size=block_size
        ).sum()

    heads = jax.ShapeDtypeStruct((1, length, HEADS, HEAD_WIDTH), jnp.float32)
    x = jax.ShapeDtypeStruct((1, length, HEADS * HEAD_WIDTH), jnp.float32)
    params = jax.eval_shape(encoding.init_params, jax.random.key(0))
    program = jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3, 4))).lower(dict(params), heads, heads, heads, x).compile()
    return program.memory_analysis().temp_size_in_bytes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('encodings', nargs='*', default=CLASSES)
    parser.add_argument('--lengths', default='1024,2048,4096,8192,16384')
    parser.add_argument('--block_size', type=int, default=512)
    flags = parser.parse_args()
    lengths = [int(length) for length in flags.lengths.split(',')]
    print(f'MiB of scratch memory, H={HEADS}, K={HEAD_WIDTH}, batch 1; blocks of {flags.block_size}')
    print(f'{"":24}{"":8}' + ''.join(f'{length:>9,}' for length in lengths) + '   largest growth a doubling')
    for name in flags.encodings:
        for title, block_size in (('blocks', flags.block_size), ('dense', None)):
            sizes = [scratch_bytes(name, length, block_size) for length in lengths]
            growth = max(b / a for a, b in itertools.pairwise(sizes))
            print(
                f'{name:24}{title:8}' + ''.join(f'{size / 2**20:9,.0f}' for size in sizes) + f'   {growth:.2f}',
                flush=True,
            )


if __name__ == '__main__':
    main()
