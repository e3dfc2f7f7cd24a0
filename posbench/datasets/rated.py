"""Short texts with the mean rating of people who read them, as positive or negative: four sets of one archive.

The data of VADER (Hutto and Gilbert 2014, ICWSM): sentences rated from -4 to 4 by 20 people and more, those about films
by 15 to 29. The archive comes by package name (packages.py) and is read where it lies.
"""

import collections
import functools
import hashlib
import html
import json
import pathlib
import re
import tarfile

from posbench.datasets import packages
from posbench.datasets.sources import SPLITS, LabelledSource

PACKAGE, ARCHIVE = 'vaderSentiment', 'hutto_ICWSM_2014.tar.gz'
# What a set is called -> the file that it is.
SETS = {
    'movie_snippets': 'movieReviewSnippets',  # one sentence or a few of a film's review (rotten tomatoes)
    'amazon_snippets': 'amazonReviewSnippets',  # sentences of customers on five products
    'editorial_snippets': 'nytEditorialSnippets',  # sentences of opinion pages
    'tweets': 'tweets',
}
CLASSES = ('negative', 'positive')
# Of groups, by the first 8 digits of SHA-256 of their name, mod 10.
HELD_OUT = {0: 'test', 1: 'validation'}


def find(name: str, data_dir: pathlib.Path) -> LabelledSource:
    """The texts of one of SETS; the package is fetched when the first of them is asked for.

    The class is the sign of the mean rating; texts whose mean is 0 are of neither class and left out. Entities of HTML
    are characters, runs of white space are one space. A group is never in two splits: texts are of one where they are
    sentences of one review or editorial, as their ids say (those of films and tweets say nothing), or where they are
    equal but for case, punctuation and spaces. It is named by the first id in it.
    """
    described = [packages.fingerprint(PACKAGE), SETS[name], [*HELD_OUT.items()]]

    @functools.cache
    def split_up() -> dict[str, list[tuple[str, int]]]:
        splits = {split: [] for split in SPLITS}
        rows = _rows(packages.fetch(PACKAGE, data_dir) / ARCHIVE, SETS[name])
        groups = _groups([(identity, text) for identity, _, text in rows])
        for (_, rating, text), group in zip(rows, groups):
            if rating:
                number = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 10
                splits[HELD_OUT.get(number, 'train')].append((text, int(rating > 0)))
        return splits

    return LabelledSource(
        fingerprint=hashlib.sha256(json.dumps(described).encode()).hexdigest(),
        sizes=dict.fromkeys(SPLITS),
        documents=lambda split: (text for text, _ in split_up()[split]),
        classes=CLASSES,
        labels=lambda split: [label for _, label in split_up()[split]],
    )


def _rows(archive: pathlib.Path, name: str) -> list[tuple[str, float, str]]:
    """(id, mean rating, text) of every line of a file."""
    with tarfile.open(archive, 'r:gz') as opened:
        content = opened.extractfile(f'hutto_ICWSM_2014/{name}_GroundTruth.txt').read().decode('utf-8-sig')
    rows = (line.split('\t') for line in content.splitlines() if line)
    return [(identity, float(rating), ' '.join(html.unescape(text).split())) for identity, rating, text in rows]


def _groups(texts: list[tuple[str, str]]) -> list[str]:
    """The name of the group of each (id, text), in order."""
    leader = {}

    def find_leader(key: str) -> str:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    # An id such as 12_3 is of the third sentence of review 12.
    reviews = [identity.partition('_')[0] for identity, _ in texts]
    words = [' '.join(re.findall(r'\w+', text.casefold())) for _, text in texts]
    for review, said in zip(reviews, words):
        leader[find_leader(f'words {said}')] = find_leader(f'review {review}')
    members = collections.defaultdict(list)
    for i, review in enumerate(reviews):
        members[find_leader(f'review {review}')].append(i)
    names = {i: texts[group[0]][0] for group in members.values() for i in group}
    return [names[i] for i in range(len(texts))]
