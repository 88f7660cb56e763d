"""The model part of a 3MF: meshes, colours and texture coordinates as XML of the core and materials specifications."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from ml.asset import I32, U8, Asset, Material, Part, Texture
from ml.srgb import to_srgb
from tasks.image_files import ImageFiles
from tasks.number_rows import float_rows, int_rows
from tasks.plain_names import plain_name
from tasks.print_space import upright_millimetres
from tasks.provenance_fields import APPLICATION, provenance_fields
from tasks.tinted_maps import tinted
from tasks.topology import topology, weld

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MATERIALS = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
TERMS = {"title": "Title", "creator": "Designer", "copyright": "Copyright", "license": "LicenseTerms"}  # core §3.4.1
FOLDER = "/3D/Textures"


@dataclass
class ThreemfModel:
    """The growing resources of a model; `images` holds what goes into FOLDER."""

    images: ImageFiles = field(default_factory=ImageFiles)
    _resources: list[bytes] = field(default_factory=list)
    _objects: list[tuple[int, bool]] = field(default_factory=list)  # (resource, closed)
    _textures: dict[bytes, int] = field(default_factory=dict)
    _bases: dict[Material, int] = field(default_factory=dict)
    _last: int = 0

    @property
    def empty(self) -> bool:
        """Whether no part had a face to write."""
        return not self._objects

    def add(self, part: Part) -> None:
        """One object for a part; a mesh that is not closed is a `surface`, which need not be manifold (core §4.1.1).

        Vertices are welded as they are written, in millimetres, so that seams leave no hole; faces that the weld
        makes flat are left out.
        """
        points, faces, _ = weld(upright_millimetres(part.vertices), part.faces)
        solid = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
        corners, faces = part.faces[solid], np.ascontiguousarray(faces[solid])
        if not len(faces):
            return
        shape = topology(points, faces)
        group, index, columns = self._properties(part, corners)
        closed = shape.closed and shape.volume > 0.0
        number = self._next()
        self._objects.append((number, closed))
        kind = "model" if closed else "surface"
        name = quoteattr(plain_name(part.name, "part"))
        head = f'<object id="{number}" type="{kind}" name={name} pid="{group}" pindex="{index}"><mesh>\n<vertices>\n'
        entries = [f'" pid="{group}" p1="', '" p2="', '" p3="'] if len(columns) else []  # lib3mf wants pid on each
        marks = ['<triangle v1="', '" v2="', '" v3="', *entries, '"/>\n']
        table = faces if not len(columns) else np.concatenate([faces, columns], axis=1)
        self._resources += [
            head.encode(),
            float_rows(points, ['<vertex x="', '" y="', '" z="', '"/>\n']),
            b"</vertices>\n<triangles>\n",
            int_rows(table, marks),
            b"</triangles>\n</mesh></object>\n",
        ]

    def encode(self, asset: Asset) -> bytes:
        """The XML; several parts are one object's components, so that they stay together on the plate."""
        item = self._objects[0][0] if len(self._objects) == 1 else self._composed(asset)
        build = f'</resources>\n<build><item objectid="{item}"/></build>\n</model>\n'
        return b"".join([_head(asset), *self._resources, build.encode()])

    def _composed(self, asset: Asset) -> int:
        kind = "model" if all(closed for _, closed in self._objects) else "surface"
        members = "".join(f'<component objectid="{number}"/>' for number, _ in self._objects)
        name, number = quoteattr(plain_name(asset.name, "asset")), self._next()
        text = f'<object id="{number}" type="{kind}" name={name}><components>{members}</components></object>\n'
        self._resources.append(text.encode())
        return number

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _properties(self, part: Part, corners: I32) -> tuple[int, int, npt.NDArray[Any]]:
        """(group, its default entry, entry of each corner or nothing): texture coordinates, colours or one colour."""
        image = part.material.base_color_texture
        if image is not None and part.uv is not None:
            texture = tinted(image, part.material.base_color)
            assert texture is not None
            return self._coordinates(part.uv, self._texture(texture)), 0, corners
        if part.colors is not None:
            colors, entry = _palette(part)
            return self._colors(colors), 0, entry[corners]
        return (*self._base(part.material), np.empty(0, np.int32))

    def _texture(self, texture: Texture) -> int:
        if texture.data not in self._textures:
            path = f"{FOLDER}/{self.images.name(texture.data, texture.mime, texture.name)}"
            number = self._textures[texture.data] = self._next()
            tiled = 'tilestyleu="wrap" tilestylev="wrap"'
            kind = f'contenttype="{texture.mime}"'
            self._resources.append(f'<m:texture2d id="{number}" path="{path}" {kind} {tiled}/>\n'.encode())
        return self._textures[texture.data]

    def _coordinates(self, uv: npt.NDArray[Any], texture: int) -> int:
        """v grows upward in 3MF (materials §5)."""
        number = self._next()
        upward = np.stack([uv[:, 0], 1.0 - uv[:, 1].astype(np.float64)], axis=1)
        self._resources += [
            f'<m:texture2dgroup id="{number}" texid="{texture}">\n'.encode(),
            float_rows(upward, ['<m:tex2coord u="', '" v="', '"/>\n']),
            b"</m:texture2dgroup>\n",
        ]
        return number

    def _colors(self, colors: U8) -> int:
        number = self._next()
        lines = "".join(f'<m:color color="#{bytes(color).hex().upper()}"/>\n' for color in colors)
        self._resources.append(f'<m:colorgroup id="{number}">\n{lines}</m:colorgroup>\n'.encode())
        return number

    def _base(self, material: Material) -> tuple[int, int]:
        if material not in self._bases:
            number = self._bases[material] = self._next()
            base = np.array([[*material.base_color]])
            color = bytes(_srgb(base)[0]).hex().upper()
            name = quoteattr(plain_name(material.name, "material"))
            text = f'<base name={name} displaycolor="#{color}"/>'
            self._resources.append(f'<basematerials id="{number}">{text}</basematerials>\n'.encode())
        return self._bases[material], 0


def _palette(part: Part) -> tuple[U8, I32]:
    """The distinct sRGB colours of a part, factor multiplied in, and each vertex's place among them."""
    assert part.colors is not None
    packed = np.ascontiguousarray(part.colors).view(np.uint32).reshape(-1)
    distinct, entry = np.unique(packed, return_inverse=True)
    linear = distinct.view(np.uint8).reshape(-1, 4) / 255.0 * np.asarray(part.material.base_color)
    return _srgb(linear), entry.astype(np.int32)


def _srgb(linear: npt.NDArray[Any]) -> U8:
    values = np.clip(linear, 0.0, 1.0)
    values[:, :3] = to_srgb(values[:, :3])
    levels: U8 = np.rint(values * 255.0).astype(np.uint8)
    return levels


def _head(asset: Asset) -> bytes:
    """The model's metadata: the core's names where there is one, and the rest in a description."""
    fields = provenance_fields(asset.provenance)
    known = {name: fields[key] for key, name in TERMS.items() if key in fields}
    rest = "; ".join(f"{key}: {text}" for key, text in fields.items() if key not in TERMS)
    entries = {"Title": plain_name(asset.name, "asset"), **known, "Application": APPLICATION}
    entries |= {"Description": rest} if rest else {}
    lines = "".join(f'<metadata name="{name}">{escape(text)}</metadata>\n' for name, text in entries.items())
    spaces = f'unit="millimeter" xml:lang="en-US" xmlns="{CORE}" xmlns:m="{MATERIALS}"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<model {spaces}>\n{lines}<resources>\n'.encode()
