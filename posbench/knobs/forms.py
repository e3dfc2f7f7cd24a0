"""What a config is made of: that of a run of a model, and that of a run of word vectors. Said here and nowhere else.

A config has one of the two forms, whole: a group of the other one in it is an error, because it would do nothing.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from posbench.knobs import chosen, declared, rules, user_file
from posbench.knobs.declared import Option
from posbench.knobs.kinds import UsageError


@dataclasses.dataclass(frozen=True, eq=False)
class Form:
    """One form of a config.

    what: in an error.
    default: the file that has every knob of it, with its reason.
    groups: all that it has besides the knobs at its top, in their order; a group of `settings` is plain, another one
        chooses by name.
    settings: the NamedTuple that a plain group is made into, file and class; of '' those at the top.
    modes: what --mode may be.
    reads: the kind of its data, a file of datasets; None: its task says that.
    """

    what: str
    default: str
    groups: tuple[str, ...]
    settings: Mapping[str, tuple[str, str]]
    modes: tuple[str, ...]
    reads: str | None = None

    def options(self, group: str, package: pathlib.Path = declared.PACKAGE) -> dict[str, Option]:
        """The options of a plain group, or of '', those at the top of a config."""
        return declared.settings(self.settings[group], package)


MODEL = Form(
    what='a run of a model',
    default='configs/default.py',
    groups=(
        *('task', 'encoding', 'positions', 'dataset', 'input', 'model', 'head', 'train', 'optimizer', 'second_phase'),
        *('evaluate', 'generate', 'init', 'mesh'),
    ),
    settings={
        '': ('training/settings.py', 'Run'),
        'train': ('training/settings.py', 'Train'),
        'optimizer': ('training/optim.py', 'Optimizer'),
        'second_phase': ('training/settings.py', 'SecondPhase'),
        'evaluate': ('training/settings.py', 'Evaluate'),
        'generate': ('training/settings.py', 'Generate'),
        'init': ('training/settings.py', 'Init'),
        'mesh': ('devices/parallel.py', 'Axes'),
    },
    modes=('train', 'evaluate', 'generate', 'predict', 'embed', 'params', 'compile'),
)
# The group that only this form has, and that tells it.
VECTORS = 'vectors'
WORD_VECTORS = Form(
    what='a run of word vectors',
    default='configs/word_vectors.py',
    groups=(VECTORS, 'dataset', 'train', 'evaluate', 'mesh'),
    settings={
        '': ('word_vectors/settings.py', 'Run'),
        'train': ('word_vectors/settings.py', 'Train'),
        'evaluate': ('word_vectors/settings.py', 'Evaluate'),
        'mesh': ('word_vectors/settings.py', 'Axes'),
    },
    modes=('train', 'evaluate', 'params', 'compile'),
    reads='words',
)
FORMS = (MODEL, WORD_VECTORS)


def of(config: Mapping[str, Any]) -> Form:
    """The form of a config, read or resolved."""
    return WORD_VECTORS if VECTORS in config else MODEL


def names(form: Form, folder: pathlib.Path) -> list[str]:
    """The config files of a folder that have this form, without .py and but for its defaults."""
    others = ('__init__', pathlib.Path(form.default).stem)
    files = [path for path in sorted(folder.glob('*.py')) if path.stem not in others]
    return [path.stem for path in files if of(user_file.call(path, 'get_config')) is form]


def check(form: Form, keys: Iterator[str], package: pathlib.Path = declared.PACKAGE) -> None:
    """UsageError, one line, for the first of these paths of knobs whose group or name only another form has."""
    known = {*form.groups, *form.options('', package)}
    for other in FORMS:
        if other is form:
            continue
        strangers = {*other.groups, *other.options('', package)} - known
        for key in keys:
            if key.partition('.')[0] in strangers:
                raise UsageError(
                    f'config.{key}: it belongs to {other.what}, as {other.default} has it, and this is the config of '
                    f'{form.what}; there are {", ".join(form.groups)}'
                )


def broken(form: Form, config: dict[str, Any], package: pathlib.Path) -> Iterator[str]:
    """A sentence for each rule that ties knobs of a resolved config together and is broken."""
    if form is WORD_VECTORS:
        return rules.broken_of_vectors(config)
    second = config['second_phase']['encoding']
    second_traits = {} if second['name'] is None else chosen.traits(second, package)
    return rules.broken(config, chosen.traits(config['encoding'], package), second_traits)
