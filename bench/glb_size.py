"""GLB files beside gltfpack's and glTF-Transform's: bytes at the same bits and at the same PSNR, and CPU."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import npm_peer
from figures import Figure, main
from meshes import REAL, generated
from timing import cpu_of

from ml.asset import Asset, Material, Part, Texture, make_part
from ml.readers.gltf import read_glb
from ml.readers.gltf_buffers import parse_container
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.export_glb import GlbOptions, export_glb
from tasks.export_glb_web import GlbWebOptions, export_glb_web
from tasks.normals import split_hard_edges
from tasks.quantize import within
from tasks.texture_ktx2 import ktx2
from tasks.texture_webp import opaque, psnr, webp
from tasks.triangle_match import match

MESHES = ("2CylinderEngine.glb", "CesiumMilkTruck.glb", "armadillo.obj", "bunny.obj", "chair_model.obj", "spot.obj")
KEEP = ("-kn", "-km", "-ke", "-kv")  # names, extras and unused attributes stay, as they do in ours
WEBP_QUALITY = 80  # glTF-Transform's default


def measure() -> Iterator[Figure]:
    """Geometry of each mesh, textures of each textured one, then the cost of a large asset."""
    assets = dict(_assets())
    for name, asset in assets.items():
        yield from _geometry(name, asset)
    for name, asset in assets.items():
        if any(part.material.textures for part in asset.parts):
            yield from _textures(name, asset)
    yield from _cost(painted("500k", 2048))


def _assets() -> Iterator[tuple[str, Asset]]:
    yield "200k with three maps", painted("200k", 1024)
    for name in MESHES:
        if (REAL / name).exists():
            yield name, read_mesh(Source(str(REAL / name), str(REAL)))
        else:
            print(f"{name} is not in {REAL}: left out", file=sys.stderr)


def painted(size: str, side: int) -> Asset:
    """A marching-cubes mesh under box coordinates with colour, roughness and normal maps of `side` pixels."""
    points, faces = generated(size)
    x, y = np.meshgrid(np.linspace(0, 30, side), np.linspace(0, 30, side))
    grain = np.random.default_rng(0).normal(0, 3, (side, side, 3))
    maps = [
        np.clip(base + depth * np.stack([np.sin(x + k), np.cos(y * 1.3), np.sin(x * y / 20)], -1) + grain, 0, 255)
        for k, (base, depth) in enumerate(((120, 60), (150, 40), ((128, 128, 240), 12)))
    ]
    color, packed, bumps = (Texture.from_pixels(pixels.astype(np.uint8)) for pixels in maps)
    material = Material(
        "paint", base_color_texture=color, metallic_roughness_texture=packed, normal_texture=bumps, metallic=1.0
    )
    uv = (points[:, :2] + 1) / 2
    return Asset((split_hard_edges(make_part(points, faces, material, uv=uv.astype(np.float32))),), "knot")


def _geometry(name: str, asset: Asset) -> Iterator[Figure]:
    """Whole files with the same textures, so that JSON counts as well."""
    master = export_glb(asset, "m", GlbOptions("none"))[0].data
    # gltfpack rescales coordinates that no map reads and does not say how; ours keep them, on 16 bits or as floats.
    unread = [part.uv for part in asset.parts if part.uv is not None and not part.material.textures]
    plain = () if not unread else ("-vt", "16") if all(map(within, unread)) else ("-vtf",)
    ours, peer = _web(asset, "meshopt"), npm_peer.gltfpack(master, "-cc", *KEEP, *plain)[1]
    yield Figure(f"{name}: meshopt", len(ours), "bytes", len(peer), peer="gltfpack -cc", peer_value=len(peer))
    bits = ("--quantize-texcoord", "16") if plain else ()
    peer = npm_peer.gltf_transform(master, "meshopt", "--level", "high", *bits)[1]
    yield Figure(f"{name}: meshopt", len(ours), "bytes", len(peer), peer="glTF-Transform", peer_value=len(peer))
    yield Figure(f"{name}: meshopt, faces the codec's own decoder shows otherwise", _differing(ours), "faces", 0)
    ours, peer = _web(asset, "draco"), npm_peer.gltf_transform(master, "draco", "--quantize-normal", "8")[1]
    yield Figure(f"{name}: Draco", len(ours), "bytes", len(peer), peer="glTF-Transform", peer_value=len(peer))
    yield Figure(f"{name}: Draco, faces the codec's own decoder shows otherwise", _differing(ours), "faces", 0)


def _web(asset: Asset, geometry: str) -> bytes:
    return export_glb_web(asset, "m", GlbWebOptions(geometry, "keep"))[0].data  # type: ignore[arg-type]


def _differing(data: bytes) -> int:
    """Faces of parts that are not the same set of triangles, to the last bit, read by us and by the codec's library."""
    ours, theirs = read_glb(data).parts, read_glb(npm_peer.decoded(data)).parts
    return sum(len(a.faces) for a, b in zip(ours, theirs, strict=True) if match(*_bits(a), *_bits(b)) is None)


def _bits(part: Part) -> tuple[np.ndarray, np.ndarray]:
    return (part.vertices + np.float32(0)).view(np.int32), part.faces


def _textures(name: str, asset: Asset) -> Iterator[Figure]:
    """Each map at the lowest quality that shows it no worse than glTF-Transform's file does."""
    master = export_glb(asset, "m", GlbOptions("none"))[0].data
    cost, made = npm_peer.gltf_transform(master, "webp", "--quality", str(WEBP_QUALITY))
    own = {texture.data: texture for part in asset.parts for texture in part.material.textures}
    total = theirs = 0
    for image, texture in zip(images(made), own.values(), strict=True):
        pixels = opaque(texture.pixels())
        with Image.open(io.BytesIO(image)) as opened:
            wanted = psnr(pixels, np.asarray(opened.convert("RGBA"))[..., : pixels.shape[2]])
        total += len(_no_worse(texture, wanted))
        theirs += len(image)
    label = f"{name}: WebP of {len(own)} maps at no lower PSNR"
    yield Figure(label, total, "bytes", theirs, peer="glTF-Transform", peer_value=theirs)
    spent, kept = cpu_of(lambda: [ktx2(texture, True) for texture in own.values()], 1)
    yield Figure(f"{name}: KTX2 of {len(own)} maps, decoded and compared", spent, "CPU-s")
    yield Figure(f"{name}: KTX2, least PSNR", min(value for _, value in kept), "dB", 35.0, "higher")
    spent = cpu_of(lambda: [webp(texture, WEBP_QUALITY) for texture in own.values()], 1)[0]
    yield Figure(f"{name}: WebP, decoded and compared", spent, "CPU-s", peer="glTF-Transform", peer_value=cost)


def _no_worse(texture: Texture, wanted: float) -> bytes:
    for quality in range(60, 101):
        image, shown = webp(texture, quality)
        if shown >= wanted:
            return image.data
    return texture.data


def images(data: bytes) -> list[bytes]:
    """The encoded images of a GLB."""
    json, binary = parse_container(data)
    views = [json["bufferViews"][image["bufferView"]] for image in json.get("images", [])]
    return [bytes(binary or b"")[view.get("byteOffset", 0) :][: view["byteLength"]] for view in views]


def _cost(asset: Asset) -> Iterator[Figure]:
    (part,) = asset.parts
    flat = replace(asset, parts=(replace(part, material=replace(part.material, normal_texture=None)),))
    for what, one in (("two 2K maps", flat), ("three 2K maps, tangents", asset)):
        label = f"{part.faces.shape[0] // 1000}k faces, {what}"
        spent, (file,) = cpu_of(lambda one=one: export_glb(one, "m"))
        yield Figure(f"{label}: master GLB", spent, "CPU-s", 0.2)
        cost = npm_peer.gltfpack(file.data, "-cc", *KEEP)[0]
        spent = cpu_of(lambda one=one: _web(one, "meshopt"))[0]
        yield Figure(f"{label}: meshopt, read back", spent, "CPU-s", 0.5, peer="gltfpack -cc", peer_value=cost)
        cost = npm_peer.gltf_transform(file.data, "draco", "--quantize-normal", "8")[0]
        spent = cpu_of(lambda one=one: _web(one, "draco"), 3)[0]
        yield Figure(f"{label}: Draco, read back", spent, "CPU-s", peer="glTF-Transform", peer_value=cost)


if __name__ == "__main__":
    main(measure, __doc__ or "")
