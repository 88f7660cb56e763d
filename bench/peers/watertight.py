"""Watertight recipes of the field, and the judges of what comes out."""

import numpy as np


def self_intersections(arrays):
    """pymeshlab's selection of faces that cross another."""
    import pymeshlab

    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(arrays["points"], arrays["faces"]))

    def work():
        meshes.compute_selection_by_self_intersections_per_face()
        return {"faces": np.flatnonzero(meshes.current_mesh().face_selection_array())}

    return work
