"""Baking's heavy parts by Embree (projection, ambient occlusion) and scipy (nearest texel for gutters)."""

import numpy as np


def _scene(arrays):
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, arrays["points"].astype(np.float32), arrays["faces"])
    return scene


def cage(arrays):
    """One ray a texel from `reach` above the low surface inward, building the hierarchy included."""
    normals = arrays["normals"].astype(np.float32)
    origins = np.ascontiguousarray(arrays["texels"].astype(np.float32) + float(arrays["reach"]) * normals)
    directions = np.ascontiguousarray(-normals)

    def work():
        found = _scene(arrays).run(origins, directions, output=1)
        return {"hit": found["primID"]}

    return work


def occlusion(arrays, rays):
    """`rays` cosine-weighted rays a place; the scene is built before."""
    scene, normals = _scene(arrays), arrays["normals"].astype(np.float32)
    origins = (arrays["texels"] + 1e-4 * normals).astype(np.float32)
    ball = np.random.default_rng(0).normal(size=(rays, *origins.shape))
    directions = (normals + ball / np.linalg.norm(ball, axis=2, keepdims=True)).astype(np.float32)

    def work():
        free = sum(scene.run(origins, toward, query="OCCLUDED") < 0 for toward in directions)
        return {"free": free / rays}

    return work


def nearest(arrays):
    from scipy.ndimage import distance_transform_edt

    def work():
        return {"nearest": distance_transform_edt(~arrays["covered"], return_distances=False, return_indices=True)}

    return work
