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


def stands(made: Body, *likes: Sequence[Body]) -> bool:
    """Whether the made surface is nearer to one of its likes as it is than to any upside down, on its back or on its
    face; with several sets of likes, by one of them.

    Several likes, since things of one kind differ. Sets are what its words become and others of its kind: of 144
    held-out assets all stand by the words alone, but a lamp drawn with a shade is nearest to the poles that
    "standing lamp, no shade" becomes when these are upside down.
    """
    from scipy.spatial import cKDTree  # not at module level: the common chain loads no scipy

    points = made.boxed[::4]
    swapped = points[:, [0, 2, 1]]
    turned = (points, points * (1.0, -1.0, -1.0), swapped * (1.0, 1.0, -1.0), swapped * (1.0, -1.0, 1.0))
    for some in likes:
        trees = [cKDTree(each.boxed[::4]) for each in some]
        found = [min((float(tree.query(each)[0].mean()) for tree in trees), default=np.inf) for each in turned]
        if trees and found[0] <= min(found) + 1e-2:  # a barrel is the same both ways up
            return True
    return False


def upside_down(body: Body) -> Body:
    """The body turned half around X."""
    return Body(body.vertices * (1.0, -1.0, -1.0), body.faces, body.looks_at)
