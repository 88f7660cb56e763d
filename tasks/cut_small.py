"""Cutting large faces into small ones, so that a choice by face follows a border; the surface stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import Part

ATTRIBUTES = ("vertices", "normals", "uv", "uv1", "colors")
ROUNDS = 8  # of quartering: edges 256 times as long as wanted still come out small


def cut_small(part: Part, chosen: npt.NDArray[np.bool_], longest: float) -> tuple[Part, ...]:
    """The part's faces that are not chosen, and the (m,) chosen ones cut until no edge is longer than `longest` metres.

    Attributes are interpolated; cut faces share no vertices, and meet others in T-junctions: for reading from, not for
    showing.
    """
    names = [name for name in ATTRIBUTES if getattr(part, name) is not None]
    values: list[npt.NDArray[Any]] = [getattr(part, name)[part.faces[chosen]].astype(np.float64) for name in names]
    done: list[list[npt.NDArray[Any]]] = []
    for turn in range(ROUNDS + 1):
        corners = values[0]
        edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1, initial=0.0)
        large = (edges > longest) & (turn < ROUNDS)
        done.append([each[~large] for each in values])
        values = [_quartered(each[large]) for each in values]
    whole = [np.concatenate([each[k] for each in done]) for k in range(len(names))]
    cut: dict[str, Any] = {
        name: _as_type(each.reshape(-1, each.shape[2]), getattr(part, name).dtype)
        for name, each in zip(names, whole, strict=True)
    }
    faces = np.arange(len(cut["vertices"]), dtype=np.int32).reshape(-1, 3)
    return part.with_faces(part.faces[~chosen]), replace(part, faces=faces, **cut)


def _quartered(corners: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(4m, 3, k) the four triangles between corners and middles of edges of (m, 3, k) ones."""
    a, b, c = (corners[:, k] for k in range(3))
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    made = [np.stack(three, axis=1) for three in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    return np.concatenate(made)


def _as_type(values: npt.NDArray[Any], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.rint(values).astype(kind) if kind == np.uint8 else values.astype(kind)
