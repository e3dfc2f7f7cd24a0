"""Which font has a character. DejaVu Sans comes with matplotlib, and has no Chinese, Japanese or Korean.

A name in such letters is drawn in a font of this machine that has them, and where there is none as escapes, \\u4e2d,
which are the name still: a box could be any. The page has every name as it is, in tables and in texts of figures.
"""

import functools
import unicodedata

import matplotlib as mpl
from matplotlib import font_manager, ft2font

FAMILY = 'DejaVu Sans'


def legible(text: str) -> str:
    """The text, with escapes in the place of characters that nothing here can draw."""
    return ''.join(character if _drawn(character) else _escaped(character) for character in text)


def families(text: str) -> list[str]:
    """Fonts that draw a legible text, in the order in which they are asked."""
    others = (_other(character) for character in text if not _has(font_manager.findfont(FAMILY), character))
    return list(dict.fromkeys([FAMILY, *(other for other in others if other)]))


def cells(text: str) -> int:
    """Width in letters; those of Chinese, Japanese and Korean are as wide as two."""
    return sum(2 if unicodedata.east_asian_width(character) in 'WF' else 1 for character in text)


@functools.lru_cache(maxsize=10_000)
def _drawn(character: str) -> bool:
    if character == '\n' or _has(font_manager.findfont(FAMILY), character):
        return True
    return character.isprintable() and _other(character) is not None


@functools.lru_cache(maxsize=10_000)
def _other(character: str) -> str | None:
    """The first font by name, of those of this machine, that has a character."""
    # Those that come with matplotlib have formulas in odd places, and a box for everything as a last resort.
    found = [entry for entry in font_manager.fontManager.ttflist if not entry.fname.startswith(mpl.get_data_path())]
    for entry in sorted(found, key=lambda entry: (entry.name, entry.fname)):
        if _has(entry.fname, character):
            return entry.name
    return None


def _has(path: str, character: str) -> bool:
    return ord(character) in _characters(path)


@functools.cache
def _characters(path: str) -> frozenset[int]:
    try:
        return frozenset(ft2font.FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        # A font that was removed or cannot be read has no character.
        return frozenset()


def _escaped(character: str) -> str:
    return character.encode('ascii', 'backslashreplace').decode('ascii')
