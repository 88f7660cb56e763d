"""The vecset product of Hunyuan3D-2.1's and Dora's recipes from their packages: libigl, trimesh, meshiki, embreex."""

import io
import zipfile

import igl
import meshiki
import numpy as np
import trimesh
from PIL import Image
from scipy.stats import truncnorm
from views import embree
from watertight import libigl_dense

WINDING = igl.SignedDistanceType.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER


def vecset(arrays, uniform, salient, near, salient_near, volume, remeshed, pictures):
    """`remeshed`: the closed mesh is given, so that the dense grid's minutes are left out.

    Views are Embree's from the given rays with normals, depth and albedo, as PNG files; the recipes render in Blender.
    """
    random = np.random.default_rng(0)
    make = None if remeshed else libigl_dense(arrays, 256)
    views = embree(arrays) if pictures else None

    def work():
        made = {"vertices": arrays["closed_points"], "faces": arrays["closed_faces"]} if remeshed else make()
        vertices, faces = np.asarray(made["vertices"]), np.asarray(made["faces"]).astype(np.int64)
        mesh = trimesh.Trimesh(vertices, faces, process=False)
        surface, owner = trimesh.sample.sample_surface(mesh, uniform, seed=0)
        normals = mesh.face_normals[owner]
        sharp = meshiki.Mesh(vertices.astype(np.float32), faces.astype(np.int32)).salient_point_sample(salient, 15.0)
        base, _ = trimesh.sample.sample_surface(mesh, near, seed=1)
        drawn = [
            base + truncnorm.rvs(-50, 50, scale=0.005, size=base.shape, random_state=random),
            sharp[np.arange(salient_near) % len(sharp)] + random.normal(scale=0.01, size=(salient_near, 3)),
            (random.random((volume, 3)) - 0.5) * 2.1,
        ]
        labels = [igl.signed_distance(each, vertices, faces, sign_type=WINDING)[0] for each in drawn]
        buffer = io.BytesIO()
        named = {f"points{k}": each.astype(np.float32) for k, each in enumerate(drawn)}
        named |= {f"label{k}": each.astype(np.float32) for k, each in enumerate(labels)}
        np.savez(buffer, surface=surface.astype(np.float32), normals=normals.astype(np.float32), sharp=sharp, **named)
        if views is not None:
            stored(views())
        return {"bytes": np.array(len(buffer.getvalue())), "label": labels[2], "volume": drawn[2]}

    return work


def stored(made):
    """The pictures as PNG in a zip."""
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        for k in range(len(made["depth"])):
            depth = np.where(np.isfinite(made["depth"][k]), made["depth"][k], 0.0)
            maps = {
                "albedo": made["albedo"][k],
                "normals": np.rint((made["normals"][k] + 1) * 127.5).astype(np.uint8),
                "depth": np.rint(depth / max(depth.max(), 1e-9) * 65535).astype(np.uint16),
                "mask": np.where(depth > 0, 255, 0).astype(np.uint8),
            }
            for name, pixels in maps.items():
                buffer = io.BytesIO()
                Image.fromarray(pixels).save(buffer, "PNG")
                archive.writestr(f"{name}_{k}.png", buffer.getvalue())
