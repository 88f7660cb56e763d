"""Variations of one row have to differ: which of them repeats an earlier one, and the seed it gets instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby

from flows.chunks import Keyed
from manifests.ledger_row import LedgerRow
from manifests.row import Row

# Seeds a variation may have. Of 24 variations of a procedural lamp 3 needed a second, of a mug 4 a second or third; a
# sword has about four looks, and no number of seeds makes 24 of it.
TRIES = 6
CODE = "variation.repeats"


@dataclass(frozen=True)
class Repeat:
    """A variation that looks like an earlier one of its row."""

    keyed: Keyed
    of: str  # the other's id
    distance: float  # of their signatures, 0 for the same geometry and colours
    tries: int  # seeds it has had

    @property
    def hopeless(self) -> bool:
        """Whether another seed is not worth trying: all are spent, or the generator does not use them."""
        return self.tries >= TRIES or (self.distance == 0.0 and self.tries > 1)


def repeats(chunk: Iterable[Keyed], rows: dict[str, LedgerRow]) -> list[Repeat]:
    """Of each row with variations the first that repeats an earlier one, by `tasks.signature.distance`.

    Only the first: those behind it are judged again once it is made anew. So what becomes of a variation depends on
    the finished ones before it alone, and a run that was killed in between ends in the same assets.
    """
    groups = (list(group) for name, group in groupby(chunk, key=_group) if name is not None)
    return [found for group in groups if (found := _first_repeat(group, rows))]


def tries(row: LedgerRow) -> int:
    """Seeds that a variation has had."""
    return int(row.meta.get("variation_tries", 1))


def another_seed(seed: int, tried: int) -> int:
    """The row's own seed first, then 31 bits drawn from it."""
    if not tried:
        return seed
    return int.from_bytes(blake2b(f"{seed}\0variation\0{tried}".encode(), digest_size=4).digest(), "big") >> 1


def _group(keyed: Keyed) -> str | None:
    """What the variations of one row share; None for other rows. They follow one another in their chunk."""
    row = keyed.row
    if not isinstance(row, Row) or row.variations == 1:
        return None
    return row.id.removesuffix(f"-v{row.variation + 1}")


def _first_repeat(group: list[Keyed], rows: dict[str, LedgerRow]) -> Repeat | None:
    import numpy as np  # the driver of a run without variations needs none of these

    from tasks.duplicates import THRESHOLD
    from tasks.signature import Signature, distance

    passed = [(keyed, rows[keyed.key].meta.get("signature")) for keyed in group if rows[keyed.key].outcome == "passed"]
    standing = [(keyed, Signature.of_text(text)) for keyed, text in passed if text]
    for i, (keyed, signature) in enumerate(standing[1:], 1):
        earlier = standing[:i]
        away = distance(signature.features, np.stack([other.features for _, other in earlier]))
        away[[other.digest == signature.digest for _, other in earlier]] = 0.0
        k = int(away.argmin())
        if away[k] <= THRESHOLD:
            return Repeat(keyed, rows[earlier[k][0].key].id, float(away[k]), tries(rows[keyed.key]))
    return None
