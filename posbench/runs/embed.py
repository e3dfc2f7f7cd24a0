"""`--mode=embed`: a vector of each line of a text, printed, or in a file that NumPy or safetensors reads."""

import io
import pathlib
import sys
from typing import Any

import numpy as np

from posbench.files import write_atomically
from posbench.knobs.kinds import UsageError
from posbench.runs import console, pipeline, predict


def show(run: pipeline.Pipeline, path: pathlib.Path | None, output: pathlib.Path | None, of: Any, quiet: bool) -> int:
    """Prints the vector of every line of a file, or of standard input, in its order; returns the exit code.

    A line has the text and its numbers, with tabs in between, as a file .tsv has. .npy: float32 [lines, channels];
    .safetensors: the same, called `vectors`. An empty line has a vector of NaN.
    """
    try:
        run.check([], 'embed')
        found = []
        for texts in predict.lines(path):
            vectors_NE = run.embed(texts, of)
            if output is None:
                sys.stdout.writelines(_lines(texts, vectors_NE))
                sys.stdout.flush()
            else:
                found.append((texts, vectors_NE))
        if output is not None:
            write_atomically(output, _content(output.suffix, found or [([], run.embed([], of))]))
    except UsageError as error:
        return console.fail(str(error), 2)
    if not quiet:
        where = '' if output is None else f' Their vectors are in {output}.'
        print(predict.summary(run) + where, file=sys.stderr)
    return 0


def _content(suffix: str, found: list[tuple[list[str], np.ndarray]]) -> bytes:
    if suffix == '.tsv':
        return ''.join(line for one in found for line in _lines(*one)).encode()
    vectors_NE = np.concatenate([vectors_NE for _, vectors_NE in found])
    if suffix == '.safetensors':
        from safetensors import numpy as safetensors

        return safetensors.save({'vectors': vectors_NE})
    buffer = io.BytesIO()
    np.save(buffer, vectors_NE, allow_pickle=False)
    return buffer.getvalue()


def _lines(texts: list[str], vectors_NE: np.ndarray) -> list[str]:
    """A tab in a text becomes a space, so that columns stay columns; nine digits give a float32 back."""
    numbers = ('\t'.join(f'{value:.9g}' for value in vector_E) for vector_E in vectors_NE)
    return [f'{text.replace(chr(9), " ")}\t{of_text}\n' for text, of_text in zip(texts, numbers)]
