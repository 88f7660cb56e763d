"""Which of an asset's parts a word names: 'leg' and 'foot' name the part 'legs', 'wheel' the part 'Wheels.001'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from ml.vocabulary import PARTS, singular

SHOWN = 12  # names in a message


@lru_cache(maxsize=4096)
def canonical_part(word: str) -> str:
    """The vocabulary's name for a part ('Armrest' → 'arms'), else the singular of the word in lower case."""
    plain = " ".join(re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word)[:200])).lower()
    return PARTS.get(plain) or PARTS.get(singular(plain, PARTS)) or singular(plain)


def parts_named(word: str, names: Sequence[str]) -> tuple[int, ...]:
    """Indices of the names that `word` means.

    An equal name wins over one that means the same ('legs' for 'leg'), and that over one which holds the word
    among others ('leg' in 'chair_leg.001').
    """
    wanted, plain = canonical_part(word), word.strip().lower()
    if not wanted and not plain:
        return ()
    equal = tuple(k for k, name in enumerate(names) if name.strip().lower() == plain)
    alike = tuple(k for k, name in enumerate(names) if canonical_part(name) == wanted)
    within = tuple(k for k, name in enumerate(names) if wanted in _words(name))
    return equal or alike or within


@lru_cache(maxsize=4096)
def _words(name: str) -> frozenset[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200])
    return frozenset(canonical_part(word) for word in re.findall(r"[^\W\d_]+", spaced))


def listed(names: Sequence[str]) -> str:
    """The different names for a message, at most a dozen."""
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - SHOWN} more" if len(unique) > SHOWN else ""
    return ", ".join(name[:40] for name in unique[:SHOWN]) + more
