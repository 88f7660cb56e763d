"""An asset from a scene that another process read: triangles, shared vertices, materials with their maps packed."""

from __future__ import annotations

import io
import posixpath
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from ml.asset import U8, Asset, InputError, Material, Part, Texture, make_part
from ml.normals import repaired_normals
from ml.readers.apart import Scene, SceneMaterial, ScenePart
from ml.readers.coordinates import flipped_uv
from ml.readers.images import load_texture
from ml.readers.limits import ReadLimits, clean_name
from ml.readers.polygons import distinct_rows, triangulate
from ml.sources import Source

ORDER = ("normals", "uv", "colors")


def scene_asset(scene: Scene, source: Source | None, limits: ReadLimits) -> Asset:
    """The asset; external maps are read beside `source`. Raises InputError `mesh.*`, `image.*` or `input.too-large`."""
    loader = MapLoader(scene, source)
    materials = [loader.material(each) for each in scene.materials]
    parts = [part for each in scene.parts if (part := _part(each, materials, limits)) is not None]
    limits.check(sum(len(part.faces) for part in parts), sum(len(part.vertices) for part in parts))
    found = "; ".join(dict.fromkeys([*scene.notes, *loader.notes]))
    return Asset(tuple(parts), notes={"up_axis": "y", "unit": "m", **({"import_notes": found} if found else {})})


def _part(given: ScenePart, materials: list[Material], limits: ReadLimits) -> Part | None:
    """Corners that agree in all their numbers become one vertex; None for a part without triangles."""
    counts = given.counts.astype(np.int64)
    corners = given.corners.astype(np.int64)
    if int(counts.sum()) != len(corners) or (counts < 0).any():
        raise InputError("mesh.broken", f"{given.name}: {len(corners)} corners for polygons of {int(counts.sum())}")
    if corners.size and not 0 <= int(corners.min()) <= int(corners.max()) < len(given.points):
        raise InputError("mesh.bad-index", f"{given.name}: a corner outside its {len(given.points)} points")
    limits.check(int(np.maximum(counts - 2, 0).sum()))
    at, _ = triangulate(given.points[corners].astype(np.float64), counts)
    if not len(at):
        return None
    index = {name: found[1].astype(np.int64) for name, found in given.attributes.items() if _fits(found, len(corners))}
    rows = np.stack([corners, *index.values()], axis=1)[at.reshape(-1)]
    first, inverse = distinct_rows(rows)
    values = {name: given.attributes[name][0][rows[first, 1 + k]] for k, name in enumerate(index)}
    part = make_part(
        given.points[rows[first, 0]],
        inverse.reshape(-1, 3),
        materials[given.material] if 0 <= given.material < len(materials) else None,
        name=clean_name(given.name, "part"),
        uv=flipped_uv(values["uv"]) if "uv" in values else None,
        colors=_bytes(values["colors"]) if "colors" in values else None,
    )
    if "normals" not in values:
        return part
    return replace(part, normals=repaired_normals(values["normals"].astype(np.float32), part.vertices, part.faces))


def _fits(found: tuple[np.ndarray, np.ndarray], corners: int) -> bool:
    """Whether an attribute has a value for each corner."""
    values, index = found
    return bool(
        len(index) == corners and len(values) and index.min(initial=0) >= 0 and index.max(initial=0) < len(values)
    )


def _bytes(linear: np.ndarray) -> U8:
    """(n, 3|4) linear colours, 0–1, as (n, 4) bytes."""
    rgba = np.full((len(linear), 4), 255, np.uint8)
    rgba[:, : linear.shape[1]] = np.rint(255.0 * np.clip(np.nan_to_num(linear), 0.0, 1.0))
    return rgba


@dataclass
class MapLoader:
    """Loads the images of a scene, each once."""

    scene: Scene
    source: Source | None
    notes: list[str] = field(default_factory=list)
    loaded: dict[int | str, Texture | None] = field(default_factory=dict)

    def material(self, given: SceneMaterial) -> Material:
        """The material with its maps as glTF has them: a map of a factor takes the factor's place."""
        maps = {slot: texture for slot, which in given.maps.items() if (texture := self.get(which)) is not None}
        red, green, blue, alpha = ([*given.base_color, 1.0, 1.0, 1.0, 1.0])[:4]
        packed = _packed(maps.get("roughness"), maps.get("metallic"))
        return Material(
            name=clean_name(given.name, "material"),
            base_color=(1.0, 1.0, 1.0, alpha) if "base_color" in maps else (red, green, blue, alpha),
            metallic=1.0 if "metallic" in maps else given.metallic,
            roughness=1.0 if "roughness" in maps else given.roughness,
            emissive=(1.0, 1.0, 1.0)
            if "emissive" in maps
            else (given.emissive[0], given.emissive[1], given.emissive[2]),
            base_color_texture=maps.get("base_color"),
            metallic_roughness_texture=packed,
            normal_texture=maps.get("normal"),
            occlusion_texture=maps.get("occlusion"),
            emissive_texture=maps.get("emissive"),
            alpha_mode="BLEND" if alpha < 1.0 else "OPAQUE",
            double_sided=given.double_sided,
        )

    def get(self, which: int | str) -> Texture | None:
        """An embedded image by number, or the file of that name; None, with a note, where there is none."""
        if which not in self.loaded:
            self.loaded[which] = self._load(which)
        return self.loaded[which]

    def _load(self, which: int | str) -> Texture | None:
        if isinstance(which, int):
            return load_texture(self.scene.images[which], f"map{which}")
        name = which.replace("\\", "/")
        for each in dict.fromkeys([name, posixpath.basename(name)]):
            try:
                data = self.source.sibling(each).read() if self.source else b""
            except InputError as error:
                if error.code not in ("input.missing", "input.unreadable", "input.outside"):
                    raise
            else:
                return load_texture(data, clean_name(posixpath.basename(name))) if data else None
        self.notes.append(f"texture {clean_name(posixpath.basename(name))} is missing")
        return None


def _packed(rough: Texture | None, metal: Texture | None) -> Texture | None:
    """Grey maps as G roughness and B metallic, at the larger size; white where there is one of them only."""
    given = [texture for texture in (rough, metal) if texture is not None]
    if not given:
        return None
    size = max(texture.size for texture in given)
    channels = [np.full(size[::-1], 255, np.uint8), _grey(rough, size), _grey(metal, size)]
    return Texture.from_pixels(np.stack(channels, axis=2), "metallic_roughness")


def _grey(texture: Texture | None, size: tuple[int, int]) -> U8:
    if texture is None:
        return np.full(size[::-1], 255, np.uint8)
    with Image.open(io.BytesIO(texture.data)) as image:
        return np.asarray(image.convert("L").resize(size), np.uint8)
