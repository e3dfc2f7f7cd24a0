"""posbench: which input layer should a Transformer have, and what happens past the length it was trained on?"""

from typing import Any

__version__ = '0.1.0'


def pipeline(folder: Any) -> Any:
    """The trained run in a folder, ready to read texts; see posbench/runs/pipeline.py, whose `load` it is."""
    # jax takes seconds to load, which whoever only wants the version does not wait for.
    from posbench.runs import pipeline as pipelines

    return pipelines.load(folder)
