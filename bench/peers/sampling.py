"""trimesh's area sampling, meshiki's salient sampling and fpsample's farthest points."""

import fpsample
import meshiki
import numpy as np
import trimesh


def uniform(arrays, count):
    def work():
        mesh = trimesh.Trimesh(arrays["points"], arrays["faces"], process=False)
        points, faces = trimesh.sample.sample_surface(mesh, count, seed=0)
        return {"points": points, "faces": faces}

    return work


def salient(arrays, count, angle, ready):
    """`ready`: the half-edge mesh is made beforehand and not timed."""
    points, faces = arrays["points"].astype(np.float32), arrays["faces"]
    made = meshiki.Mesh(points, faces) if ready else None

    def work():
        mesh = made or meshiki.Mesh(points, faces)
        return {"points": mesh.salient_point_sample(count, angle)}

    return work


def farthest(arrays, count, height):
    points = arrays["points"].astype(np.float32)
    return lambda: {"picks": fpsample.bucket_fps_kdline_sampling(points, count, h=height, start_idx=0)}
