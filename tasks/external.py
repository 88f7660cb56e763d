"""Runs optional mesh tools over files in a process of their own: other licences, and native code that may crash."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.asset import I32, Asset, InputError, make_part
from tasks.fidelity import surface_distances
from tasks.replacement import replaced_part, replaced_parts
from tasks.sampling import face_areas
from tasks.topology import F64, Topology, degenerate_faces, duplicate_faces, topology, weld

# Assets already run side by side, so that a tool gets one CPU; several tools on one machine get different ones.
ONE_CPU = "import os; c = sorted(os.sched_getaffinity(0)); os.sched_setaffinity(0, {c[os.getpid() % len(c)]})\n"
MAX_APART = 10.0  # % of the diagonal: real meshes stay within 3, one that lost most of its parts was 86 away
COMPARED = 20_000  # points a side: the farthest of them is noted, 0.1 CPU-s
MAX_FACES = 4_000_000  # that a target may ask for: 1 GB in either tool


@dataclass(frozen=True)
class Surface:
    """All parts of an asset as one welded surface without degenerate and duplicate faces, which crash native code."""

    points: F64  # (n, 3) metres
    faces: I32  # (m, 3)
    owner: I32  # (m,) part of each face
    found: Topology

    @property
    def diagonal(self) -> float:
        """Metres across the box."""
        return float(np.linalg.norm(np.ptp(self.points, axis=0)))


def joined_surface(asset: Asset) -> Surface:
    """The asset's surface, checked; raises InputError `mesh.*`, `mesh.no-faces` when no face has an area."""
    for part in asset.parts:
        make_part(part.vertices, part.faces)
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    points, faces, owner = asset.merged()
    points, faces, _ = weld(points, faces)
    keep = ~(degenerate_faces(points, faces) | duplicate_faces(faces))
    used, corners = np.unique(faces[keep], return_inverse=True)
    if not len(used):
        raise InputError("mesh.no-faces", "no face of the mesh has an area")
    points, faces = points[used], corners.reshape(-1, 3).astype(np.int32)
    return Surface(points, faces, owner[keep], topology(points, faces))


def run_tool(
    package: str, extra: str, script: str, surface: Surface, seconds: float, options: Mapping[str, object]
) -> tuple[F64, list[list[int]]]:
    """Points (n, 3) in metres and polygons that `script` makes of the surface.

    The script finds `source`, `target` (OBJ files; the mesh spans −1 … 1 there) and the options as variables. Raises
    InputError `remesh.not-installed`, `remesh.timeout`, `remesh.failed`. The tool stays in the caller's process group:
    whoever kills that ends the tool as well.
    """
    if importlib.util.find_spec(package) is None:
        raise InputError("remesh.not-installed", f"{package} is missing; install it with: uv pip install {extra}")
    low, high = surface.points.min(axis=0), surface.points.max(axis=0)
    centre, half = 0.5 * low + 0.5 * high, float((0.5 * high - 0.5 * low).max())
    with tempfile.TemporaryDirectory(prefix="meshmill-tool-") as folder:
        source, target = Path(folder, "in.obj"), Path(folder, "out.obj")
        write_obj(source, (surface.points - centre) / half, surface.faces)
        values = {**options, "source": str(source), "target": str(target)}
        code = ONE_CPU + "".join(f"{name} = {value!r}\n" for name, value in values.items()) + script
        try:
            done = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                timeout=seconds,
                check=False,
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        except subprocess.TimeoutExpired as error:
            raise InputError("remesh.timeout", f"{package} was stopped after {seconds:g} s") from error
        if done.returncode or not target.exists():
            last = done.stderr.decode("utf-8", "replace").strip()[-400:]
            raise InputError("remesh.failed", f"{package} ended with status {done.returncode}: {last}")
        points, polygons = read_obj(target)
    if not polygons or not np.isfinite(points).all() or max(map(max, polygons)) >= len(points):
        raise InputError("remesh.failed", f"{package} gave {len(polygons)} faces over {len(points)} points")
    return points * half + centre, polygons


def write_obj(path: Path, points: F64, faces: I32) -> None:
    """Positions and triangles; nine digits tell all float32 numbers apart."""
    lines = ("v %.9g %.9g %.9g\n" * len(points)) % tuple(points.reshape(-1).tolist())
    path.write_text(lines + ("f %d %d %d\n" * len(faces)) % tuple((faces.reshape(-1) + 1).tolist()))


def read_obj(path: Path) -> tuple[F64, list[list[int]]]:
    """Positions and polygons, other lines left out; raises InputError `remesh.failed` for what is no OBJ."""
    points: list[list[float]] = []
    polygons: list[list[int]] = []
    try:
        for line in path.read_text().splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                points.append([float(word) for word in words[:3]])
            elif kind == "f":
                polygons.append([int(word.split("/")[0]) - 1 for word in words])
        if any(min(polygon) < 0 or len(polygon) < 3 for polygon in polygons):
            raise ValueError("a face without three vertices of the file")
        return np.array(points, dtype=np.float64).reshape(-1, 3), polygons
    except ValueError as error:
        raise InputError("remesh.failed", f"the tool's file cannot be read: {error}") from error


def accepted(asset: Asset, before: Surface, points: F64, faces: I32, step: str, note: str) -> Asset:
    """The asset with the new surface as its one part, in its largest part's material, and the distance noted.

    Raises InputError `remesh.opened` when the input was closed and the result is not, `remesh.failed` when it has no
    area, `remesh.off-surface` when part of either lies MAX_APART from the other.
    """
    after = topology(points, faces)
    if not after.area > 0.0:
        raise InputError("remesh.failed", "the new surface has no area")
    if before.found.closed and not after.closed:
        raise InputError(
            "remesh.opened",
            f"the new surface has {after.boundary_edges} boundary and {after.nonmanifold_edges} non-manifold edges",
        )
    apart = surface_distances((before.points, before.faces), (points, faces), COMPARED)
    if not apart.percent(apart.hausdorff) <= MAX_APART:
        raise InputError("remesh.off-surface", f"the new surface is {apart.percent(apart.hausdorff):.2g} % away")
    areas = np.bincount(before.owner, face_areas(before.points, before.faces))
    part = replaced_part(asset.parts[int(np.argmax(areas))], points.astype(np.float32), faces)
    note = f"{note}, at most {apart.percent(apart.hausdorff):.2g} % of the diagonal apart"
    return replaced_parts(asset, (part,)).noted(**{step: note})
