"""What is said of a program that is compiled and never run."""

import jax
import jax.numpy as jnp
import pytest

from posbench.devices import hlo, programs, topology

V5E = topology.GENERATIONS['v5e'].chip
HERE = topology.Machine(topology.HERE, jax.devices()[:1], 2**30, None)


def raising(words):
    class Function:
        def trace(self, x):
            return jax.jit(jnp.sin).trace(x)

        def lower(self, x):
            raise jax.errors.JaxRuntimeError(words)

    return programs.Program('training', Function(), (jax.ShapeDtypeStruct((3,), jnp.float32),))


@pytest.mark.parametrize(
    'words, asked',
    [
        ('RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required for HLO temporaries (19.80G) exceeds '
         'available HBM (15.75G).\nmore', int(19.8 * 2**30)),
        ('RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Used 17.25G of 15.75G hbm.', int(17.25 * 2**30)),
        ('RESOURCE_EXHAUSTED: no number', None),
    ],
)  # fmt: skip
def test_a_compiler_that_gives_up_for_want_of_memory_is_a_program_that_does_not_fit(words, asked):
    cost = programs.cost(raising(words), HERE, 1)
    assert (cost.memory, cost.fits(HERE), cost.refusal) == (asked, False, words.partition('\n')[0].rstrip('.'))
    assert programs.show(cost, HERE) == f'does not fit: {cost.refusal}'


def test_any_other_refusal_is_an_error():
    with pytest.raises(jax.errors.JaxRuntimeError):
        programs.cost(raising('INTERNAL: broken'), HERE, 1)


def test_seconds_are_the_compilers_cycles_or_a_roofline_and_the_exchange_beside_them():
    exchanged = {'all-reduce': hlo.Collective(3, 10**9), 'all-gather': hlo.Collective(1, 10**9)}
    pod = HERE._replace(chip=V5E)
    # A sum is sent twice, once to be made and once to be handed round.
    exchange = 3e9 / 2e11
    seconds, between, by = programs._seconds(hlo.Found(exchanged, 3_000_000, 5), 1e9, pod, 4)
    assert seconds == pytest.approx(3e6 / 1.5e9 + exchange) and between == pytest.approx(exchange)
    assert by == "libtpu's estimated cycles at 1.5 GHz"
    seconds, _, by = programs._seconds(hlo.Found(exchanged, None, 5), 197e12, pod, 4)
    assert seconds == pytest.approx(1.0 + exchange) and by == 'a roofline of 197 TFLOP/s and 819 GB/s'
    seconds, between, _ = programs._seconds(hlo.Found({}, None, int(819e9)), 1.0, pod, 1)
    assert (seconds, between) == (pytest.approx(1.0), 0.0)
    assert programs._seconds(hlo.Found({}, 5, 5), 1.0, HERE, 1)[0] is None


def test_memory_is_arguments_temporaries_and_outputs_without_room_of_their_own():
    x = jax.ShapeDtypeStruct((1000,), jnp.float32)
    plain = programs.Program('plain', jax.jit(lambda x: x + 1.0), (x,))
    donated = programs.Program('donated', jax.jit(lambda x: x + 1.0, donate_argnums=0), (x,))
    parts = [programs.cost(one, HERE, 1).parts for one in (plain, donated)]
    assert [(one['arguments'], one['outputs']) for one in parts] == [(4000, 4000), (4000, 0)]
    assert 'arguments 3.91 KiB, outputs 3.91 KiB' in programs.show(programs.cost(plain, HERE, 1), HERE)
    small = HERE._replace(limit=5000)
    assert programs.show(programs.cost(plain, small, 1), small).startswith(
        'does not fit: 7.81 KiB of 4.88 KiB a device'
    )
