"""A mesh as solid voxels: what convex decomposition cuts into pieces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # ndimage loads on first use
from numba import njit

from ml.asset import F32, I32, U8, InputError
from ml.bits import U64
from tasks.flood_fill import flood_fill
from tasks.narrow_band import narrow_band, used_box
from tasks.topology import F64

PAD = 4.0  # grid cells of free space around the mesh
# No gap between the grid points this near a surface is wide enough for the fill to pass: √3/2 and rounding.
SHELL = 0.87
REACH = SHELL + 0.1
MAX_PAIRS = 16_000_000  # of blocks and triangles: 2 s
EMPTY, SKIN, INSIDE = 0, 1, 2
COARSEST = 16


@dataclass(frozen=True)
class Voxels:
    """Grid points of a mesh: point (x, y, z) of `kind` lies at low + spacing · (x, y, z)."""

    kind: U8  # (nx, ny, nz) EMPTY outside, SKIN within SHELL cells of the surface, INSIDE beyond it
    low: F64  # (3,) metres
    spacing: float  # metres

    def core(self) -> I32:
        """(n, 3) the solid's grid points: without the skin's outer layer, which lies beyond the surface.

        A sheet that is skin alone keeps it. With the outer layer, plates looked so thick that a chair was cut into
        bodies with a third of empty space where a tenth was asked for.
        """
        empty = self.kind == EMPTY
        outer = (self.kind == SKIN) & scipy.ndimage.binary_dilation(empty)
        rest = ~(empty | outer)
        return np.argwhere(rest | (outer & ~scipy.ndimage.binary_dilation(rest, np.ones((3, 3, 3))))).astype(np.int32)

    def cells(self, points: F64) -> I32:
        """(n, 3) nearest grid points."""
        nearest = np.rint((points - self.low) / self.spacing).astype(np.int32)
        return np.clip(nearest, 0, np.array(self.kind.shape, np.int32) - 1)


def solid_voxels(points: F64, faces: I32, resolution: int) -> Voxels:
    """Grid points in and on faces (m, 3) over points (n, 3), `resolution` cells along the longest side.

    What a flood from outside cannot reach is inside, whatever the mesh is like; an open sheet is its skin. Halves the
    resolution while blocks and faces meet in more than MAX_PAIRS pairs. Raises InputError `mesh.no-faces` for faces
    in one point, `collision.too-dense` when the coarsest grid is too much.
    """
    box: F64 = used_box(points, faces)
    extent = float((box[1] - box[0]).max())
    if not extent > 0.0:
        raise InputError("mesh.no-faces", f"all {len(faces)} faces lie in one point")
    while True:
        spacing = extent / resolution
        band = narrow_band((points - box[0]) / spacing + PAD, faces, REACH, MAX_PAIRS)
        if band is not None:
            break
        if resolution <= COARSEST:
            raise InputError("collision.too-dense", f"{len(faces)} faces are too many for {resolution} cells")
        resolution = max(COARSEST, resolution // 2)
    exterior, empty = flood_fill(band, SHELL)
    nx, ny, nz = (8 * side for side in band.shape)
    kind = np.zeros((nx, ny, nz), np.uint8)
    _fill(band.shape, band.slot, band.distance, exterior, empty, kind)
    return Voxels(kind, box[0] - PAD * spacing, spacing)


@njit(cache=True, nogil=True)
def _fill(shape: tuple[int, int, int], slot: I32, distance: F32, exterior: U64, empty: U8, kind: U8) -> None:
    for block in range(len(slot)):
        x0, y0 = 8 * (block % shape[0]), 8 * (block // shape[0] % shape[1])
        z0, k = 8 * (block // (shape[0] * shape[1])), slot[block]
        if k < 0 and empty[block]:
            continue
        for point in range(512):
            x, y, z = point & 7, point >> 3 & 7, point >> 6
            if k >= 0 and exterior[k, z] >> np.uint64(point & 63) & np.uint64(1):
                continue
            near = k >= 0 and distance[k, point] <= SHELL
            kind[x0 + x, y0 + y, z0 + z] = SKIN if near else INSIDE
