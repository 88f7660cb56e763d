"""Small assets that the exporters' tests write."""

from typing import Any

import numpy as np
import trimesh

from ml.asset import Material, Part, Texture, make_part


def texture(seed: int) -> Texture:
    return Texture.from_pixels(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8))


def painted(name: str = "red paint") -> Material:
    """A material with all five maps, occlusion packed with roughness and metallic."""
    orm = texture(1)
    return Material(name, (1, 1, 1, 1), 1.0, 1.0, (1, 1, 1), texture(0), orm, texture(2), orm, texture(3))


def ball(material: Material | None = None, name: str = "ball", level: int = 1, **extra: Any) -> Part:
    """A unit ball with texture coordinates that run over its back."""
    mesh = trimesh.creation.icosphere(level)
    points = np.asarray(mesh.vertices, np.float32)
    uv = np.stack([np.arctan2(points[:, 0], points[:, 2]) / 6.3 + 0.5, 0.5 - points[:, 1] / 2], axis=1)
    return make_part(points, mesh.faces, material or Material(), name=name, uv=uv.astype(np.float32), **extra)
