"""Exports 3MF for printing: millimetres, Z up, welded, with texture, vertex colours or a material colour."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import Literal

from ml.asset import Asset, InputError
from tasks.outputs import OutputFile, levels
from tasks.surface import drawable
from tasks.threemf_model import FOLDER, ThreemfModel

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
MODEL = "/3D/3dmodel.model"
MODEL_TYPE = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
TEXTURE_TYPE = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dtexture"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
CONTENT_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
MIMES = {
    "rels": "application/vnd.openxmlformats-package.relationships+xml",
    "model": "application/vnd.ms-package.3dmanufacturing-3dmodel+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
}


@dataclass(frozen=True)
class ThreemfOptions:
    """How a 3MF is written."""

    lods: Literal["separate", "none"] = field(
        default="none", metadata={"help": "write each LOD as STEM_LODn.3mf, or only the full asset"}
    )


def export_3mf(asset: Asset, stem: str, options: ThreemfOptions = ThreemfOptions()) -> list[OutputFile]:
    """`stem.3mf` (and LODs when asked); a part that is not closed is written as a `surface` object.

    Raises InputError `mesh.no-faces`, also where nothing is left at the precision of a print, and
    `mesh.out-of-range`.
    """
    wanted = levels(asset, stem) if options.lods == "separate" else [(0, stem, asset)]
    return [OutputFile(f"{name}.3mf", "3mf", lod, _encoded(drawable(level))) for lod, name, level in wanted]


def _encoded(asset: Asset) -> bytes:
    """The package ("Open Packaging Conventions" fundamentals, 3MF core §2): images stored, text deflated."""
    model = ThreemfModel()
    for part in asset.parts:
        model.add(part)
    if model.empty:
        raise InputError("mesh.no-faces", "no face has an area in millimetres")
    files = [
        ("[Content_Types].xml", _content_types()),
        ("_rels/.rels", _relationships([(MODEL, MODEL_TYPE)])),
        (MODEL[1:], model.encode(asset)),
    ]
    if images := model.images.files:
        targets = [(f"{FOLDER}/{image.name}", TEXTURE_TYPE) for image in images]
        files += [("3D/_rels/3dmodel.model.rels", _relationships(targets))]
        files += [(f"{FOLDER[1:]}/{image.name}", image.data) for image in images]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files:
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            text = path.endswith((".xml", ".rels", ".model"))
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED, compresslevel=1)
    return buffer.getvalue()


def _relationships(targets: list[tuple[str, str]]) -> bytes:
    lines = "".join(
        f'<Relationship Target="{path}" Id="rel{number}" Type="{kind}"/>' for number, (path, kind) in enumerate(targets)
    )
    return f'{XML}<Relationships xmlns="{RELATIONSHIPS}">{lines}</Relationships>'.encode()


def _content_types() -> bytes:
    lines = "".join(f'<Default Extension="{kind}" ContentType="{mime}"/>' for kind, mime in MIMES.items())
    return f'{XML}<Types xmlns="{CONTENT_TYPES}">{lines}</Types>'.encode()
