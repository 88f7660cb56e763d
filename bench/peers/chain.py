"""The geometric chain of Hunyuan3D-2.1 in pymeshlab: floaters, degenerate faces, decimation. It fills no holes."""

from simplify import QUALITY


def pymeshlab_chain(arrays, target):
    import pymeshlab

    mesh = pymeshlab.Mesh(arrays["points"], arrays["faces"])

    def work():
        meshes = pymeshlab.MeshSet()
        meshes.add_mesh(mesh)
        meshes.compute_selection_by_small_disconnected_components_per_face(nbfaceratio=0.005)
        meshes.compute_selection_transfer_face_to_vertex(inclusive=False)
        meshes.meshing_remove_selected_vertices_and_faces()
        meshes.meshing_remove_null_faces()
        meshes.meshing_decimation_quadric_edge_collapse(targetfacenum=target, **QUALITY)
        made = meshes.current_mesh()
        return {"points": made.vertex_matrix(), "faces": made.face_matrix()}

    return work
