"""What a mesh reader may allocate, and how whatever a malformed file trips over becomes an InputError."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ml.asset import InputError

MAX_NAME = 200  # characters; longer part and material names break file systems and DCC outliners


@dataclass(frozen=True)
class ReadLimits:
    """The most a file may claim; checked on its claims, before anything of that size is allocated."""

    max_faces: int = 5_000_000

    @property
    def max_vertices(self) -> int:
        """A triangle soup has three vertices a face; a file with more is mostly unused vertices."""
        return 3 * self.max_faces

    def check(self, faces: int = 0, vertices: int = 0) -> None:
        """Raise InputError `mesh.too-large` when a claim is over its limit, `mesh.broken` when it is negative."""
        for claimed, limit, what in ((faces, self.max_faces, "faces"), (vertices, self.max_vertices, "vertices")):
            if claimed > limit:
                raise InputError("mesh.too-large", f"the file claims {claimed} {what}; the limit is {limit}")
            if claimed < 0:
                raise InputError("mesh.broken", f"the file claims {claimed} {what}")


@contextmanager
def parsing(kind: str) -> Iterator[None]:
    """Turn what a wrong type or a missing key raises inside a parser into InputError `mesh.broken`.

    Sizes and offsets are checked explicitly where they are used; this net is for the unbounded rest (a string where
    an object should stand). Overflow to infinity is silent here because the finished part is checked for it.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except InputError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise InputError("mesh.broken", f"malformed {kind}: {type(error).__name__}: {str(error)[:200]}") from error


def clean_name(value: object, default: str = "") -> str:
    """A name that every store and format can hold: valid Unicode, printable, at most MAX_NAME characters."""
    if not isinstance(value, str):
        return default
    text = value[:MAX_NAME].encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in text).strip() or default
