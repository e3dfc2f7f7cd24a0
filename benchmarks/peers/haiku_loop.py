"""The training loop of google-deepmind/randomized_positional_encodings (Ruoss et al. 2023, arXiv 2305.16843), timed.

Their `TrainingWorker.run` runs as it is, with their task, model, curriculum and optimizer; what knows of time is the
curriculum that it asks for the length of each next step. First it asks for every length once, which compiles them all,
as a run does in its first hundred steps or so; from then on lengths are drawn by their `UniformCurriculum`.

The checkout is given by path, and its folder has to be called randomized_positional_encodings, as its imports want.
"""

import pathlib
import sys
import time
from collections.abc import Callable

from benchmarks.peers.turns import Clock, Missing

NAME = 'randomized_positional_encodings'
# Their names, and the options that their example gives them.
ENCODINGS = {
    'none': ('NONE', {}),
    'sinusoidal': ('SIN_COS', {}),
    'rotary': ('ROTARY', {}),
    'randomized_rope': ('NOISY_ROTARY', dict(noise_max_length=2048)),
    'randomized_relative': ('NOISY_RELATIVE', dict(noise_max_length=2048)),
}


def train(
    report: Callable,
    checkout: str | None,
    encoding: str,
    batch: int,
    layers: int,
    width: int,
    heads: int,
    lengths: list[int],
    steps: int,
) -> None:
    """A turn is `steps` steps of one seed; what comes before the first is `compile`, of one step of each length."""
    if checkout is None:
        raise Missing(f'{NAME} was not given by --haiku_loop=FOLDER')
    folder = pathlib.Path(checkout).resolve()
    if folder.name != NAME or not (folder / 'experiments' / 'training.py').exists():
        raise Missing(f'--haiku_loop: got {folder.name}, wanted a checkout of {NAME} in a folder of that name')
    begun = time.perf_counter()
    sys.path.insert(0, str(folder.parent))
    import haiku as hk
    import jax
    import jax.numpy as jnp
    from randomized_positional_encodings.experiments import constants, curriculum, training, utils

    task = constants.TASK_BUILDERS['reverse_string']()
    name, options = ENCODINGS[encoding]
    # From here to the parameters as in their experiments/example.py.
    model = constants.MODEL_BUILDERS['transformer_encoder'](
        output_size=task.output_size,
        return_all_outputs=True,
        num_layers=layers,
        embedding_dim=width,
        num_heads=heads,
        dropout_prob=0.1,
        positional_encodings=name,
        positional_encodings_params=options,
    )
    model = hk.transform(utils.make_model_with_empty_targets(model, task, 0, task.output_length(10) == 1))

    def loss(output, target):
        return jnp.mean(jnp.sum(task.pointwise_loss_fn(output, target), axis=-1)), {}

    def accuracy(output, target):
        mask = task.accuracy_mask(target)
        return jnp.sum(mask * task.accuracy_fn(output, target)) / jnp.sum(mask)

    imported = time.perf_counter()

    class Timed(curriculum.UniformCurriculum):
        """Their curriculum, after every length came once; between turns it waits."""

        clock = None

        def sample_sequence_length(self, step: int) -> int:
            done = step - len(lengths)
            if done < 0:
                return lengths[step]
            if done % steps == 0:
                jax.block_until_ready(worker._params)
                if self.clock is None:
                    report(dict(imports=imported - begun, compile=time.perf_counter() - imported))
                else:
                    report(self.clock.read(steps))
                self.clock = Clock()
            return super().sample_sequence_length(step)

    worker = training.TrainingWorker(
        training.ClassicTrainingParams(
            seed=0,
            model_init_seed=0,
            # It ends when no turn is left.
            training_steps=2_000_000,
            log_frequency=100,
            length_curriculum=Timed(lengths),
            batch_size=batch,
            task=task,
            model=model,
            loss_fn=loss,
            learning_rate=1e-3,
            l2_weight=0.0,
            accuracy_fn=accuracy,
        )
    )
    worker.run()
