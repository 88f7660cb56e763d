"""The asset of a package as pictures of it are drawn: from its whole GLB."""

from __future__ import annotations

from dataclasses import replace

from flows.publish_package import Package
from ml.asset import Asset, InputError


def master(package: Package) -> Asset | None:
    """The asset as its GLB has it; None where the package has none that can be read."""
    from ml.readers.gltf import read_glb

    if package.master.format != "glb":
        return None
    try:
        asset = read_glb(package.read(package.master))
    except InputError:
        return None
    return replace(asset, lods=()) if asset.face_count else None
