"""Decimation by pymeshlab (QEM, plain and textured), fast-simplification and meshoptimizer."""

import tempfile
from pathlib import Path

import numpy as np

# What the field calls pymeshlab with (the face reducers of the image-to-3D generators).
QUALITY = {
    "qualitythr": 1.0,
    "preserveboundary": True,
    "boundaryweight": 3.0,
    "preservenormal": True,
    "preservetopology": True,
}


def _made(meshes) -> dict:
    mesh = meshes.current_mesh()
    return {"points": mesh.vertex_matrix(), "faces": mesh.face_matrix()}


def pymeshlab_qem(arrays, target):
    import pymeshlab

    mesh = pymeshlab.Mesh(arrays["points"], arrays["faces"])

    def work():
        meshes = pymeshlab.MeshSet()
        meshes.add_mesh(mesh)
        meshes.meshing_decimation_quadric_edge_collapse(targetfacenum=target, **QUALITY)
        return _made(meshes)

    return work


def pymeshlab_textured(arrays, target):
    """For one run: a mesh made from arrays gets no texture index, so it is read from a file, outside the timing."""
    import pymeshlab
    from PIL import Image

    meshes = pymeshlab.MeshSet()
    with tempfile.TemporaryDirectory() as folder:
        Image.new("RGB", (8, 8)).save(f"{folder}/t.png")
        Path(folder, "m.mtl").write_text("newmtl m\nmap_Kd t.png\n")
        with Path(folder, "m.obj").open("w") as stream:
            stream.write("mtllib m.mtl\n")
            np.savetxt(stream, arrays["points"], "v %.9g %.9g %.9g")
            np.savetxt(stream, arrays["uv"], "vt %.9g %.9g")
            stream.write("usemtl m\n")
            pairs = np.stack([arrays["faces"], arrays["corners"]], axis=2).reshape(-1, 6) + 1
            np.savetxt(stream, pairs, "f %d/%d %d/%d %d/%d")
        meshes.load_new_mesh(f"{folder}/m.obj")
    settings = {name: value for name, value in QUALITY.items() if name != "preservetopology"}  # it has no such setting

    def work():
        meshes.meshing_decimation_quadric_edge_collapse_with_texture(targetfacenum=target, **settings)
        return {**_made(meshes), "uv": meshes.current_mesh().wedge_tex_coord_matrix()}

    return work


def fast_simplification(arrays, target, aggressiveness):
    import fast_simplification as fs

    points, faces = arrays["points"].astype(np.float32), arrays["faces"]

    def work():
        made = fs.simplify(points, faces, target_count=target, agg=aggressiveness)
        return {"points": made[0], "faces": made[1]}

    return work


def meshoptimizer(arrays, target):
    import meshoptimizer as mo

    points = np.ascontiguousarray(arrays["points"], dtype=np.float32)
    faces = np.ascontiguousarray(arrays["faces"].reshape(-1), dtype=np.uint32)

    def work():
        out = np.empty_like(faces)
        count = mo.simplify(out, faces, points, len(faces), len(points), 12, 3 * target, 1.0)
        return {"points": points, "faces": out[:count].reshape(-1, 3).astype(np.int32)}

    return work
