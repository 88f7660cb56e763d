"""The metrics an asset can carry, by name with unit and meaning: what gate rules and ledger queries may refer to."""

from __future__ import annotations

import re

METRICS: dict[str, str] = {
    "finite": "1 when every position, normal and UV is a finite number, else 0 and nothing geometric is measured",
    "triangles": "triangles of LOD0",
    "triangles.asked": "most triangles that the row or prompt allows",
    "vertices": "vertices of LOD0 as stored, seams counted on each side",
    "parts": "parts (glTF primitives)",
    "part.max_triangles": "triangles of the largest part",
    "part.max_vertices": "vertices of the largest part",
    "materials": "different materials",
    "draw_calls": "parts with faces, each of which is one draw call",
    "textures": "different images",
    "texture.max_px": "longest side of any texture, pixels",
    "texture.min_px": "shortest side of any texture, pixels",
    "texture.bytes": "encoded bytes of all different images",
    "texture.power_of_two": "1 when every side of every texture is a power of two",
    "texture.square": "1 when every texture is as wide as high",
    "size.width_m": "extent along X, metres",
    "size.height_m": "extent along Y, metres",
    "size.depth_m": "extent along Z, metres",
    "size.max_m": "largest extent, metres",
    "size.min_m": "smallest extent, metres",
    "size.asked_width_m": "width that the row or prompt asks for, metres",
    "size.asked_height_m": "height that the row or prompt asks for, metres",
    "size.asked_depth_m": "depth that the row or prompt asks for, metres",
    "size.asked_error": "largest relative deviation from an asked dimension",
    "topology.boundary_edges": "edges with one face, welded by position",
    "topology.nonmanifold_edges": "edges with more than two faces",
    "topology.inconsistent_edges": "edges whose two faces wind against each other",
    "topology.components": "connected pieces",
    "topology.degenerate_faces": "faces without an area",
    "topology.duplicate_faces": "faces that repeat another one",
    "topology.unused_vertices": "vertices that no face uses",
    "topology.closed": "1 when every piece is closed, manifold and consistently wound",
    "topology.inverted": "closed shells whose faces look inward",
    "volume_m3": "enclosed volume, m³; overlaps count twice; only for closed assets",
    "area_m2": "surface area, m²",
    "uv.present": "share of the triangles that have texture coordinates",
    "uv.out_of_range": "share of the UV vertices outside 0–1 by more than 1e-4",
    "uv.overlap": "share of the covered UV cells that two or more triangles of one texture set cover",
    "uv.inverted": "share of the UV area that is mirrored",
    "uv.utilisation": "share of the UV square that is covered, mean over texture sets",
    "uv.charts": "charts the unwrap step made",
    "bake.resolution": "side of the baked textures, pixels",
    "bake.coverage": "share of the baked texels that a triangle shows",
    "albedo.luminance_mean": "mean over the surface of the base colour's largest sRGB channel, 0–255",
    "albedo.luminance_min": "1st percentile of the same",
    "albedo.luminance_max": "99th percentile of the same",
    "lods": "levels of detail below LOD0",
    "score": "worth to the profile's customer: 0–1 where it passes, below 0 where it does not",
    "fixes": "suggestions of the gate that were carried out before the verdict",
    "simplify.opened_edges": "boundary and non-manifold edges that simplification added",
    "watertight.resolution": "voxels along the longest side that the watertight step remeshed at",
    "watertight.components": "closed surfaces that came out, walls of cavities included",
    "watertight.dropped": "bodies dropped for being smaller than asked",
    "watertight.cavities": "enclosed spaces outside the solid: cavities and the insides of double shells",
    "watertight.cavity_m3": "their volume, m³, as the voxels in them",
    "watertight.hidden": "share of the input's area that no outside comes near: inner shells and parts",
    "repair.rung": "rungs of the repair ladder that were climbed, 0 for a mesh that was sound",
    "repair.moved_percent": "farthest that the repair moved the surface, either way, % of the diagonal",
    "print.overhang_fraction": "share of the area that overhangs beyond 45°, the base left out",
    "print.base_area_m2": "area that lies on the ground, m²",
    "stable": "1 when the centre of mass stands over the inside of the support polygon",
    "bytes.total": "bytes of all output files, every LOD",
}
FAMILIES = {
    r"lod\d+\.(triangles|faces)": "triangles of that LOD",
    r"bytes\.[a-z0-9]+": "bytes of the LOD0 files of that format",
}


def is_metric(name: str) -> bool:
    """Whether a rule may refer to this name."""
    return name in METRICS or any(re.fullmatch(pattern, name) for pattern in FAMILIES)
