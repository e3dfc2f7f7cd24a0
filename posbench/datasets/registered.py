"""Any text dataset of tensorflow_datasets that was prepared as ArrayRecord, by its registered name.

What is there is read from the files that TFDS wrote; TFDS itself is imported only to read records, or to tell an
unknown name from a dataset that was not prepared. Nothing here ever asks the network.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from posbench.datasets.folder import decode
from posbench.datasets.sources import SPLITS, DatasetError, Source
from posbench.knobs import kinds

# Of the documents of train, for each split that the dataset does not have.
HELD_OUT = 0.05
BATCH = 1000  # records of one read

_NAME = re.compile(r'(?P<dataset>\w+)(?:/(?P<config>[^/:]+))?(?::(?P<version>\d+\.\d+\.\d+))?')
_VERSION = re.compile(r'\d+\.\d+\.\d+')


def find(name: str, data_dir: Path, text_feature: str | None) -> Source:
    """The dataset `name[/config][:version]`, below `data_dir` or where TFDS keeps its own; a document is a record.

    A dataset without validation or test gets them from its training documents, by `hold_out`.
    The fingerprint is that of TFDS's own description, and of the names, sizes and dates of its files.
    Raises DatasetError if the name is unknown, or nothing usable is prepared.
    """
    folder = _prepared(name, data_dir)
    info = json.loads((folder / 'dataset_info.json').read_text('utf-8'))
    feature = _text_feature(name, folder, text_feature)
    records = {split['name']: sum(map(int, split['shardLengths'])) for split in info['splits']}
    if 'train' not in records:
        raise DatasetError(f"{name} has no split 'train', only {', '.join(sorted(records))}.")
    files = sorted(folder.glob('*.array_record-*'))
    for split in info['splits']:
        shards = [path for path in files if f'-{split["name"]}.array_record-' in path.name]
        if len(shards) != len(split['shardLengths']):
            raise DatasetError(
                f'{folder} has {len(shards)} ArrayRecord files of {split["name"]}, '
                f'wanted {len(split["shardLengths"])}; prepare it again: {_command(name, data_dir)}'
            )
    missing = [split for split in SPLITS if split not in records]
    if records['train'] <= len(missing):
        raise DatasetError(f'{name} has {records["train"]} training documents, too few to hold any out.')
    places = {split: (split, np.arange(records[split])) for split in SPLITS if split in records}
    held_out = hold_out(records['train'], missing)
    places |= {split: ('train', held_out[split]) for split in ('train', *missing)}

    def documents(split: str) -> Iterator[str]:
        return _documents(folder, *places[split], feature)

    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    described = json.dumps([info, stats, feature, HELD_OUT], sort_keys=True)
    sizes = {split: len(places[split][1]) for split in SPLITS}
    return Source(hashlib.sha256(described.encode()).hexdigest(), sizes, documents)


def hold_out(count: int, missing: list[str]) -> dict[str, np.ndarray]:
    """Which of the documents 0..count-1 stay in train and which become each missing split; no two share any.

    Document i is ranked by i * 0x9E3779B97F4A7C15 mod 2^64 (2^64 over the golden ratio: evenly spread, the same
    everywhere); each missing split takes the next 5 % of the ranking, at least one document.
    """
    rank = np.argsort(np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15), kind='stable')
    each = max(1, int(HELD_OUT * count))
    splits = {split: np.sort(rank[i * each : (i + 1) * each]) for i, split in enumerate(missing)}
    return {'train': np.sort(rank[len(missing) * each :]), **splits}


def _prepared(name: str, data_dir: Path) -> Path:
    """The folder of the newest prepared version."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise DatasetError(f'Unknown dataset {name!r}; wanted austen, folder, or a TFDS name[/config][:version].')
    default = Path(os.environ.get('TFDS_DATA_DIR', '~/tensorflow_datasets')).expanduser()
    places = [root / match['dataset'] for root in dict.fromkeys((data_dir, default))]
    other_format = None
    for place in places:
        found = [*place.glob('*/dataset_info.json'), *place.glob('*/*/dataset_info.json')]
        folders = [path.parent for path in found if _VERSION.fullmatch(path.parent.name)]
        if match['version']:
            folders = [folder for folder in folders if folder.name == match['version']]
        if match['config']:
            folders = [folder for folder in folders if folder.parent == place / match['config']]
        configs = sorted({folder.parent.name for folder in folders if folder.parent != place})
        if len(configs) > 1:
            choices = ', '.join(f'{match["dataset"]}/{config}' for config in configs)
            raise DatasetError(f'{name} has several configs in {place}; choose one: {choices}.')
        for folder in sorted(folders, key=lambda folder: tuple(map(int, folder.name.split('.'))), reverse=True):
            if any(folder.glob('*.array_record-*')):
                return folder
            other_format = folder
    if other_format is not None:
        raise DatasetError(f'{other_format} is not in the array_record format; run {_command(name, data_dir)}')
    known = _registered()
    if match['dataset'] not in known:
        near = kinds.nearest(match['dataset'], ['austen', 'folder', *known])
        raise DatasetError(f'Unknown dataset {name!r}' + (f'; did you mean {near!r}?' if near else '.'))
    raise DatasetError(
        f'{name} is not prepared: no dataset_info.json below {" or ".join(map(str, places))}. '
        f'Prepare it where there is a network, then copy that folder here: {_command(name, data_dir)}'
    )


def _command(name: str, data_dir: Path) -> str:
    return f'tfds build {name} --file_format=array_record --data_dir={data_dir}'


def _registered() -> list[str]:
    import tensorflow_datasets as tfds
    import tensorflow_datasets.text

    dir(tensorflow_datasets.text)  # Registers the datasets that TFDS imports lazily: glue, lm1b, wiki40b and others.
    return tfds.list_builders(with_community_datasets=False)


def _text_feature(name: str, folder: Path, wanted: str | None) -> str:
    features = json.loads((folder / 'features.json').read_text('utf-8')).get('featuresDict', {}).get('features', {})
    texts = sorted(key for key, feature in features.items() if 'text' in feature)
    if wanted is None:
        if 'text' in texts or len(texts) == 1:
            return 'text' if 'text' in texts else texts[0]
        raise DatasetError(f'{name} has the text features {texts}; choose one by text_feature.')
    if wanted not in texts:
        raise DatasetError(f'{name} has no text feature {wanted!r}; there are {texts}.')
    return wanted


def _documents(folder: Path, split: str, places_N: np.ndarray, feature: str) -> Iterator[str]:
    import tensorflow_datasets as tfds

    source = tfds.builder_from_directory(folder).as_data_source(split)
    for start in range(0, len(places_N), BATCH):
        batch = places_N[start : start + BATCH].tolist()
        for place, record in zip(batch, source.__getitems__(batch)):
            yield decode(record[feature], f'Record {place} of {split} in {folder}')
