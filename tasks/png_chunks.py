"""PNG files without the chunks that glTF viewers must ignore and its validator warns of; pixels stay untouched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml.asset import Material, Texture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour profiles, pixel aspect and animation: glTF 2.0 §3.8.3 has viewers ignore them.
IGNORED = {b"iCCP", b"gAMA", b"cHRM", b"pHYs", b"acTL", b"fcTL", b"fdAT"}
WARNED = {b"iCCP", b"pHYs", b"acTL"}

SLOTS = (
    "base_color_texture",
    "metallic_roughness_texture",
    "normal_texture",
    "occlusion_texture",
    "emissive_texture",
)


def plain_png(texture: Texture) -> Texture:
    """The texture without ignored chunks; itself when it is no PNG or has none that matter."""
    if not texture.data.startswith(SIGNATURE):
        return texture
    chunks = _chunks(texture.data)
    if not WARNED & {kind for kind, _ in chunks}:
        return texture
    kept = b"".join(chunk for kind, chunk in chunks if kind not in IGNORED)
    return replace(texture, data=SIGNATURE + kept)


def with_plain_maps(material: Material) -> Material:
    """The material with every map passed through `plain_png`; itself when none changed."""
    changed: dict[str, Any] = {}
    for slot in SLOTS:
        texture = getattr(material, slot)
        plain = None if texture is None else plain_png(texture)
        if plain is not texture:
            changed[slot] = plain
    return replace(material, **changed) if changed else material


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(type, whole chunk) of each chunk up to the end chunk or the end of the data."""
    found, offset = [], len(SIGNATURE)
    while offset + 12 <= len(data):
        size = 12 + int.from_bytes(data[offset : offset + 4], "big")
        kind = data[offset + 4 : offset + 8]
        found.append((kind, data[offset : offset + size]))
        offset += size
        if kind == b"IEND":
            break
    return found
