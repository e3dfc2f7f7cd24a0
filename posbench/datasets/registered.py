"""Any text dataset of tensorflow_datasets that was prepared as ArrayRecord, by its registered name.

What is there is read from the files that TFDS wrote; TFDS itself is imported only to read records, or to tell an
unknown name from a dataset that was not prepared. Nothing here ever asks the network.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from posbench.datasets.folder import decode
from posbench.datasets.sources import SPLITS, DatasetError, LabelledSource, NotPreparedError, Source
from posbench.knobs import kinds

# Of the documents of train, for each split that the dataset does not have.
HELD_OUT = 0.05
BATCH = 1000  # records of one read

_NAME = re.compile(r'(?P<dataset>\w+)(?:/(?P<config>[^/:]+))?(?::(?P<version>\d+\.\d+\.\d+))?')
_VERSION = re.compile(r'\d+\.\d+\.\d+')


def find(name: str, data_dir: Path, text_feature: str | None, ours: Sequence[str] = ()) -> Source:
    """The dataset `name[/config][:version]`, below `data_dir` or where TFDS keeps its own; a document is a record.

    A dataset without validation or test gets them from its training documents, by `hold_out`.
    The fingerprint is that of TFDS's own description, and of the names, sizes and dates of its files.
    Raises DatasetError if the name is unknown, or nothing usable is prepared; `ours` are other names, one of which may
    have been meant.
    """
    folder = _prepared(name, data_dir, ours)
    feature = _feature(name, folder, text_feature, 'text')
    places, fingerprint = _places(name, folder, data_dir, [feature])

    def documents(split: str) -> Iterator[str]:
        return (text for (text,) in _records(folder, *places[split], [feature]))

    return Source(fingerprint, {split: len(places[split][1]) for split in SPLITS}, documents)


def find_labelled(
    name: str, data_dir: Path, text_feature: str | None, label_feature: str | None, ours: Sequence[str] = ()
) -> LabelledSource:
    """Like `find`, and each record is of the class that its `label_feature` (a ClassLabel) says.

    A split whose labels are hidden (-1, as in the tests of GLUE) is one that the dataset does not have. Raises
    DatasetError as `find` does, and when labels are read, for one that is of no class.
    """
    folder = _prepared(name, data_dir, ours)
    feature = _feature(name, folder, text_feature, 'text')
    label = _feature(name, folder, label_feature, 'label')
    hidden = [split for split in SPLITS if _hidden(folder, split, label)]
    places, fingerprint = _places(name, folder, data_dir, [feature, label], hidden)
    classes = _classes(folder, label)

    def labels(split: str) -> list[int]:
        found = [value for (value,) in _records(folder, *places[split], [label])]
        if wrong := [value for value in found if not 0 <= value < len(classes)]:
            raise DatasetError(f'{name} has the label {wrong[0]} in {split}, wanted from 0 to {len(classes) - 1}.')
        return found

    return LabelledSource(
        fingerprint=fingerprint,
        sizes={split: len(places[split][1]) for split in SPLITS},
        documents=lambda split: (text for (text,) in _records(folder, *places[split], [feature])),
        classes=classes,
        labels=labels,
    )


def _places(
    name: str, folder: Path, data_dir: Path, features: list[str], without: Sequence[str] = ()
) -> tuple[dict[str, tuple[str, np.ndarray]], str]:
    """For every split, the one of the dataset that it is of and which of its records; and the fingerprint of all."""
    info = json.loads((folder / 'dataset_info.json').read_text('utf-8'))
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
    if 'train' in without:
        raise DatasetError(f'{name} hides the labels of its training documents.')
    missing = [split for split in SPLITS if split not in records or split in without]
    if records['train'] <= len(missing):
        raise DatasetError(f'{name} has {records["train"]} training documents, too few to hold any out.')
    places = {split: (split, np.arange(records[split])) for split in SPLITS if split not in missing}
    held_out = hold_out(records['train'], missing)
    places |= {split: ('train', held_out[split]) for split in ('train', *missing)}
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    of = features[0] if len(features) == 1 else features
    described = json.dumps([info, stats, of, HELD_OUT, *without], sort_keys=True)
    return places, hashlib.sha256(described.encode()).hexdigest()


def hold_out(count: int, missing: list[str]) -> dict[str, np.ndarray]:
    """Which of the documents 0..count-1 stay in train and which become each missing split; no two share any.

    Documents are ranked by `spread`; each missing split takes the next 5 % of the ranking, at least one document.
    """
    rank = spread(count)
    each = max(1, int(HELD_OUT * count))
    splits = {split: np.sort(rank[i * each : (i + 1) * each]) for i, split in enumerate(missing)}
    return {'train': np.sort(rank[len(missing) * each :]), **splits}


def spread(count: int) -> np.ndarray:
    """0..count-1, int64, ordered by i * 0x9E3779B97F4A7C15 mod 2^64.

    That is 2^64 over the golden ratio: the first of them are evenly spread, and the same everywhere.
    """
    return np.argsort(np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15), kind='stable')


def _prepared(name: str, data_dir: Path, ours: Sequence[str]) -> Path:
    """The folder of the newest prepared version."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise DatasetError(f'Unknown dataset {name!r}; wanted {", ".join([*ours, "a TFDS name[/config][:version]"])}.')
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
        near = kinds.nearest(match['dataset'], [*ours, *known])
        raise DatasetError(f'Unknown dataset {name!r}' + (f'; did you mean {near!r}?' if near else '.'))
    raise NotPreparedError(
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


def _feature(name: str, folder: Path, wanted: str | None, kind: str) -> str:
    """The feature of a kind ('text' or 'label') that is wanted; None: the one of that name, or the only one."""
    features = json.loads((folder / 'features.json').read_text('utf-8')).get('featuresDict', {}).get('features', {})
    mark, said = {'text': ('text', 'text feature'), 'label': ('classLabel', 'feature of classes')}[kind]
    found = sorted(key for key, feature in features.items() if mark in feature)
    if wanted is None:
        if kind in found or len(found) == 1:
            return kind if kind in found else found[0]
        if not found:
            raise DatasetError(f'{name} has no {said}; its features are {sorted(features)}.')
        raise DatasetError(f'{name} has the {said}s {found}; choose one by {kind}_feature.')
    if wanted not in found:
        raise DatasetError(f'{name} has no {said} {wanted!r}; there are {found}.')
    return wanted


def _classes(folder: Path, label: str) -> tuple[str, ...]:
    """The names of the classes; their numbers where TFDS was given no names."""
    features = json.loads((folder / 'features.json').read_text('utf-8'))['featuresDict']['features']
    names = folder / f'{label}.labels.txt'
    if names.is_file():
        return tuple(names.read_text('utf-8').split('\n')[: int(features[label]['classLabel']['numClasses'])])
    return tuple(map(str, range(int(features[label]['classLabel']['numClasses']))))


def _hidden(folder: Path, split: str, label: str) -> bool:
    """Whether the first label of a split is of no class: where one is hidden, all are."""
    if not any(folder.glob(f'*-{split}.array_record-*')):
        return False
    return next(_records(folder, split, np.arange(1), [label]))[0] < 0


def _records(folder: Path, split: str, places_N: np.ndarray, features: list[str]) -> Iterator[tuple]:
    import tensorflow_datasets as tfds

    source = tfds.builder_from_directory(folder).as_data_source(split)
    for start in range(0, len(places_N), BATCH):
        batch = places_N[start : start + BATCH].tolist()
        for place, record in zip(batch, source.__getitems__(batch)):
            values = (record[feature] for feature in features)
            where = f'Record {place} of {split} in {folder}'
            yield tuple(decode(value, where) if isinstance(value, bytes) else int(value) for value in values)
