"""Which operation made the first NaN of a run: config.debug_nans.

JAX's own search (jax_debug_nans) cannot say. It looks at what a compiled program returns, which here is many steps of
all seeds; then runs it again without jit, on a state whose memory the program was given for good; and takes a loop over
steps for one operation. So a call that went wrong is repeated from a copy of its state: compiled, until it is known
which step was the first, then that one alone, of one seed, operation by operation.

The search goes backwards, from what is no number to the operation of whose operands each is one. What a mask takes out
again, as `where(x > 0, log(x), 0)` does, is not on that way.
"""

import bisect
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from posbench.devices import parallel, rows
from posbench.training import step
from posbench.training.trainable import Trainable

# Paths of code that nobody who reads the line has written.
LIBRARIES = (f'{os.sep}site-packages{os.sep}', f'{os.sep}dist-packages{os.sep}', __file__)


class Origin(NamedTuple):
    """An operation: its name in JAX, the line that asked for it, the modules around that, and if a NaN is what it made.

    Otherwise that is an infinity, whose difference from another one, or product with 0, is a NaN.
    """

    name: str
    place: str
    scope: str
    is_nan: bool

    def __str__(self) -> str:
        inside = f' in {self.scope}' if self.scope else ''
        return f'`{self.name}` at {self.place}{inside} made the first {"NaN" if self.is_nan else "infinity"}'


def copy(state: Any, phase: Trainable) -> step.State:
    """A state on the host, whole: the compiled steps are given the one on the devices for good."""
    return jax.tree.map(np.array, parallel.to_host(parallel.one_copy(state, phase.layout)))


def are_in(tree: Any) -> bool:
    """Whether any number of a tree is none: NaN or infinite."""
    return any(map(_is_wrong, jax.tree.leaves(tree)))


def explain(phase: Trainable, before: step.State, feed: step.Feed, at: int, count: int) -> str:
    """One line on the first NaN, or infinity, of the `count` steps after `before`, which is `copy` of step `at`."""

    def after(steps: int) -> tuple[step.State, dict]:
        state, metrics = phase.compiled_steps(parallel.place_state(before, phase.layout), feed, jnp.int32(steps))
        return copy(state, phase), parallel.numbers(metrics, phase.layout)

    number = bisect.bisect_left(range(1, count), True, key=lambda steps: are_in(after(steps)))
    state, kept = after(number)[0] if number else before, 'the last checkpoint before it is kept.'
    for place, seed in enumerate(phase.seeds):
        found = _of_one_seed(phase, state, feed, number, place)
        if found:
            return f'step {at + number + 1} of seed {seed}: {found[0] or "what it began with was no number"}; {kept}'
    return f'step {at + number + 1}: a NaN that no operation makes, but all of them compiled together; {kept}'


def _of_one_seed(
    phase: Trainable, state: step.State, feed: step.Feed, number: int, place: int
) -> tuple[Origin | None] | None:
    """As `trace_back`, of the step after `state`, which has the number `number` of its call, of one seed."""
    one = slice(place, place + 1)
    state = jax.tree.map(lambda x: x[one], state._replace(frozen=None))._replace(frozen=state.frozen)
    parts_SNB, copies = parallel.rows_on_host(feed.parts_SNB, phase.layout), phase.layout.mode == 'pmap'
    feed = step.Feed(
        jax.tree.map(lambda x: jnp.asarray(np.asarray(x)[0] if copies else np.asarray(x)), feed.task),
        jax.tree.map(lambda x: jnp.asarray(x[one, number : number + 1]), parts_SNB),
    )
    steps = phase.make_steps(1)

    def alone(state):
        after, metrics = steps(state, feed, 1, rows.All())
        # What is computed first comes first.
        return metrics['loss'], metrics, after

    # One device has all rows.
    alone = jax.vmap(alone, in_axes=None, axis_name='data', axis_size=1)
    program, inputs = jax.make_jaxpr(alone)(state), jax.tree.leaves(state)
    return trace_back(program.jaxpr, [*program.consts, *inputs])


def trace_back(jaxpr: core.Jaxpr, inputs: Sequence) -> tuple[Origin | None] | None:
    """The operation that made the first output that is no number; (None,) where an input was none, None where all are.

    `inputs` begin with those of the constants.
    """
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], inputs))
    made = {}

    def value(atom):
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for place, equation in enumerate(jaxpr.eqns):
        results = _apply(equation, [value(atom) for atom in equation.invars])
        for variable, result in zip(equation.outvars, results, strict=True):
            values[variable], made[variable] = result, place
    wrong = next((atom for atom in jaxpr.outvars if _is_wrong(value(atom))), None)
    if wrong is None:
        return None
    while wrong in made:
        equation = jaxpr.eqns[made[wrong]]
        operands = [atom for atom in equation.invars if _is_wrong(value(atom))]
        if not operands:
            return (_inside(equation, [value(atom) for atom in equation.invars]),)
        # A literal is no variable, and what was an input was wrong before all others.
        if any(isinstance(atom, core.Literal) for atom in operands):
            return (_origin(equation, True),)
        wrong = min(operands, key=lambda atom: made.get(atom, -1))
    return (None,)


def _inside(equation: core.JaxprEqn, operands: list) -> Origin:
    """The operation of a program that an equation calls, or the equation where it calls none."""
    for jaxpr, inputs in _programs(equation, operands):
        found = trace_back(jaxpr, inputs)
        if found and found[0]:
            return found[0]
    return _origin(equation, any(_is_wrong(result, np.isnan) for result in _apply(equation, operands)))


def _programs(equation: core.JaxprEqn, operands: list) -> Iterator[tuple[core.Jaxpr, list]]:
    """The programs that an equation runs, in their order, with what each is given."""
    of = equation.params
    match equation.primitive.name:
        case 'scan':
            constants, rest = operands[: of['num_consts']], operands[of['num_consts'] :]
            carry, rows = rest[: of['num_carry']], rest[of['num_carry'] :]
            order = range(of['length'])
            for number in reversed(order) if of['reverse'] else order:
                inputs = [*constants, *carry, *(row[number] for row in rows)]
                yield _open(of['jaxpr'], inputs)
                carry = core.jaxpr_as_fun(of['jaxpr'])(*inputs)[: len(carry)]
        case 'while':
            of_cond, of_body = of['cond_nconsts'], of['body_nconsts']
            condition, body = operands[:of_cond], operands[of_cond : of_cond + of_body]
            carry = operands[of_cond + of_body :]
            while core.jaxpr_as_fun(of['cond_jaxpr'])(*condition, *carry)[0]:
                yield _open(of['body_jaxpr'], [*body, *carry])
                carry = core.jaxpr_as_fun(of['body_jaxpr'])(*body, *carry)
        case 'cond':
            yield _open(of['branches'][int(operands[0])], operands[1:])
        case _:
            for name in ('jaxpr', 'call_jaxpr'):
                if name in of and len(_open(of[name], [])[0].invars) == len(operands):
                    yield _open(of[name], operands)


def _open(jaxpr: core.Jaxpr | core.ClosedJaxpr, inputs: list) -> tuple[core.Jaxpr, list]:
    """A program and its inputs, its constants among them."""
    return (jaxpr.jaxpr, [*jaxpr.consts, *inputs]) if isinstance(jaxpr, core.ClosedJaxpr) else (jaxpr, inputs)


def _apply(equation: core.JaxprEqn, operands: list) -> list:
    with equation.ctx.manager:
        results = equation.primitive.bind(*operands, **equation.primitive.get_bind_params(equation.params))
    return results if equation.primitive.multiple_results else [results]


def _is_wrong(value: Any, kind: Callable = lambda x: ~np.isfinite(x)) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jnp.inexact) and bool(kind(np.asarray(value)).any())


def _origin(equation: core.JaxprEqn, is_nan: bool) -> Origin:
    frames = [] if equation.source_info.traceback is None else equation.source_info.traceback.frames
    own = [frame for frame in frames if not any(part in frame.file_name for part in LIBRARIES)]
    place = next((f'{frame.file_name}:{frame.line_num}' for frame in own or frames), 'an unknown place')
    stack = str(equation.source_info.name_stack)
    scope = re.sub(r'\w+\(|\)', '', stack).strip('/')
    scope = f'the gradient of {scope}' if 'transpose(' in stack else scope
    return Origin(equation.primitive.name, place, scope, is_nan)
