"""The picture a model is shown: the object cut out, centred on a transparent or plain square."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
from PIL import Image

from ml.asset import U8, InputError, decode_image
from ml.silhouette import photo_silhouette
from ml.sources import Source

Background = Literal["plain", "rembg"]
MAX_SIDE = 1024  # pixels: TRELLIS, TRELLIS.2 and Hunyuan3D reduce to this or less themselves
MARGIN = 1.0 / 0.85  # square over object: the ratio that TripoSR and Stable Fast 3D were trained and are shown with


def cut_out(pixels: U8, background: Background = "plain") -> Image.Image:
    """(h, w, 4) pixels to an RGBA square of at most MAX_SIDE with the object in its middle and nothing around it.

    `plain` uses the picture's own alpha, else a plain backdrop; `rembg` a network for any backdrop. Raises InputError
    `image.no-silhouette`, `image.background`, `model.missing-package`.
    """
    image = Image.fromarray(pixels)
    if background == "rembg" and pixels[..., 3].min() == 255:
        image = _without_background(image)
        mask = np.asarray(image.getchannel("A"))
        if not (mask > 127).any():
            raise InputError("image.no-silhouette", "no object is left after the background is removed")
    else:
        found = photo_silhouette(pixels)
        mask = np.where(found.mask, 255 if found.found != "alpha" else pixels[..., 3], 0).astype(np.uint8)
    image.putalpha(Image.fromarray(mask))
    return squared(image)


def squared(image: Image.Image) -> Image.Image:
    """RGBA cropped to what is opaque and set in the middle of a transparent square."""
    box = image.getchannel("A").getbbox()
    if box is None:
        raise InputError("image.no-silhouette", "the picture is empty")
    image = image.crop(box)
    side = max(8, round(max(image.size) * MARGIN))
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    if side > MAX_SIDE:
        square = square.resize((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return square


def on_paper(image: Image.Image, grey: int) -> Image.Image:
    """RGB over a plain grey (0 to 255), for models that know no alpha."""
    paper = Image.new("RGB", image.size, (grey, grey, grey))
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def read_drawing(source: Source) -> Image.Image:
    """A sketch as RGB on white, at most MAX_SIDE; raises InputError `image.*`, `input.*`."""
    image = on_paper(Image.fromarray(decode_image(source.read())), 255)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return image


def png(image: Image.Image) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _without_background(image: Image.Image) -> Image.Image:
    try:
        import rembg  # type: ignore[import-not-found]
    except ImportError as error:
        raise InputError("model.missing-package", 'background = "rembg" needs the package rembg') from error
    result: Any = rembg.remove(image.convert("RGB"))
    return Image.fromarray(np.asarray(result.convert("RGBA")))
