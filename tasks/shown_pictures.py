"""What the report shows beside an asset's own files: the row's pictures, small, and the parts that an atlas merged."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ml.asset import Asset, InputError, decode_image
from ml.sources import Source
from tasks.outputs import OutputFile
from tasks.similarity import MOST_PICTURES

SHOWN = 768  # pixels of the longer side: as large as the report shows one on most screens; about 40 kB
PAPER = (255, 255, 255)


def picture_files(pictures: Sequence[tuple[Source, bool]], stem: str) -> list[OutputFile]:
    """`stem_reference1.jpg` and so on, at most SHOWN pixels wide and high; one that cannot be read is left out."""
    files = []
    for number, (source, _) in enumerate(pictures[:MOST_PICTURES], start=1):
        try:
            image = Image.fromarray(decode_image(source.read()))
        except InputError:  # what is wrong with it stands in the note `similarity`
            continue
        image.thumbnail((SHOWN, SHOWN))
        paper = Image.new("RGB", image.size, PAPER)
        paper.paste(image, mask=image.getchannel("A"))
        buffer = io.BytesIO()
        paper.save(buffer, "JPEG", quality=85)
        files.append(OutputFile(f"{stem}_reference{number}.jpg", "reference", 0, buffer.getvalue()))
    return files


def with_part_boxes(asset: Asset) -> Asset:
    """The asset with the boxes of its generator's parts in the note `parts`, where it has become one mesh itself.

    JSON: [{"name", "min": [x, y, z], "max": [x, y, z]}], in metres of the master. A region of a refinement names parts.
    """
    source = asset.source
    if source is None or len(source.parts) < 2 or len(asset.parts) != 1:
        return asset
    boxes: dict[str, list[np.ndarray]] = {}
    for part in source.parts:
        if len(part.faces):
            used = part.vertices[part.faces.reshape(-1)]
            boxes.setdefault(part.name, []).append(np.stack([used.min(axis=0), used.max(axis=0)]))
    parts = []
    for name, found in boxes.items():
        low, high = np.min([box[0] for box in found], axis=0), np.max([box[1] for box in found], axis=0)
        parts.append({"name": name, "min": [_short(x) for x in low], "max": [_short(x) for x in high]})
    return asset.noted(parts=json.dumps(parts, separators=(",", ":")))


def _short(value: float) -> float:
    return float(f"{value:.5g}")
