"""How layers are run, in blocks, again or scanned, and what parameters they have."""

import jax
import numpy as np

from tests import programs
from tests.encodings import small
from tests.encodings.compare import SAME, refused, same, same_trees
from tests.encodings.contract.checks import check


@check
def blocks_and_rematerialisation_change_neither_values_nor_gradients(encoding):
    whole = small.model(encoding, layers=1)
    blocks = small.model(encoding, layers=1, block_size=5, remat=True)
    arguments = small.params(whole), small.tokens(), small.positions()
    (loss, gradient), (loss_5, gradient_5) = (small.value_and_gradient(m, *arguments) for m in (whole, blocks))
    same(loss_5, loss, 'loss', SAME * 1e-1)
    same_trees(gradient_5, gradient, 'gradient with keys in blocks of 5 and remat')


@check
def every_parameter_gets_a_gradient(encoding):
    model = small.model(encoding, layers=1)
    _, gradient = small.value_and_gradient(model, small.params(model), small.tokens(), small.positions())
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        name = jax.tree_util.keystr(path)
        assert np.isfinite(leaf).all(), f'{name}: the gradient is not finite'
        assert np.abs(leaf).max() > 1e-7, f'{name}: the gradient is zero'


@check
def scanned_layers_equal_separate_ones(encoding):
    separate, scanned = small.model(encoding), small.model(encoding, scan_layers=True)
    tokens, pos = small.tokens(), small.positions()
    stacked = small.stacked(small.params(separate), encoding.period)
    same(small.logits(scanned, tokens, pos, variables=stacked), small.logits(separate, tokens, pos), 'scanned layers')


@check
def rematerialisation_computes_products_again(encoding):
    models = [small.model(encoding, layers=1, remat=remat) for remat in (False, True)]
    traced = jax.make_jaxpr(small.value_and_gradient, static_argnums=0)
    arguments = small.params(models[0]), small.tokens(), small.positions()
    names = [[one.primitive.name for one in programs.equations(traced(model, *arguments).jaxpr)] for model in models]
    once, twice = (of_one.count('dot_general') for of_one in names)
    assert twice > once, f'remat=True: {twice} products of matrices in a step; without it {once}'


@check
def odd_sizes_work_unless_even_ones_are_asked_for(encoding):
    # Widths of model and head: both odd, only the head's.
    for width, heads, fits in (
        (15, 3, not (encoding.even_width or encoding.even_head_width)),
        (20, 4, not encoding.even_head_width),
    ):
        model = small.model(encoding, width=width, heads=heads)
        if fits:
            small.params(model)
        else:
            refused(lambda model=model: small.params(model), f'width {width} with {heads} heads')


@check
def layers_share_parameters_unless_claimed_otherwise(encoding):
    variables = small.params(small.model(encoding))['params']
    shared = jax.tree.leaves(variables.get('position_encoding', {}))
    owned = jax.tree.leaves(variables['block_0'].get('position_encoding', {}))
    assert bool(owned) == encoding.owns_parameters(), f'claims per_layer={encoding.per_layer}'
    if encoding.per_layer and not encoding.parts():
        assert not shared, 'claims per_layer, and yet layers share parameters'
        assert not encoding.has('embed'), 'per_layer: `embed` is never called'
