"""Models of published architectures with drawn weights: the files tests/golden/models/*.npz as folders.

tests/golden/pretrained.py writes these files and says what is in them. Weights are not in them: they are drawn anew,
by name and shape, the same on both sides.
"""

import json
import pathlib
import zlib

import ml_dtypes
import numpy as np

FOLDER = pathlib.Path(__file__).parent.parent / 'golden' / 'models'
SEED = 0
# Of dtypes, in safetensors.
CODES = {
    np.dtype(dtype): code
    for code, dtype in dict(
        F64=np.float64, F32=np.float32, F16=np.float16, F8_E4M3=ml_dtypes.float8_e4m3fn,
        F8_E5M2=ml_dtypes.float8_e5m2, F8_E8M0=ml_dtypes.float8_e8m0fnu, I64=np.int64, I8=np.int8, U8=np.uint8,
        BOOL=np.bool_, C64=np.complex64,
    ).items()
}  # fmt: skip


def names() -> list[str]:
    """All models, `<architecture>` or `<architecture>_<variant>`."""
    return sorted(path.stem for path in FOLDER.glob('*.npz'))


def golden(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """What the file of a model says about itself, and its arrays."""
    with np.load(FOLDER / f'{name}.npz') as file:
        return json.loads(str(file['about'])), {key: file[key] for key in file if key != 'about'}


def draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """float32 numbers that depend on name, shape and SEED alone.

    Biases lie around 0 and gains around 1; matrices and tables have rows of length 1, so that a layer keeps the scale
    of what enters it.
    """
    numbers = np.random.default_rng([SEED, zlib.crc32(name.encode())]).normal(size=shape)
    if len(shape) > 1:
        numbers *= shape[-1] ** -0.5
    else:
        numbers = 0.3 * numbers + (not name.endswith('bias'))
    return numbers.astype(np.float32)


def draw_all(about: dict) -> dict[str, np.ndarray]:
    """All weights of a model, by name."""
    return {name: draw(name, tuple(shape)) for name, shape in about['weights'].items()}


def write_folder(folder: pathlib.Path, about: dict, weights: dict[str, np.ndarray] | None = None) -> pathlib.Path:
    """A model in Hugging Face layout, config.json and model.safetensors; `weights` in the place of the drawn ones."""
    import safetensors.numpy

    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'config.json').write_text(json.dumps(about['config'], indent=2), 'utf-8')
    safetensors.numpy.save_file(draw_all(about) if weights is None else weights, folder / 'model.safetensors')
    return folder


def write_safetensors(path: pathlib.Path, tensors: dict[str, np.ndarray]) -> None:
    """A file of safetensors of any dtypes; the library's own NumPy writer knows none of 8 bits."""
    header, data = {}, b''
    for name, x in tensors.items():
        header[name] = dict(dtype=CODES[x.dtype], shape=x.shape, data_offsets=[len(data), len(data) + x.nbytes])
        data += x.tobytes()
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, 'little') + encoded + data)
