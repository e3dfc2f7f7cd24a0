"""What the text of a compiled program says: by hand on small texts, and of programs that XLA compiles here."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from posbench.devices import hlo

LOOP = """HloModule jit_f, is_scheduled=true

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[]{:T(128)} parameter(0)
  %y = f32[]{:T(128)} parameter(1)
  ROOT %sum = f32[]{:T(128)} add(%x, %y)
}

%fused (p: bf16[8,128], q: bf16[128,4]) -> bf16[8,4] {
  %p = bf16[8,128]{1,0:T(8,128)(2,1)} parameter(0)
  %q = bf16[128,4]{1,0} parameter(1)
  ROOT %product = bf16[8,4]{1,0:T(8,128)(2,1)S(1)} convolution(%p, %q), dim_labels=bf_io->bf
}

%condition.clone (i: (s32[], f32[8,4])) -> pred[] {
  %limit = s32[]{:T(128)} constant(12), metadata={op_name="jit(f)/while"}
  %i = (s32[]{:T(128)}, f32[8,4]{1,0}) parameter(0)
  %turn = s32[]{:T(128)} get-tuple-element(%i), index=0
  ROOT %lt = pred[]{:T(512)} compare(%turn, %limit), direction=LT
}

%body.clone.sunk (i: (s32[], f32[8,4])) -> (s32[], f32[8,4]) {
  %i.1 = (s32[]{:T(128)}, f32[8,4]{1,0}) parameter(0)
  %a = bf16[8,128]{1,0} get-tuple-element(%i.1), index=1
  %b = bf16[128,4]{1,0} get-tuple-element(%i.1), index=1
  %fusion = bf16[8,4]{1,0:T(8,128)} fusion(%a, %b), calls=%fused, backend_config={"x":{"estimated_cycles":"100"}}
  %all-reduce.1 = (f32[8,4]{1,0}, /*index=1*/f32[2]{0}) all-reduce(%fusion, %fusion), channel_id=1, to_apply=%add
  ROOT %next = (s32[]{:T(128)}, f32[8,4]{1,0}) tuple(%i.1, %i.1)
}

%steps (i: (s32[], s32[])) -> pred[] {
  %i.2 = (s32[], s32[]) parameter(0)
  %now = s32[] get-tuple-element(%i.2), index=0
  %count = s32[] get-tuple-element(%i.2), index=1
  ROOT %more = pred[] compare(%now, %count), direction=LT
}

%step (i: (s32[], s32[])) -> (s32[], s32[]) {
  %i.3 = (s32[], s32[]) parameter(0)
  %inner = (s32[], f32[8,4]) while(%i.3), condition=%condition.clone, body=%body.clone.sunk
  %start = (f32[16]{0}, f32[64]{0}) all-gather-start(%i.3), dimensions={0}
  %done = f32[64]{0} all-gather-done(%start)
  %scattered = f32[16]{0} reduce-scatter(%done), dimensions={0}, to_apply=%add
  ROOT %copied = f32[64]{0} copy(%done), backend_config={"window_config":{"estimated_cycles":"7"}}
}

ENTRY %main (n: s32[]) -> s32[] {
  %n = s32[] parameter(0)
  %whole = (s32[], s32[]) while(%n), condition=%steps, body=%step
  ROOT %said = s32[] get-tuple-element(%whole), index=0
}
"""


def test_a_loop_counts_as_often_as_it_turns_and_one_over_the_steps_of_a_call_once():
    found = hlo.read(LOOP)
    assert found.cycles == 12 * 100 + 7
    assert found.collectives['all-reduce'] == hlo.Collective(12, 12 * (8 * 4 * 4 + 2 * 4))
    # What starts one has what goes in beside what comes out.
    assert found.collectives['all-gather'] == hlo.Collective(1, 64 * 4)
    # A device has sent all parts but its own.
    assert found.collectives['reduce-scatter'] == hlo.Collective(1, 64 * 4)


def test_bytes_are_those_between_memory_and_what_was_fused():
    read_and_written = 2 * (8 * 128 + 128 * 4 + 8 * 4)
    reduced = 8 * 4 * 4 + 2 * 4 + 2 * (2 * 8 * 4)
    compared = 1 + 4 + 4
    turn = read_and_written + reduced + compared
    gathered, scattered, copied = 4 * (16 + 64) + 2 * 4, 4 * (64 + 16), 2 * 4 * 64
    assert hlo.read(LOOP).moved == 12 * turn + gathered + scattered + copied + compared


@pytest.mark.parametrize(
    'shape, size',
    [
        ('f32[2,3]{1,0:T(8,128)}', 24),
        ('(bf16[10]{0}, /*index=1*/pred[3]{0})', 23),
        ('s32[]', 4),
        ('s4[3]{0}', 2),
        ('f8e4m3fn[5]{0}', 5),
        ('c64[2]', 16),
        ('token[]', 0),
        ('u32[0]{0}', 0),
    ],
)
def test_a_shape_has_so_many_bytes(shape, size):
    assert hlo.size(shape) == size


def test_no_cycles_are_none_and_a_text_without_a_beginning_is_refused():
    assert hlo.read('ENTRY %main (n: s32[]) -> s32[] {\n  ROOT %n = s32[] parameter(0)\n}\n') == hlo.Found({}, None, 0)
    with pytest.raises(ValueError, match='without an ENTRY'):
        hlo.read('HloModule f\n')


def test_it_reads_what_xla_writes():
    """Two devices sum their halves in each turn of a loop of five."""
    mesh = jax.make_mesh((2,), ('data',), devices=jax.devices()[:2], axis_types=(jax.sharding.AxisType.Auto,))

    def f(x_BD):
        def turn(x_BD, _):
            return x_BD + jax.lax.psum(x_BD * 2.0, 'data'), None

        return jax.lax.scan(turn, x_BD, None, length=5)[0]

    split = jax.shard_map(f, mesh=mesh, in_specs=P('data'), out_specs=P('data'), check_vma=False)
    x = jax.ShapeDtypeStruct((8, 128), jnp.float32, sharding=NamedSharding(mesh, P('data')))
    found = hlo.read(jax.jit(split).lower(x).compile().as_text())
    assert found.collectives == {'all-reduce': hlo.Collective(5, 5 * 4 * 128 * 4)}
    assert found.cycles is None and found.moved > 0
