"""Reads KTX2 textures that hold UASTC blocks, plain or under Zstandard: what KHR_texture_basisu allows, less ETC1S."""

from __future__ import annotations

import struct

import numpy as np

from ml.asset import MAX_TEXTURE_PIXELS, U8, InputError
from ml.readers.uastc import LEVELS, MODES, PATTERNS, WEIGHTS, decode_blocks

IDENTIFIER = b"\xabKTX 20\xbb\r\n\x1a\n"
UASTC, ZSTANDARD = 166, 2


def decode_ktx2(data: bytes) -> U8:
    """(h, w, 4) uint8 RGBA of the largest level; raises InputError `image.*`.

    `image.unsupported` for ETC1S, arrays, cubes, and blocks in other modes than those of ml/readers/uastc.py.
    """
    if not data.startswith(IDENTIFIER) or len(data) < 104:
        raise InputError("image.unreadable", "not a KTX2 file")
    _, _, width, height, depth, layers, faces, _, scheme = struct.unpack_from("<9I", data, 12)
    (described,) = struct.unpack_from("<I", data, 48)
    start, length, plain = struct.unpack_from("<3Q", data, 80)
    if width * height > MAX_TEXTURE_PIXELS or not width or not height:
        raise InputError("image.too-large", f"a KTX2 image of {width}×{height} pixels")
    if depth or layers or faces != 1 or described + 13 > len(data) or data[described + 12] != UASTC:
        raise InputError("image.unsupported", "a KTX2 file that is no single image of UASTC blocks")
    across, down = (width + 3) // 4, (height + 3) // 4
    if plain != across * down * 16 or start + length > len(data):
        raise InputError("image.truncated", "a KTX2 level of another size than its image")
    blocks = _level(data[start : start + length], scheme, plain)
    texels = np.zeros((across * down, 16, 4), np.uint8)
    if decode_blocks(blocks, MODES, LEVELS, WEIGHTS, PATTERNS, texels):
        raise InputError("image.unsupported", "a KTX2 file with UASTC blocks in modes that are not read")
    rows = texels.reshape(down, across, 4, 4, 4).transpose(0, 2, 1, 3, 4).reshape(4 * down, 4 * across, 4)
    return np.ascontiguousarray(rows[:height, :width])


def _level(packed: bytes, scheme: int, size: int) -> U8:
    import zstandard

    if scheme == ZSTANDARD:
        try:
            packed = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
        except zstandard.ZstdError as error:
            raise InputError("image.truncated", f"a KTX2 level could not be decompressed: {error}") from error
    elif scheme:
        raise InputError("image.unsupported", f"KTX2 supercompression scheme {scheme}")
    if len(packed) != size:
        raise InputError("image.truncated", f"a KTX2 level of {len(packed)} bytes, not {size}")
    return np.frombuffer(packed, np.uint8).reshape(-1, 16)
