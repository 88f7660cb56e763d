"""Normal maps from known cameras: what a surface should show, drawn from a detailed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.asset import F32, Asset
from tasks.camera import Camera
from tasks.view_cameras import sphere_cameras
from tasks.views import render_views


@dataclass(frozen=True)
class NormalMaps:
    """k square pictures, row 0 at the top."""

    cameras: tuple[Camera, ...]
    pictures: F32  # (k, h, h, 4) unit normals in the asset's frame times coverage, and coverage, 0 … 1

    @property
    def size(self) -> int:
        """Pixels a side."""
        return int(self.pictures.shape[1])

    def halved(self) -> NormalMaps:
        """The same at half the size."""
        p = self.pictures
        return NormalMaps(self.cameras, 0.25 * (p[:, ::2, ::2] + p[:, 1::2, ::2] + p[:, ::2, 1::2] + p[:, 1::2, 1::2]))

    def agreement(self, asset: Asset) -> float:
        """How far an asset covers what the pictures cover: intersection over union of pixels, all views together."""
        small = self
        while small.size % 2 == 0 and small.size > 64:
            small = small.halved()
        covered = render_views(asset, small.cameras, small.size).mask
        wanted = small.pictures[..., 3] > 0.5
        return float((covered & wanted).sum() / max(1, int((covered | wanted).sum())))


def shown_normals(asset: Asset, count: int, size: int) -> NormalMaps:
    """What an asset shows to `count` cameras all around, above and below, in pictures of `size` pixels (even).

    Four samples a pixel, so that outlines are known to a fraction of one. Raises InputError `mesh.*`, `image.*`.
    """
    cameras = sphere_cameras(asset.bounds(), count)
    return NormalMaps(tuple(cameras), _drawn(asset, cameras, 2 * size)).halved()


def _drawn(asset: Asset, cameras: Sequence[Camera], size: int) -> F32:
    views = render_views(asset, cameras, size)
    return np.concatenate([views.normals, views.mask[..., None]], axis=-1, dtype=np.float32)
