"""Progressive meshes: one collapse sequence that gives every level of detail, kept as a base and vertex splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, InputError
from tasks.decimate import collapse_sequence
from tasks.progressive_replay import replay, split
from tasks.soup import proper_faces
from tasks.topology import Bool

U32 = npt.NDArray[np.uint32]
Level = tuple[F32, I32]


@dataclass(frozen=True)
class Progressive:
    """A coarse mesh and the s vertex splits that refine it, in order (Hoppe 1996).

    Split i gives vertex `kept[i]` a twin, number b + i after the b base vertices. Of the faces around it, in ascending
    order, those flagged in `moved` go to the twin; `added[i]` new faces (kept, twin, third), or (twin, kept, third)
    where `turned`, are numbered on. Both ends move: `offsets` are added to the bits of the float32 position that the
    kept vertex had, modulo 2³², so that nothing is rounded.
    """

    points: F32  # (b, 3) metres
    faces: I32  # (g, 3)
    kept: I32  # (s,)
    offsets: U32  # (s, 2, 3) of the kept vertex and its twin
    added: U8  # (s,)
    third: I32  # (t,) sum of `added`
    turned: Bool  # (t,)
    moved: Bool  # (u,)
    levels: I32  # (l,) splits that make each level, finest first

    def level(self, index: int) -> Level:
        """Points (n, 3) and faces (m, 3) of a level; raises InputError `mesh.bad-progressive`."""
        return self.refined(int(self.levels[index]))

    def refined(self, splits: int) -> Level:
        """The base after the first `splits` of all; raises InputError `mesh.bad-progressive`."""
        made = split(
            self.points, self.faces, self.kept[:splits], self.offsets, self.added, self.third, self.turned, self.moved
        )
        if made is None or not np.isfinite(made[0]).all():
            raise InputError("mesh.bad-progressive", "a vertex split refers to what is not there")
        return made


def progressive(vertices: F32, faces: I32, targets: Sequence[int]) -> tuple[Progressive, list[Level]]:
    """The mesh as a progressive one whose levels have at most `targets` faces, falling, where possible; and the levels.

    Faces are joined by position first, degenerate and duplicate ones dropped; all splits give back that mesh. Vertices
    and faces of each level come in the order of `Progressive.level`. Positions only. Raises InputError
    `mesh.no-faces` and `mesh.bad-targets`.
    """
    wanted = [int(target) for target in targets]
    if not wanted or min(wanted) < 1 or wanted != sorted(wanted, reverse=True):
        raise InputError("mesh.bad-targets", f"targets {wanted} are not falling positive numbers")
    points, joined, _ = proper_faces(vertices, faces)
    if not len(joined):
        raise InputError("mesh.no-faces", f"none of {len(faces)} faces has an area")
    used, flat = np.unique(joined, return_inverse=True)
    points, joined = points[used], flat.reshape(-1, 3).astype(np.int32)
    low = points.min(axis=0)
    size = float((points.max(axis=0) - low).max())
    log, places = collapse_sequence((points - low) / size, joined, wanted)
    return _recorded(points.astype(np.float32), joined, log, (places * size + low).astype(np.float32), wanted)


def _recorded(points: F32, faces: I32, log: I32, places: F32, targets: list[int]) -> tuple[Progressive, list[Level]]:
    """Numbers vertices and faces as splits bring them in, and replays the collapses under those numbers."""
    count = len(log)
    _, rows, died, _, _ = replay(points, faces, log, places)
    faces = _third_last(faces, rows, died, log)
    vertex = _numbers(np.full(len(points), -1, np.int32), log[:, 1])
    by_split = np.lexsort((np.arange(len(died)), np.where(died < 0, -1, count - died)))
    ordered = np.empty_like(points)
    ordered[vertex] = points
    triangles, named = vertex[faces[by_split]], vertex[log].astype(np.int32)
    died = died[by_split]
    coarse, rows, _, before, moved = replay(ordered, triangles, named, places)
    base = len(points) - count
    dying = np.flatnonzero(died >= 0)
    left = len(faces) - np.cumsum(np.bincount(died[dying], minlength=count))
    steps = [int(np.searchsorted(-left, -target)) + 1 if len(faces) > target else 0 for target in targets]
    steps = [min(step, count) for step in steps]
    bits = before.view(np.uint32) - places.view(np.uint32)[:, None]
    record = Progressive(
        points=coarse[:base],
        faces=rows[died < 0],
        kept=named[::-1, 0].copy(),
        offsets=bits[::-1].copy(),
        added=np.bincount(died[dying], minlength=count)[::-1].astype(np.uint8),
        third=rows[dying, 2].copy(),
        turned=rows[dying, 0] != named[died[dying], 0],
        moved=moved,
        levels=np.array([count - step for step in steps], np.int32),
    )
    return record, [_snapshot(ordered, triangles, named[:step], places) for step in steps]


def _snapshot(points: F32, faces: I32, log: I32, places: F32) -> Level:
    """The mesh after some collapses, from the fine side."""
    moved, rows, died, _, _ = replay(points, faces, log, places)
    return moved[: len(points) - len(log)], rows[died < 0]


def _numbers(number: I32, removed: I32) -> I32:
    """Those that stay in their order, then the removed ones from last to first."""
    gone = np.zeros(len(number), np.bool_)
    gone[removed] = True
    number[~gone] = np.arange(len(number) - len(removed))
    number[removed[::-1]] = np.arange(len(number) - len(removed), len(number))
    return number


def _third_last(faces: I32, rows: I32, died: I32, log: I32) -> I32:
    """Each face turned so that the corner off its collapsed edge is the last when it dies."""
    dying = np.flatnonzero(died >= 0)
    edge = log[died[dying]]
    off = (rows[dying][:, :, None] != edge[:, None, :]).all(axis=2).argmax(axis=1)
    turned = faces.copy()
    turned[dying] = np.take_along_axis(faces[dying], (off[:, None] + np.arange(1, 4)) % 3, axis=1)
    return turned
