"""Half metal: surface whose metallic value is neither a metal's nor a dielectric's."""

from __future__ import annotations

from ml.asset import Asset, InputError
from tasks.physical import surface_faults


def half_metal_metrics(asset: Asset) -> dict[str, float]:
    """material.half_metal: the share of the surface with a metallic value between 0.1 and 0.9, of 16,384 places.

    Nature has metals and dielectrics and little between (Adobe, "The PBR Guide", part 2); texels along the border of
    the two are blends and make a small share. For an asset with faces; nothing where they have no area. Raises
    InputError `image.*` for a map that cannot be decoded.
    """
    materials = {part.material for part in asset.parts}
    if all(m.metallic in (0.0, 1.0) and m.metallic_roughness_texture is None for m in materials):
        return {"material.half_metal": 0.0}
    try:
        return {"material.half_metal": surface_faults(asset)["material.metallic_between"]}
    except InputError as error:
        if error.code != "mesh.no-area":
            raise
        return {}
