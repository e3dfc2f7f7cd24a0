"""The interface of a position encoding, and the dimension key of the whole package.

B batch · L query length · M key length · D model width · H heads · K head width (D/H) · F hidden width of the
feed-forward layer · V vocabulary · R rows of a table · C frequencies · A axes of a position · S seeds · N anything
that is counted

An encoding is one linen module whose hooks default to the identity; it implements those that it needs. In one layer
they are called in this order:

    enter        the residual stream, with the tokens before it             convolutions, vectors of positions a layer
    aux          what attention should know of the content of each token    gates, phases: cached like keys and values
    accumulate   the same from all tokens so far                            running sums, short convolutions
    rotate       queries and keys                                           rotations, scales
    product      query times key of one block of keys                       where it is more than a dot product
    bias         an additive term of positions alone                        most relative biases
    score        the logits by content and positions                        relative keys, gates, mixing of heads
    value        what the weights add to the output                         relative values
    sink         a logit of no key                                          what takes a share and gives nothing
    finish       the output, when all keys were seen                        what is left of a stick

and `embed` once, below the first layer. Positions are int32 arguments (float32 from a continuous map), `pos_BL`, with
a leading 1 where all rows of a batch share them. Encodings of several axes read `pos_BLA`, or a tuple of as many
`pos_BL` where rows share some coordinates alone; `axis` takes both. Angles, biases, gates and scores are float32
whatever the activations are, because bfloat16 cannot tell position 256 from 257.
"""

from typing import Any, ClassVar, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench import knobs
from posbench.encodings.parts import declaration, uncut
from posbench.encodings.parts.declaration import Largest, Normaliser, OfAll, OfAny, hook
from posbench.ops import products

Role = Literal['query', 'key']
# A part of what `accumulate` gives that is not cut into blocks, and what goes around such parts.
Whole, per_token, with_whole = uncut.Whole, uncut.per_token, uncut.with_whole

# The type of an option that is an encoding itself: a name, or dict(name=..., its options), until it is built.
Nested = knobs.Nested


class Order(NamedTuple):
    """What comes before what: token order and segments, never position ids.

    A token attends within its own segment; a negative segment is padding, which no token attends to. Causal attention
    compares `index`, the place of a token in its sequence (or in the cache).
    """

    index_BL: jax.Array
    segment_BL: jax.Array | None = None


class Block(NamedTuple):
    """What `product`, `score` and `value` may look at: a block of keys, and a block of queries.

    `q_BLHK` is rotated and already divided by sqrt(K), so that a term q·a comes out on the scale of the logits.
    `aux_q` and `aux_k` are what `accumulate` gave, cut to these queries and keys; `allowed_BLM` is the mask, True
    where a query attends to a key, with a leading 1 where all rows share it, None where nothing is masked.
    """

    q_BLHK: jax.Array
    k_BMHK: jax.Array
    pos_q_BL: jax.Array
    pos_k_BM: jax.Array
    aux_q: Any = None
    aux_k: Any = None
    allowed_BLM: jax.Array | None = None


class PositionEncoding(nn.Module):
    """Base of all encodings: hooks that do nothing, and the claims that the contract suite holds an encoding to.

    The type of a claim, and what `hook` is given, say what several encodings make of it: see parts/declaration.py. The
    three dimensions are set by the model; every other field of a subclass is an option of `config.encoding`.
    """

    width: int | None = None
    heads: int | None = None
    head_width: int | None = None

    # Adding one number to all positions changes no output.
    shift_invariant: ClassVar[OfAll] = True
    # Tells tokens apart only through the causal mask.
    causal_only: ClassVar[OfAll] = False
    # Position ids reach the output. Otherwise order is read from the tokens in between, or not at all.
    reads_positions: ClassVar[OfAny] = True
    # Which token is stored before which reaches the output, whatever the position ids are.
    reads_order: ClassVar[OfAny] = False
    # Reads what lies between query and key, so that it has no meaning in an encoder.
    needs_causal: ClassVar[OfAny] = False
    # More tokens change the logits of earlier ones, or what `rotate` makes of them: a spectrum is chosen by the length.
    depends_on_length: ClassVar[OfAny] = False
    # With all tokens at one position and all parameters 0, attention is what it is without an encoding.
    neutral_at_zero: ClassVar[OfAll] = True
    # What `embed` does is to add a vector of the position, the same one whatever the token vector is.
    embed_adds: ClassVar[OfAll] = True
    # Each layer owns a copy of the parameters; otherwise all layers share one. Has no `embed`.
    per_layer: ClassVar[bool] = False
    # Rotations work on pairs of channels of a head, sinusoids on pairs of channels of the model.
    even_head_width: ClassVar[OfAny] = False
    even_width: ClassVar[OfAny] = False
    # Coordinates of a position that it reads; more than one: positions are pos_BLA, or a tuple of pos_BL.
    axes: ClassVar[Largest] = 1
    # Keys beside a block, on either side, that `score` has to see.
    halo: ClassVar[Largest] = 0
    # softmax | exp: the weights are exp(logits), with a sum of at most 1 that `score` sees to.
    normaliser: ClassVar[Normaliser] = 'softmax'

    @hook('in turn')
    def embed(self, x_BLD: jax.Array, pos_BL: jax.Array) -> jax.Array:
        """Combines token vectors with positions, once, below the first layer."""
        return x_BLD

    @hook('one')
    def enter(
        self, h_BLD: jax.Array, h_BMD: jax.Array, pos_BL: jax.Array, order_q: Order, order_k: Order, layer: jax.Array
    ) -> jax.Array:
        """Changes the residual stream where it enters layer number `layer`; `h_BMD` has all tokens so far."""
        return h_BLD

    @hook('both')
    def aux(self, x_BLD: jax.Array, pos_BL: jax.Array) -> Any:
        """What attention should know of the content of each token: a tree of [B, L, ...], from a layer's input.

        It is cached, so each token's part may depend on that token alone.
        """
        return None

    @hook('both')
    def accumulate(self, aux_BM: Any, pos_BM: jax.Array, order: Order) -> Any:
        """Of all tokens so far: a tree of [B, M, ...] or [1, M, ...] in which a token knows those before it.

        A part that every block should see uncut is wrapped in `Whole`.
        """
        return aux_BM

    @hook('in turn')
    def rotate(self, x_BLHK: jax.Array, pos_BL: jax.Array, role: Role, aux: Any = None) -> jax.Array:
        """Maps queries or keys before their product. The result may be wider than K, the same for both roles.

        With one coordinate a token it goes by `pos_BL`, which need not be what `accumulate` was given: a remap asks
        for other places.
        """
        return x_BLHK

    @hook('both', for_others=True)
    def first_carry(self, q_BLHK: jax.Array) -> Any:
        """What each query carries from one block of keys to the next one, which holds earlier keys."""
        return None

    @hook('one', on_attention=True, carries=True)
    def product(self, block: Block, carry: Any) -> tuple[jax.Array, Any]:
        """Query times key, float32 [B, H, L, M], and the carry for the next block."""
        return products.scores(block.q_BLHK, block.k_BMHK), carry

    @hook(jnp.add, on_attention=True)
    def bias(self, pos_q_BL: jax.Array, pos_k_BM: jax.Array) -> jax.Array | None:
        """An additive term of positions alone, float32 [B, H, L, M], added after the 1/sqrt(K) scale."""
        return None

    @hook('in turn', on_attention=True, carries=True)
    def score(self, logits_BHLM: jax.Array, block: Block, carry: Any) -> tuple[jax.Array, Any]:
        """Changes the logits of one block by content and positions, after scale and bias; and the carry."""
        return logits_BHLM, carry

    @hook(jnp.add, on_attention=True)
    def value(self, weights_BHLM: jax.Array, block: Block) -> jax.Array | None:
        """What the weights of one block, not yet divided by their sum, add to the output: float32 [B, L, H, K]."""
        return None

    # Two of them take the share of one with the sum of their exponentials.
    @hook(jnp.logaddexp, on_attention=True)
    def sink(self) -> jax.Array | None:
        """A logit of no key, float32 [H]: it takes its share of the softmax and adds nothing to the output."""
        return None

    @hook('in turn', on_attention=True)
    def finish(self, out_BLHK: jax.Array, v_BLHK: jax.Array, carry: Any) -> jax.Array:
        """Changes the output, float32, when all keys were seen; `v_BLHK` are the values of the queries' own tokens."""
        return out_BLHK

    def declare(self) -> None:
        """Linen runs `setup` first: the way to the parameters of any encoding. What has submodules calls them here."""
        for part in self.parts().values():
            part.declare()

    # What follows is not wrapped by linen, which would create the parameters in the scope of whoever calls.
    @nn.nowrap
    def parts(self) -> dict[str, 'PositionEncoding']:
        """The encodings that this one is made of, by the name of the option."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ('parent', 'name')}
        return {name: value for name, value in named.items() if isinstance(value, PositionEncoding)}

    @nn.nowrap
    def sized(
        self, width: int, heads: int, head_width: int | None = None, embedded: int | None = None
    ) -> 'PositionEncoding':
        """This encoding, and the parts of it, with the dimensions of a model; a head has width / heads by default.

        embedded: the channels of what `embed` is given, where these are not all. ValueError for an encoding that needs
        all of them elsewhere.
        """
        head_width = width // heads if head_width is None else head_width
        parts = {name: part.sized(width, heads, head_width, embedded) for name, part in self.parts().items()}
        if embedded is not None and self.has('embed'):
            if not parts and (self.has('enter') or self.has('aux')):
                raise ValueError(
                    f'config.encoding: got {type(self).__module__.rpartition(".")[2]!r}, which reads vectors in every '
                    'layer too, wanted one that adds its vectors below the first layer alone, in channels of their own'
                )
            width = embedded
        return self.clone(parent=None, width=width, heads=heads, head_width=head_width, **parts)

    @nn.nowrap
    def adds_vectors(self) -> bool:
        """Whether there are vectors of positions that it adds to those of tokens."""
        return self.has('embed') and self.embed_adds

    @nn.nowrap
    def added(self, pos: Any) -> jax.Array:
        """The vectors of positions that `embed` adds to those of tokens, float32 [B or 1, L, D]."""
        return self.embed(jnp.zeros((*shape_of(pos), self.width), jnp.float32), pos)

    @nn.nowrap
    def has(self, hook: str) -> bool:
        """Whether this encoding, or a part of it, implements a hook."""
        own = getattr(type(self), hook) is not getattr(PositionEncoding, hook)
        parts = self.parts().values()
        return any(part.has(hook) for part in parts) or (own and not parts)

    @nn.nowrap
    def owns_parameters(self) -> bool:
        """Whether each layer has parameters of its own."""
        return self.per_layer or any(part.owns_parameters() for part in self.parts().values())

    @nn.nowrap
    def shares_parameters(self) -> bool:
        """Whether there may be parameters that all layers share; asked when the dimensions are known."""
        if not (self.per_layer and self.parts()):
            return not self.per_layer
        return bool(self.split(jax.eval_shape(self.init_params, jax.random.key(0)))[0])

    @property
    def period(self) -> int:
        """Layers after which the kinds of layers repeat; see `at`."""
        return 1

    @nn.nowrap
    def at(self, layer: int) -> tuple['PositionEncoding', str | None]:
        """The encoding of a layer, and the name of the part that it is; None where it is the whole."""
        return self, None

    @nn.nowrap
    def bound_at(self, layer: int, shared: dict, own: dict) -> 'PositionEncoding':
        """The encoding of a layer, bound to what is its own among the shared parameters, and to the layer's own."""
        part, name = self.at(layer)
        return part.with_params(shared.get(name, {}) if name else shared, own)

    @nn.nowrap
    def check_positions(self, pos: Any) -> None:
        """ValueError where this encoding, or a part of it, reads a position as one number and `pos` has several."""
        parts = self.parts().values()
        for part in parts:
            part.check_positions(pos)
        if not parts and self.axes == 1 and self.reads_positions and coordinates(pos) > 1:
            raise ValueError(
                f'positions: got {coordinates(pos)} coordinates a token, wanted one, which is all that an encoding of '
                "config.encoding reads; put 'on_axis' around it, or choose another config.positions.name."
            )

    @nn.nowrap
    def init_params(self, rng: jax.Array) -> dict:
        """The encoding's own parameters; an empty dict where it has none."""
        return self.clone(parent=None).init(rng, method='declare').get('params', {})

    @nn.nowrap
    def split(self, params: dict) -> tuple[dict, dict]:
        """Parameters that all layers share, and those of which each layer has its own."""
        shared, own = {}, {}
        parts = self.parts()
        for name, value in params.items():
            if name in parts:
                for half, tree in zip((shared, own), parts[name].split(value)):
                    if tree:
                        half[name] = tree
            else:
                (own if self.per_layer else shared)[name] = value
        return shared, own

    @nn.nowrap
    def with_params(self, *params: dict) -> 'PositionEncoding':
        """This encoding with its parameters bound, so that its hooks can be called; several trees are merged."""
        merged = {}
        for tree in params:
            merged = _merge(merged, tree)
        return self.clone(parent=None).bind({'params': merged})


# By name: every hook, in the order of a layer, and every claim with the function that makes one of several.
HOOKS = declaration.hooks(PositionEncoding)
CLAIMS = declaration.claims(PositionEncoding)


def _merge(a: dict, b: dict) -> dict:
    both = {name: _merge(a[name], b[name]) for name in a if name in b}
    return {**a, **b, **both}


def axis(pos: jax.Array | tuple[jax.Array, ...], number: int, axes: int = 1) -> jax.Array:
    """Coordinate `number` of positions, [B or 1, L]. ValueError where they have fewer than `axes`."""
    got = coordinates(pos)
    if got < axes:
        raise ValueError(
            f'positions: got {got} coordinates a token, wanted at least {axes}; config.positions.name has to be a map '
            'that gives so many'
        )
    if isinstance(pos, tuple):
        return pos[number]
    return pos[..., number] if pos.ndim == 3 else pos


def all_axes(pos: jax.Array | tuple[jax.Array, ...], axes: int) -> tuple[jax.Array, ...]:
    """Coordinates 0 to `axes` - 1 of positions, each [B or 1, L]. ValueError where they have fewer."""
    return tuple(jnp.broadcast_arrays(*(axis(pos, number, axes) for number in range(axes))))


def coordinates(pos: jax.Array | tuple[jax.Array, ...]) -> int:
    """How many coordinates a position has."""
    if isinstance(pos, tuple):
        return len(pos)
    return pos.shape[2] if pos.ndim == 3 else 1


def shape_of(like: jax.Array | tuple[jax.Array, ...]) -> tuple[int, int]:
    """(B, L) of positions; B is 1 where all rows share every coordinate."""
    return jnp.broadcast_shapes(*(part.shape[:2] for part in jax.tree.leaves(like)))


def whole(pos: jax.Array) -> jax.Array:
    """Positions as they are, for a table that is looked up by them. ValueError where they are no whole numbers."""
    if not jnp.issubdtype(pos.dtype, jnp.integer):
        raise ValueError(
            f'positions: got {pos.dtype}, wanted whole numbers, because the encoding looks them up in a table; '
            'config.positions.name has to be a map that gives such'
        )
    return pos
