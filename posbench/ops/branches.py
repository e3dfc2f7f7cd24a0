"""One of several functions, chosen as a program runs, whose gradient costs what the chosen one's does.

The gradient of `jax.lax.cond` keeps what any branch would need, as zeros where another one was taken: a branch that
does nothing then writes as much memory as one that works. Here nothing is kept but the arguments, and the backward pass
takes the same branch again. Forward-mode differentiation is not defined.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp


def switch(index: jax.Array, functions: Sequence[Callable], *operands: Any) -> Any:
    """`jax.lax.switch`; what the functions close over gets its gradient too, if it is of real numbers.

    Integers that a function closes over have to be known when it is traced; others are operands.
    """
    converted, constants = zip(*(jax.closure_convert(function, *operands) for function in functions))
    return _switch(converted, index, operands, constants)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _switch(functions, index, operands, constants):
    def branch(number, operands, constants):
        return functions[number](*operands, *constants[number])

    branches = [functools.partial(branch, number) for number in range(len(functions))]
    return jax.lax.switch(index, branches, operands, constants)


def _forward(functions, index, operands, constants):
    return _switch(functions, index, operands, constants), (index, operands, constants)


def _backward(functions, given, d_out):
    index, operands, constants = given
    leaves, tree = jax.tree.flatten((operands, constants))
    real = [jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in leaves]

    def branch(number, leaves, d_out):
        def of_real(moving):
            moving = iter(moving)
            both = [next(moving) if is_real else leaf for is_real, leaf in zip(real, leaves)]
            operands, constants = jax.tree.unflatten(tree, both)
            return functions[number](*operands, *constants[number])

        _, back = jax.vjp(of_real, [leaf for is_real, leaf in zip(real, leaves) if is_real])
        return back(d_out)[0]

    branches = [functools.partial(branch, number) for number in range(len(functions))]
    d_real = iter(jax.lax.switch(index, branches, leaves, d_out))
    d_operands, d_constants = jax.tree.unflatten(tree, [next(d_real) if is_real else None for is_real in real])
    return None, d_operands, d_constants


_switch.defvjp(_forward, _backward)
