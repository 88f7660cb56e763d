"""What an asset keeps when its geometry is replaced: materials without their maps, and the original as bake source."""

from __future__ import annotations

from dataclasses import replace

from ml.asset import F32, I32, Asset, Material, Part


def replaced_part(part: Part, vertices: F32, faces: I32) -> Part:
    """The part with other triangles and its material's factors; UVs, normals, colours and maps no longer fit."""
    return Part(vertices, faces, without_maps(part.material), part.name)


def without_maps(material: Material) -> Material:
    """The material's factors alone: no maps, no field of looks."""
    return replace(
        material,
        base_color_texture=None,
        metallic_roughness_texture=None,
        normal_texture=None,
        occlusion_texture=None,
        emissive_texture=None,
        looks=None,
    )


def replaced_parts(asset: Asset, parts: tuple[Part, ...]) -> Asset:
    """The asset with other parts and no levels of detail, which were of the old ones; `source` stays at the first, most
    detailed asset, which baking reads."""
    return replace(asset, parts=parts, lods=(), source=asset.source or asset)
