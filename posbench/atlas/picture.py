"""What an encoding looks like: encoding.json, from its hooks and trained parameters. A report draws it."""

import json
import pathlib

import jax

from posbench.atlas import views
from posbench.bodies.base import Body
from posbench.devices import parallel
from posbench.encodings import base
from posbench.files import write_atomically
from posbench.models.transformer import Transformer
from posbench.training import init
from posbench.training.job import Job
from posbench.training.loop import Trained

NAME = 'encoding.json'


def write(job: Job, trained: Trained, folder: pathlib.Path) -> None:
    """Draws the encoding of the first seed: that of the first layer, and of the decoder of two halves."""
    trained_params, frozen = parallel.to_host((trained.params, trained.frozen))
    if not parallel.is_first():
        return
    params = init.merged(jax.tree.map(lambda leaf: leaf[0], trained_params), frozen)
    body = job.model.body
    if body.reads_source:
        body, params = body.halves()[1], params['decoder']
    drawn = describe(_bound(body, params), job.plan.scored(job.schedule.length)[-1])
    write_atomically(folder / NAME, json.dumps(dict(drawn, encoding=job.encoding_name)))


def _bound(body: Body, params: dict) -> base.PositionEncoding:
    """The encoding of the first layer with its parameters; one without hooks of a body that knows of none."""
    encoding, shared = body.sized_encoding(), params.get('position_encoding', {})
    if not isinstance(body, Transformer):
        return encoding.with_params(shared)
    layer = params.get('block_0', {}).get('position_encoding', {})
    if body.scan_layers:
        blocks = params['blocks'] if encoding.period == 1 else params['blocks']['block_0']
        layer = jax.tree.map(lambda leaf: leaf[0], blocks.get('position_encoding', {}))
    return encoding.bound_at(0, shared, layer)


def describe(encoding: base.PositionEncoding, longest: int) -> dict:
    """The most telling picture of an encoding, up to `longest` positions; see views.py."""
    if not any(encoding.has(hook) for hook in base.HOOKS):
        return dict(kind='none', title='No encoding: nothing to draw')
    return next(views.each(encoding, longest))
