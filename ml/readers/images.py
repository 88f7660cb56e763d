"""Texture files as mesh readers find them: kept as their bytes where every viewer shows them, else made PNG."""

from __future__ import annotations

import io

from PIL import Image

from ml.asset import InputError, Texture, decode_header, decode_image
from ml.readers.ktx2 import IDENTIFIER, decode_ktx2

PNG_END = b"IEND\xaeB`\x82"


def load_texture(data: bytes, name: str = "") -> Texture:
    """PNG and JPEG bytes as they are, any other image re-encoded as PNG; raises InputError `image.*`.

    The mime type comes from the bytes: exporters that label a JPEG as PNG are common, and viewers refuse those.
    """
    if data.startswith(IDENTIFIER):
        return Texture.from_pixels(decode_ktx2(data), name)
    decode_header(data)
    with Image.open(io.BytesIO(data)) as image:
        kind, mode = image.format, image.mode
    if kind == "PNG":
        if PNG_END not in data[-4096:]:
            raise InputError("image.truncated", f"the PNG {name!r} of {len(data)} bytes has no end")
        return Texture(data, "image/png", name)
    if kind == "JPEG" and mode in ("RGB", "L"):  # CMYK is an error in a glTF
        return Texture(data, "image/jpeg", name)
    return Texture.from_pixels(decode_image(data), name)
