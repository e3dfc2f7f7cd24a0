"""What loop.py asks of a run: the interface between the training loop and whatever is trained.

A run of a model (job.py) and one of word vectors (word_vectors/job.py) implement it. The loop knows no more of either,
so that resuming, logs, checkpoints and signals are the same for both.
"""

from collections.abc import Callable
from typing import Any, Protocol, Self

import numpy as np

from posbench.devices import parallel
from posbench.training import step


class Pace(Protocol):
    """When a run does what, in steps. A step is one update of every seed."""

    steps: int  # in all, those of phases before included
    steps_per_call: int  # steps in one device call, which is also the log interval
    evaluate_every: int
    checkpoint_every: int
    keep_checkpoints: int


class Trainable(Protocol):
    """A run without its state: pure parts and plain numbers.

    A run of several phases is the job of its last one; `before` is that of the one before, which ends where this one
    starts. S seeds are trained in one program; every leaf of a state has them as its first axis, but for frozen ones.
    """

    # What its rows say of it.
    name: str
    task_name: str
    options: dict
    config_hash: str
    seeds: tuple[int, ...]
    layout: parallel.Layout
    schedule: Pace
    origin: dict  # what its numbers come from, see origin.py
    debug_nans: bool
    before: 'Self | None'
    unit: str  # what the bar counts a second: tokens, words
    units_per_step: float  # of one seed

    @property
    def phases(self) -> 'list[Self]':
        """This phase and those before it, in the order in which they are trained."""

    @property
    def phase_name(self) -> str:
        """What a line calls the phase, such as 'the encoding rope'."""

    @property
    def start(self) -> int:
        """Steps that were trained before this phase."""

    def at(self, step: int) -> Self:
        """The phase that a state after `step` steps belongs to: at a border, the one that ends there."""

    @property
    def abstract_state(self) -> step.State:
        """Shapes and shardings of the state of all seeds, as checkpoints are restored to."""

    def fresh_state(self, say: Callable[[str], None]) -> step.State:
        """The state at step 0; `say` takes a line about weights that come from elsewhere."""

    @property
    def starts_elsewhere(self) -> bool:
        """Whether the first state has such weights: what they are worth is then validated before the first step."""

    def take_over(self, state: step.State) -> step.State:
        """This phase's first state, made of the last one of the phase before."""

    @property
    def abstract_feed(self) -> step.Feed:
        """Shapes of what the compiled steps read, each with where it lies."""

    def feeder(self) -> Callable[[int], step.Feed]:
        """A function of a step: what the compiled steps from there on read, where they want it."""

    def make_steps(self, most: int) -> Callable:
        """steps(state, feed, count, rows): up to `most` steps of all seeds, pure; see step.make_steps."""

    @property
    def compiled_steps(self) -> Callable:
        """steps(state, feed, count) on the devices of the mesh: the next state, and metrics [S, steps_per_call]."""

    def learning_rate(self, step: int) -> Any:
        """The rate of a step of this phase, counted from its start."""

    def validate(self, state: step.State) -> dict[str, np.ndarray]:
        """Metrics on held-out data, [S] each. The state lies whole on the mesh."""

    @property
    def decides(self) -> tuple[str, str]:
        """Name and unit of the validation metric that a line says."""
