"""Mesh checks by trimesh, pymeshlab and Open3D: edges, winding, components, measures, self-intersections, walls."""

import numpy as np


def trimesh_list(arrays):
    """Trimesh's own answers to the same questions (it has none for vertex manifoldness, slivers or duplicates)."""
    import trimesh

    points, faces = arrays["points"], arrays["faces"]

    def work():
        mesh = trimesh.Trimesh(points, faces, process=False)
        counts = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)[1]
        edges, use = len(counts), counts
        labels = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(faces))
        down = mesh.face_normals[:, 1] < -np.sqrt(0.5)
        return {
            "boundary": (use == 1).sum(),
            "nonmanifold": (use > 2).sum(),
            "winding": mesh.is_winding_consistent,
            "components": labels.max() + 1,
            "euler": len(points) - edges + len(faces),
            "degenerate": (~mesh.nondegenerate_faces()).sum(),
            "duplicate": (~mesh.unique_faces()).sum(),
            "volume": mesh.volume,
            "area": mesh.area,
            "bounds": mesh.bounds,
            "center": mesh.center_mass,
            "inertia": mesh.moment_inertia,
            "overhang": mesh.area_faces[down].sum(),
        }

    return work


def pymeshlab_list(arrays):
    """The topological and geometric measures of MeshLab, duplicates and components by their selections."""
    import pymeshlab

    points, faces = arrays["points"], arrays["faces"]

    def work():
        meshes = pymeshlab.MeshSet()
        meshes.add_mesh(pymeshlab.Mesh(points, faces))
        topology, geometry = meshes.get_topological_measures(), meshes.get_geometric_measures()
        return {
            "boundary": topology["boundary_edges"],
            "nonmanifold": topology["non_two_manifold_edges"],
            "vertices": topology["non_two_manifold_vertices"],
            "components": topology["connected_components_number"],
            "genus": topology["genus"],
            "holes": topology["number_holes"],
            "volume": geometry.get("mesh_volume", 0.0),
            "area": geometry["surface_area"],
            "inertia": geometry.get("inertia_tensor", 0.0),
        }

    return work


def open3d_list(arrays):
    """Open3D's checks without self-intersections, which it does not finish on such meshes."""
    import open3d

    mesh = open3d.geometry.TriangleMesh(
        open3d.utility.Vector3dVector(arrays["points"]), open3d.utility.Vector3iVector(arrays["faces"])
    )

    def work():
        labels, _, _ = mesh.cluster_connected_triangles()
        return {
            "edges": mesh.is_edge_manifold(allow_boundary_edges=False),
            "vertices": len(mesh.get_non_manifold_vertices()),
            "winding": mesh.is_orientable(),
            "components": np.asarray(labels).max() + 1,
            "euler": mesh.euler_poincare_characteristic(),
            "area": mesh.get_surface_area(),
        }

    return work


def pymeshlab_intersections(arrays):
    """MeshLab's selection of self-intersecting faces; loading the mesh is not timed."""
    import pymeshlab

    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(arrays["points"], arrays["faces"]))

    def work():
        meshes.compute_selection_by_self_intersections_per_face()
        return {"faces": meshes.current_mesh().face_selection_array()}

    return work


def embree_walls(arrays):
    """The same rays inward, next hit by Embree (trimesh's embreex back end)."""
    import trimesh
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    mesh = trimesh.Trimesh(arrays["points"], arrays["faces"], process=False)
    normals, centers = mesh.face_normals.astype(np.float32), mesh.triangles_center.astype(np.float32)
    triangles = mesh.triangles.astype(np.float32)

    def work():
        scene = rtcore_scene.EmbreeScene()
        TriangleMesh(scene, triangles)
        hits = scene.run(centers - 1e-5 * normals, -normals, query="DISTANCE")
        return {"thickness": hits}

    return work


def pymeshfix_repair(arrays):
    """Attene's MeshFix: fills holes and removes what crosses, keeps the largest component."""
    import pymeshfix

    def work():
        fixer = pymeshfix.MeshFix(arrays["points"], arrays["faces"])
        fixer.repair()
        return {"faces": fixer.faces if hasattr(fixer, "faces") else fixer.f}

    return work
