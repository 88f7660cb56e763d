"""The outline of a shape from a direction, and whether it stands as it should."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, make_part
from ml.shapes.example import SIDE
from tasks.camera import orbit
from tasks.portraits import FOV, MARGIN
from tasks.shape_body import Body
from tasks.views import render_views

Mask = npt.NDArray[np.bool_]


def outline(body: Body, azimuth: float, elevation: float) -> Mask:
    """(SIDE, SIDE) pixels that show the body, framed as the pictures of training are; degrees."""
    camera = orbit(body.vertices, azimuth, elevation, FOV, MARGIN)
    return np.asarray(render_views(Asset((make_part(body.vertices, body.faces),)), [camera], SIDE).mask[0])


def outline_iou(first: Body, second: Body, azimuth: float, elevation: float) -> float:
    """Intersection over union of two outlines from one direction, each framed for itself: a picture tells no size."""
    one, other = (outline(body, azimuth, elevation) for body in (first, second))
    return float((one & other).sum() / max((one | other).sum(), 1))


def stands(made: Body, true: Sequence[Body]) -> bool:
    """Whether the made surface is nearer to one of the true ones as it is than to any upside down or on its back.

    Several, since things of the same words differ in their proportions.
    """
    from scipy.spatial import cKDTree  # not at module level: the common chain loads no scipy

    points = made.boxed[::4]
    turned = (points, points * (1.0, -1.0, -1.0), points[:, [0, 2, 1]] * (1.0, 1.0, -1.0))
    trees = [cKDTree(each.boxed[::4]) for each in true]
    found = [min(float(tree.query(each)[0].mean()) for tree in trees) for each in turned]
    return found[0] <= min(found) + 1e-2  # a barrel is the same both ways up
