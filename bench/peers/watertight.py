"""Watertight recipes of the field: a dense grid with libigl, and Open3D's distances on the blocks near the surface."""

import numpy as np


def libigl_dense(arrays, resolution):
    """Hunyuan3D-2.1's: (resolution + 1)³ grid over ±1.05, marching cubes of 2/resolution − distance.

    It takes the absolute value of libigl's signed distance; the unsigned one is the same and cheaper.
    """
    import igl

    points, faces = arrays["points"], arrays["faces"].astype(np.int64)
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    points = (points - middle) / np.abs(points - middle).max()

    def work():
        side = np.linspace(-1.05, 1.05, resolution + 1)
        z, y, x = np.meshgrid(side, side, side, indexing="ij")
        grid = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
        kind = igl.SignedDistanceType.SIGNED_DISTANCE_TYPE_UNSIGNED
        distance = igl.signed_distance(grid, points, faces, sign_type=kind)[0]
        field = 2.0 / resolution - np.abs(distance)
        vertices, triangles, _ = igl.marching_cubes(field, grid, *(3 * [resolution + 1]), 0.0)
        return {"vertices": vertices, "faces": triangles}

    return work


def open3d_band(arrays, thickness):
    """Distances at the points of the given blocks of 8³ only, then scipy's labels for outside and skimage's cubes."""
    import open3d as o3d
    from scipy import ndimage
    from skimage.measure import marching_cubes

    points, faces = arrays["points"].astype(np.float32), arrays["faces"].astype(np.uint32)
    nx, ny, nz = (int(n) for n in arrays["shape"])
    blocks = arrays["blocks"].astype(np.int64)

    def work():
        corner = np.stack([blocks % nx, blocks // nx % ny, blocks // nx // ny], axis=1) * 8
        z, y, x = np.meshgrid(np.arange(8), np.arange(8), np.arange(8), indexing="ij")
        places = corner[:, None] + np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
        scene = o3d.t.geometry.RaycastingScene()
        scene.add_triangles(o3d.core.Tensor(points), o3d.core.Tensor(faces))
        near = scene.compute_distance(o3d.core.Tensor(places.reshape(-1, 3).astype(np.float32))).numpy()
        distance = np.full((8 * nz, 8 * ny, 8 * nx), 9.0, np.float32)
        distance[places[..., 2].ravel(), places[..., 1].ravel(), places[..., 0].ravel()] = near
        labels, _ = ndimage.label(distance > thickness)
        field = np.where(labels == labels[0, 0, 0], distance - thickness, -np.abs(distance - thickness))
        vertices, triangles, _, _ = marching_cubes(field, 0.0)
        return {"vertices": vertices, "faces": triangles}

    return work
