"""Embree through embreex: one ray a pixel, then normals, depth and vertex-colour albedo looked up where it hit."""

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh


def embree(arrays):
    points, faces, colors = arrays["points"].astype(np.float32), arrays["faces"], arrays["colors"]
    views, height, width = arrays["directions"].shape[:3]
    directions = arrays["directions"].reshape(views, -1, 3).astype(np.float32)
    origins = np.repeat(arrays["eyes"].astype(np.float32)[:, None], directions.shape[1], axis=1)
    origins, forward = np.ascontiguousarray(origins), arrays["forward"].astype(np.float32)

    def work():
        scene = rtcore_scene.EmbreeScene()
        TriangleMesh(scene, points, faces)
        normals, albedo = (
            np.zeros((*directions.shape[:2], 3), np.float32),
            np.zeros((*directions.shape[:2], 4), np.uint8),
        )
        depth = np.full(directions.shape[:2], np.inf, np.float32)
        for k in range(views):
            found = scene.run(origins[k], directions[k], output=1)
            hit = np.flatnonzero(found["primID"] >= 0)
            normal = found["Ng"][hit]
            normals[k, hit] = normal / np.linalg.norm(normal, axis=1, keepdims=True)
            depth[k, hit] = found["tfar"][hit] * (directions[k, hit] @ forward[k])
            corners, u, v = faces[found["primID"][hit]], found["u"][hit, None], found["v"][hit, None]
            color = (1 - u - v) * colors[corners[:, 0]] + u * colors[corners[:, 1]] + v * colors[corners[:, 2]]
            albedo[k, hit] = color + 0.5
        shape = (views, height, width)
        return {
            "depth": depth.reshape(shape),
            "normals": normals.reshape(*shape, 3),
            "albedo": albedo.reshape(*shape, 4),
        }

    return work
