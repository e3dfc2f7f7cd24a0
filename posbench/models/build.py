"""A model built from its parts, of a config or by hand.

model = build.language_model(encoding, vocabulary=1000, layers=2, width=64, heads=4, hidden=256)
variables = model.init(rng, tokens_BL, pos_BL)
logits_BLV = model.apply(variables, tokens_BL, pos_BL)
"""

from typing import Any

import jax.numpy as jnp

from posbench import bodies, encodings, heads, inputs
from posbench.bodies import base as body_base
from posbench.encodings import base
from posbench.heads import base as head_base
from posbench.heads import tied
from posbench.inputs import base as input_base
from posbench.inputs import tokens
from posbench.models.model import Model


def language_model(
    encoding: base.PositionEncoding, *, vocabulary: int, name: str = 'decoder', tie: bool = True, **fields
) -> Model:
    """Token vectors, a body, and logits (`tie`: from the token vectors); `fields` are the body's (bodies/<name>.py)."""
    body = bodies.build(name, encoding=encoding, **fields)
    return assemble(input_layer=tokens.Input(), body=body, head=tied.Head(tie=tie), vocabulary=vocabulary)


def from_config(config, task: Any, *, platform: str | None = None, source: tokens.Source | None = None) -> Model:
    """The model of a config for a task, of which it reads `vocabulary`, `classes` and `features`.

    source: what is known of the vectors of `config.input.file`. Raises ValueError as `assemble` does.
    """
    body = bodies.build(
        **config.model, encoding=encodings.build(**config.encoding), dtype=jnp.dtype(config.dtype), platform=platform
    )
    parts = dict(input_layer=inputs.build(**config.input), head=heads.build(**config.head))
    parts['input_layer'] = parts['input_layer'].clone(source=source)
    counts = dict(vocabulary=task.vocabulary, classes=task.classes, features=task.features)
    return assemble(**parts, body=body, **counts)


def assemble(
    *,
    input_layer: input_base.Input,
    body: body_base.Body,
    head: head_base.Head,
    vocabulary: int | None,
    classes: int | None = None,
    features: int | None = None,
) -> Model:
    """The model of these parts, which get the body's width, dtype and style, and what the task has how many of.

    Raises ValueError, one line, where they do not go together.
    """
    for refused, got, wanted in (
        (input_layer.reads == 'tokens' and not vocabulary, 'an input layer that reads tokens', 'a vocabulary'),
        (head.says == 'tokens' and not vocabulary, 'a head that says tokens', 'a vocabulary'),
        (head.says in ('classes', 'tags') and not classes, f'a head that says {head.says}', 'their number'),
        (head.wants_tokens and input_layer.reads != 'tokens', 'a head tied to token vectors', 'an input of tokens'),
        (head.wants_tokens and body.says_width != body.width, 'a head tied to token vectors', 'a body of their width'),
        # Of a decoder the first token hears no other one.
        (head.wants_first and body.causal, 'a head that reads [CLS] and a decoder', 'an encoder'),
        (head.wants_last and not body.directions, "pool='last' and an encoder", 'a body that reads token by token'),
    ):
        if refused:
            raise ValueError(f'Model: got {got}, wanted {wanted}.')
    common = dict(vocabulary=vocabulary, width=body.width, dtype=body.dtype, style=body.style)
    head = head.clone(**common, classes=classes, directions=body.directions)
    input_layer = input_layer.clone(**common, first=head.wants_first, feature_count=features)
    return Model(input_layer, body.clone(embedded=input_layer.combination().embedded), head)
