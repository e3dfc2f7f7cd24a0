"""Every option of an encoding changes something."""

import typing

import jax
import numpy as np

from posbench import encodings
from posbench.encodings import base
from tests.encodings import small
from tests.encodings.compare import DIFFERENT


def options_of(encoding) -> list[str]:
    """The names of its options: fields beyond those of the base class."""
    known = base.PositionEncoding.__dataclass_fields__
    return [name for name in encoding.__dataclass_fields__ if name not in known]


def _built(encoding, option, value):
    """An encoding where the option is one, and not just its name."""
    if not isinstance(getattr(encoding, option), base.PositionEncoding) or isinstance(value, base.PositionEncoding):
        return value
    return encodings.build(value) if isinstance(value, str) else encodings.build(**value)


def the_option_changes_something(encoding, option: str, value, **beside):
    """Setting `option` to `value` changes logits or initial parameters; `beside` are other options set for both."""
    assert option in options_of(encoding), f'{option!r} is no option of this encoding'
    value, beside = (_built(encoding, option, value), {name: _built(encoding, name, beside[name]) for name in beside})
    before = encoding.clone(parent=None, **beside)
    assert getattr(before, option) != value, f'{option}={value!r} is what it was'
    after = before.clone(parent=None, **{option: value})
    sized, key = [e.sized(32, 4) for e in (before, after)], jax.random.key(0)
    if len({str(jax.eval_shape(e.init_params, key)) for e in sized}) > 1:
        return
    initial = [jax.tree.leaves(e.init_params(key)) for e in sized]
    if any((x != y).any() for x, y in zip(*initial)):
        return
    # Far apart, and in both directions, so that borders of every kind are crossed.
    name = 'decoder' if before.needs_causal or after.needs_causal else 'encoder'
    models = [small.shallow(e, name=name) for e in (before, after)]
    tokens, pos = small.tokens(), 40 * small.positions()
    got = [small.logits(model, tokens, pos) for model in models]
    both = np.isfinite(got[0]) & np.isfinite(got[1])
    moved = np.abs(got[0] - got[1], where=both, out=np.zeros_like(got[0])).max()
    assert moved > DIFFERENT or not both.all(), f'{option}={value!r} changes nothing'


def every_option_changes_something(encoding, others: dict[str, tuple] | None = None):
    """Each option, set to some other value, changes what comes out; `others` has the value, and options beside it.

    Without `others` a number is doubled and halved, a switch is turned and a choice is changed; what else an option may
    be is not known. It counts as read if one of these values changes something, or is refused.
    """
    if others is None:
        others = {option: [(value, {}) for value in _other_values(encoding, option)] for option in options_of(encoding)}
    else:
        others = {option: [pair] for option, pair in others.items()}
    for option, pairs in others.items():
        unheard = [value for value, beside in pairs if not _is_heard(encoding, option, value, beside)]
        assert not pairs or len(unheard) < len(pairs), f'{option}: set to {unheard}, it changes nothing'


def _other_values(encoding, option: str) -> list:
    value, hint = getattr(encoding, option), typing.get_type_hints(type(encoding))[option]
    if isinstance(value, bool):
        return [not value]
    if typing.get_origin(hint) is typing.Literal:
        return [choice for choice in typing.get_args(hint) if choice != value]
    return [type(value)(2 * value + 1), type(value)(value / 2)] if isinstance(value, int | float) else []


def _is_heard(encoding, option: str, value, beside: dict) -> bool:
    try:
        the_option_changes_something(encoding, option, value, **beside)
    except AssertionError:
        return False
    except ValueError:
        return True
    return True
