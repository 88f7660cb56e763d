"""Licences as manifests and annotation tables spell them: one name each, so that a list of allowed ones fits all."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Sketchfab's slugs, which Objaverse's annotations carry, and the names in Objaverse-XL's tables, as SPDX identifiers.
SPDX = {
    "cc0": "cc0-1.0",
    "public domain": "cc0-1.0",
    "cc0 public domain": "cc0-1.0",
    "mit license": "mit",
    "apache license 2.0": "apache-2.0",
    "creative commons - public domain dedication": "cc0-1.0",
    "creative commons - public domain": "cc0-1.0",
}
CREATIVE = re.compile(r"(?:cc[- ])?(by(?:-(?:nc|sa|nd))*)(?:[- ](\d\.\d))?")
WORDS = {"attribution": "by", "noncommercial": "nc", "non-commercial": "nc", "sharealike": "sa", "share alike": "sa",
         "noderivs": "nd", "noderivatives": "nd", "no derivatives": "nd"}  # fmt: skip
SPOKEN = re.compile(rf"creative commons(?: -)? ((?:{'|'.join(WORDS)})(?:[- ]*(?:{'|'.join(WORDS)}))*)")


def plain_licence(name: str) -> str:
    """The SPDX identifier of a licence in small letters where its spelling is known, else the name as it is.

    A Creative Commons licence without a version counts as 4.0, the one Sketchfab grants.
    """
    plain = " ".join(name.lower().split())
    if spoken := SPOKEN.match(plain):
        plain = "-".join(WORDS[word] for word in re.findall("|".join(WORDS), spoken[1]))
    if found := CREATIVE.fullmatch(plain):
        return f"cc-{found[1]}-{found[2] or '4.0'}"
    return SPDX.get(plain, plain)


def plain_licences(names: Sequence[str]) -> frozenset[str]:
    """The same of several."""
    return frozenset(map(plain_licence, names))
