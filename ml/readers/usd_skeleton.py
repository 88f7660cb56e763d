"""Skeletons and blend shapes of USD: where the first frame moves the points of a mesh, and how it turns its normals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.readers.apart import Values


@dataclass(frozen=True)
class Posed:
    """(n, 3) points, the (4, 4) matrix that brings them to the stage (row vectors), and (n, 3, 3) what turned each.

    `turns` are blended matrices of column vectors, None without a skin. Where blend shapes moved it (`reshaped`), the
    stored normals are not true any more.
    """

    points: Values
    world: Values
    turns: Values | None
    reshaped: bool


class Skeletons:
    """The skins of all SkelRoots of a stage (UsdSkel's schemas), found once and evaluated mesh by mesh."""

    def __init__(self, stage: Any, time: Any) -> None:
        from pxr import Usd, UsdSkel

        self.notes: list[str] = []
        self._time = time
        self._cache = UsdSkel.Cache()
        self._found: dict[str, tuple[Any, Any]] = {}  # a mesh's path → how it is skinned, and its skeleton
        every = Usd.TraverseInstanceProxies()
        for prim in Usd.PrimRange.Stage(stage, every):
            if prim.IsA(UsdSkel.Root):
                self._cache.Populate(UsdSkel.Root(prim), every)
                for binding in self._cache.ComputeSkelBindings(UsdSkel.Root(prim), every):
                    for skin in binding.GetSkinningTargets():
                        self._found[str(skin.GetPrim().GetPath())] = skin, binding.GetSkeleton()

    def pose(self, prim: Any, points: Values) -> Posed | None:
        """A mesh's (n, 3) points as its skeleton and blend shapes hold them; None where it has none, or they do not
        fit it, which is noted."""
        from pxr import Tf

        skin, skeleton = self._found.get(str(prim.GetPath()), (None, None))
        if skin is None:
            return None
        try:
            return self._posed(prim, skin, skeleton, points)
        except (Tf.ErrorException, ValueError) as error:
            self.notes.append(f"{prim.GetName()} left in its rest pose: {str(error)[:100]}")
            return None

    def _posed(self, prim: Any, skin: Any, skeleton: Any, points: Values) -> Posed:
        from pxr import UsdGeom

        query, rest = self._cache.GetSkelQuery(skeleton), points
        if skin.HasBlendShapes():
            points = _shaped(prim, skin, query, points, self._time)
        if not skin.HasJointInfluences():
            return Posed(points, _world(UsdGeom.Imageable(prim), self._time), None, points is not rest)
        joints = query.ComputeSkinningTransforms(self._time)
        if not joints:
            raise ValueError("its skeleton has no pose")

        def skinned(places: Values) -> Values:
            return _applied(lambda some: skin.ComputeSkinnedPoints(joints, some, self._time), places)

        moved = skinned(points)
        # Skinning is affine at each vertex: what it does to three steps along the axes are the columns of its matrix.
        turns = np.stack([skinned(points + step) - moved for step in np.eye(3)], axis=2)
        return Posed(moved, _world(UsdGeom.Imageable(skeleton), self._time), turns, points is not rest)


def _shaped(prim: Any, skin: Any, query: Any, points: Values, time: Any) -> Values:
    """The points with the blend shapes at the animation's weights; in-betweens too."""
    from pxr import UsdSkel

    animation = query.GetAnimQuery()
    weights = animation.ComputeBlendShapeWeights(time) if animation else None
    mapper = skin.GetBlendShapeMapper()
    mine = mapper.Remap(weights) if weights and mapper else []
    if not any(mine):
        return points
    shapes = UsdSkel.BlendShapeQuery(UsdSkel.BindingAPI(prim))
    parts = shapes.ComputeSubShapeWeights(mine)
    offsets = shapes.ComputeBlendShapePointIndices(), shapes.ComputeSubShapePointOffsets()
    return _applied(lambda some: shapes.ComputeDeformedPoints(*parts, *offsets, some), points)


def _applied(change: Callable[[Any], bool], points: Values) -> Values:
    """What the library does to the points in place; raises ValueError where it says that it cannot."""
    from pxr import Vt

    changed = Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(points, np.float32))
    if not change(changed):
        raise ValueError("its skin or its shapes do not fit it")
    return np.array(changed, np.float64).reshape(-1, 3)


def _world(imageable: Any, time: Any) -> Values:
    return np.array(imageable.ComputeLocalToWorldTransform(time))
