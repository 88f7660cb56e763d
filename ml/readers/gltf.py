"""Reads glTF 2.0 (.glb and .gltf) into an asset: node transforms baked into the vertices, at frame 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, InputError, Part, make_part
from ml.normals import repaired_normals
from ml.readers.coordinates import finite_uv
from ml.readers.draco import decode_draco
from ml.readers.gltf_buffers import Document, Json, parse_container
from ml.readers.gltf_levels import sort_parts
from ml.readers.gltf_materials import Mapped, MaterialReader, color_bytes
from ml.readers.gltf_morph import Morph, read_morph
from ml.readers.gltf_scene import Matrix, Placement, is_mirrored, move, place_meshes
from ml.readers.gltf_skin import posed
from ml.readers.gltf_xmp import read_provenance
from ml.readers.limits import ReadLimits, clean_name, parsing
from ml.sources import Source

TRIANGLES, STRIP, FAN = 4, 5, 6
MAX_NOTES = 64

# Extensions a file may require: those we read, and the KHR_materials_* that only refine a material we approximate.
READ_EXTENSIONS = {
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "KHR_draco_mesh_compression",
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
    "KHR_texture_basisu",
    "KHR_texture_transform",
    "KHR_lights_punctual",
    "KHR_xmp_json_ld",
    "EXT_texture_webp",
    "EXT_texture_avif",
}


def read_gltf(data: bytes, source: Source | None = None, limits: ReadLimits = ReadLimits()) -> Asset:
    """The asset in the bytes of a .glb or .gltf; external buffers and images are read beside `source`, in its root.

    Levels of detail (MSFT_lod, or siblings named _LOD1 …) and collision bodies become the asset's own.

    Raises InputError `mesh.truncated`, `mesh.broken`, `mesh.bad-index`, `mesh.too-large`, `mesh.unsupported`,
    `image.*` or `input.*`.
    """
    with parsing("glTF"):
        document = Document(*parse_container(data), source, limits)
    return read_document(document)


def read_document(document: Document) -> Asset:
    """The asset in a parsed document; raises InputError as `read_gltf` does."""
    with parsing("glTF"):
        notes = _skipped_features(document.json)
        placed = read_parts(document, notes)
        levels, bodies = sort_parts(placed)
        name, kept = _handed_over(document.json)
        found = "; ".join(dict.fromkeys(notes))
        return Asset(
            tuple(levels[0]),
            name,
            lods=tuple(Asset(tuple(level), name) for level in levels[1:]),
            collision=tuple(bodies),
            provenance=read_provenance(document.json),
            notes={**kept, "import_notes": found} if found else kept,
        )


def read_parts(document: Document, notes: list[str]) -> list[tuple[Part, int]]:
    """Each part of the scene and its level by MSFT_lod, in document order; what is left out is added to the notes."""
    _check_extensions(document.json)
    placements, worlds = place_meshes(document)
    _check_claims(document, placements)
    reader = _PartReader(document, MaterialReader(document, notes), worlds, notes)
    return [(part, placement.level) for placement in placements for part in reader.parts(placement)]


def read_glb(data: bytes, limits: ReadLimits = ReadLimits()) -> Asset:
    """The asset in the bytes of a self-contained GLB, its name and notes included where Meshmill wrote it."""
    return read_gltf(data, None, limits)


def _check_extensions(json: Json) -> None:
    for extension in json.get("extensionsRequired", []):
        if extension not in READ_EXTENSIONS and not str(extension).startswith("KHR_materials_"):
            raise InputError("mesh.unsupported", f"the file requires {clean_name(extension)}, which is not read")


def _skipped_features(json: Json) -> list[str]:
    features = {
        "animations": "animations left out: frame 0 of the first is read",
        "skins": "skin baked in the pose of its joints",
    }
    return [note for key, note in features.items() if json.get(key)]


def _check_claims(document: Document, placements: list[Placement]) -> None:
    """Refuse a scene whose instances together claim too much, from counts alone, before any vertex is decoded."""
    faces = vertices = 0
    for placement in placements:
        for primitive in document.item("meshes", placement.mesh).get("primitives", []):
            points = document.count(primitive["attributes"]["POSITION"])
            corners = document.count(primitive["indices"]) if "indices" in primitive else points
            faces += corners // 3 if primitive.get("mode", TRIANGLES) == TRIANGLES else max(corners - 2, 0)
            vertices += points
            document.limits.check(faces, vertices)


def _handed_over(json: Json) -> tuple[str, dict[str, str]]:
    """Name and notes that Meshmill's writer left in `asset.extras`, bounded because anybody may have written them."""
    ours = json["asset"].get("extras")
    ours = ours.get("meshmill") if isinstance(ours, dict) else None
    ours = ours if isinstance(ours, dict) else {}
    notes = ours.get("notes")
    pairs = list(notes.items())[:MAX_NOTES] if isinstance(notes, dict) else []
    return clean_name(ours.get("name"), "asset"), {
        clean_name(key): text[:4096].encode("utf-8", "replace").decode() for key, text in pairs if isinstance(text, str)
    }


@dataclass
class _PartReader:
    document: Document
    materials: MaterialReader
    worlds: dict[int, Matrix]
    notes: list[str]

    def parts(self, placement: Placement) -> list[Part]:
        """One part for every triangle primitive of a placed mesh, named after its node, else its mesh."""
        mesh = self.document.item("meshes", placement.mesh)
        base = clean_name(placement.name) or clean_name(mesh.get("name"), f"part_{placement.mesh}")
        parts = [self._part(primitive, placement) for primitive in mesh.get("primitives", [])]
        solid = [part for part in parts if part is not None]
        return [replace(part, name=base if at == 0 else f"{base}_{at}") for at, part in enumerate(solid)]

    def _part(self, primitive: Json, placement: Placement) -> Part | None:
        mode = primitive.get("mode", TRIANGLES)
        if mode not in (TRIANGLES, STRIP, FAN):
            self.notes.append("points and lines left out")
            return None
        self._unpack_draco(primitive)
        attributes: Json = primitive["attributes"]
        morph = Morph(self.document)
        if targets := primitive.get("targets", []):
            self.notes.append("morph targets baked in at their weights")
            count = self.document.count(attributes["POSITION"])
            morph = read_morph(self.document, targets, placement.weights, count)
        points = self._attribute(attributes, "POSITION", (3,), morph)
        assert points is not None
        faces = self._faces(primitive, mode, len(points))
        normals = self._attribute(attributes, "NORMAL", (3,), morph)
        points, normals, mirrored = self._placed(attributes, placement, points, normals)
        mapped = self.materials.read(primitive.get("material"))
        checked = make_part(
            points,
            faces[:, ::-1] if mirrored else faces,
            mapped.material,
            normals=normals,
            uv=self._uv(attributes, mapped, morph),
            uv1=self._lightmap(attributes, mapped, morph),
            colors=self._colors(attributes, morph),
        )
        if checked.normals is None:
            return checked
        return replace(checked, normals=repaired_normals(checked.normals, checked.vertices, checked.faces))

    def _placed(
        self, attributes: Json, placement: Placement, points: F32, normals: F32 | None
    ) -> tuple[F32, F32 | None, bool]:
        if placement.skin is None or "JOINTS_0" not in attributes:
            return *move(points, normals, placement.world), is_mirrored(placement.world)
        return posed(self.document, self.worlds, placement.skin, attributes, points, normals)

    def _unpack_draco(self, primitive: Json) -> None:
        """Decode a Draco primitive into its accessors, unless its file also carries the uncompressed values."""
        packed = primitive.get("extensions", {}).get("KHR_draco_mesh_compression")
        position = self.document.item("accessors", primitive["attributes"]["POSITION"])
        if packed is None or "bufferView" in position or "sparse" in position:
            return
        accessors = primitive["attributes"]
        wanted = {name: identity for name, identity in packed["attributes"].items() if name in accessors}
        faces, values = decode_draco(bytes(self.document.view(packed["bufferView"])), wanted)
        for index, found in [(primitive["indices"], faces), *((accessors[name], values[name]) for name in wanted)]:
            if self.document.count(index) != len(found):
                raise InputError("mesh.broken", f"{len(found)} values in the Draco stream, not as many as claimed")
            self.document.unpacked[index] = found.astype(self.document.stored_type(index))

    def _attribute(self, attributes: Json, key: str, widths: tuple[int, ...], morph: Morph) -> F32 | None:
        if key not in attributes:
            return None
        values = self.document.floats(attributes[key])
        if values.shape[1] not in widths:
            raise InputError("mesh.broken", f"{key} has {values.shape[1]} components")
        return morph.moved(key, values)

    def _uv(self, attributes: Json, mapped: Mapped, morph: Morph) -> F32 | None:
        uv = self._attribute(attributes, f"TEXCOORD_{mapped.uv_set}", (2,), morph)
        return None if uv is None else finite_uv(mapped.baked(uv))

    def _lightmap(self, attributes: Json, mapped: Mapped, morph: Morph) -> F32 | None:
        """The second set, where no map reads it: by engines' convention the one for lightmaps."""
        uv = self._attribute(attributes, "TEXCOORD_1", (2,), morph) if mapped.uv_set == 0 else None
        return None if uv is None else finite_uv(uv)

    def _colors(self, attributes: Json, morph: Morph) -> U8 | None:
        if "COLOR_0" not in attributes:
            return None
        stored = self.document.accessor(attributes["COLOR_0"])
        if stored.dtype == np.uint8 and stored.shape[1] == 4 and not morph.changes("COLOR_0"):
            return np.array(stored, dtype=np.uint8, order="C")
        values = self._attribute(attributes, "COLOR_0", (3, 4), morph)
        return None if values is None else color_bytes(values)

    def _faces(self, primitive: Json, mode: int, points: int) -> I32:
        if "indices" not in primitive:
            corners = np.arange(points, dtype=np.int32)
        else:
            stored = self.document.accessor(primitive["indices"])
            if stored.dtype.kind == "f" or stored.shape[1] != 1:
                raise InputError("mesh.broken", "indices are not unsigned scalars")
            if len(stored) and int(stored.max()) >= points:
                raise InputError("mesh.bad-index", f"face index {int(stored.max())} outside {points} vertices")
            corners = stored[:, 0].astype(np.int32)
        return triangles(corners, mode)


def triangles(corners: npt.NDArray[Any], mode: int) -> I32:
    """(m, 3) faces of a triangle list, strip or fan (§3.7.2.1); strips lose the repeated corners that join them."""
    if mode == TRIANGLES:
        if len(corners) % 3:
            raise InputError("mesh.broken", f"{len(corners)} indices are not whole triangles")
        return corners.reshape(-1, 3).astype(np.int32, copy=False)
    if len(corners) < 3:
        return np.empty((0, 3), np.int32)
    if mode == FAN:
        rim = corners[1:]
        return np.stack([np.full(len(rim) - 1, corners[0]), rim[:-1], rim[1:]], axis=1).astype(np.int32)
    faces = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1).astype(np.int32)
    faces[1::2] = faces[1::2, [1, 0, 2]]
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return np.ascontiguousarray(faces[distinct])
