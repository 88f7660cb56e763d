"""Captions from what is known without looking: a prompt, a title, tags, or the names in a file."""

from __future__ import annotations

import re

from ml.asset import Asset

# What authoring tools call things that nobody named.
NAMELESS = frozenset(
    [
        *("asset", "default", "export", "geometry", "group", "joined", "low", "high", "lod", "main", "material", "mat"),
        *("mesh", "meshes", "model", "node", "none", "null", "object", "obj", "part", "primitive", "root", "scene"),
        *("shape", "untitled", "unnamed", "world", "final", "new", "copy", "test", "file", "surface", "poly"),
    ]
)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
MOST = 12  # words


def metadata_captions(asset: Asset) -> tuple[str, str, str] | None:
    """(short, medium, long) from the row's prompt, its title, or the names of the asset, its parts and materials; None
    where none of them says anything."""
    from ml.shapes.captions import lengths_of

    for text in (asset.notes.get("prompt", ""), asset.provenance.title, named(asset)):
        if any(letter.isalpha() for letter in text):
            long, medium, short = lengths_of(" ".join(text.split()))
            return short, medium, long
    return None


def named(asset: Asset) -> str:
    """What the names of the asset, its parts and its materials say, each word once: 'OakChair_02' is 'oak chair'."""
    names = [asset.name, *(part.name for part in asset.parts), *(part.material.name for part in asset.parts)]
    words = dict.fromkeys(word for name in names for word in words_of(name))
    return " ".join([*words][:MOST])


def words_of(name: str) -> list[str]:
    """The words of a name in camel case, snake case or with numbers; none of what tools call things by themselves."""
    found = [word.lower() for word in WORD.findall(name)]
    return [word for word in found if len(word) > 2 and word not in NAMELESS]
