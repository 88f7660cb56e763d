"""The rasteriser against its own rule, written out for all samples and faces at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.raster import empty_buffers, rasterise

WIDTH, HEIGHT = 23, 17
OPAQUE = np.zeros((0, 0), np.float32)
NO_UV = np.zeros((0, 2), np.float32)


def by_rule(screen: np.ndarray, faces: np.ndarray, limit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearness and face of each sample: the nearest face that holds it and lies behind `limit`, of equals the first."""
    y, x = np.meshgrid(np.arange(HEIGHT) + 0.5, np.arange(WIDTH) + 0.5, indexing="ij")
    near, hit = empty_buffers(HEIGHT, WIDTH)
    for f, (i, j, k) in enumerate(faces):
        (xa, ya, na), (xb, yb, nb), (xc, yc, nc) = screen[i, :3], screen[j, :3], screen[k, :3]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if not abs(area) > 1e-12:
            continue
        b = ((x - xa) * (yc - ya) - (xc - xa) * (y - ya)) / area
        c = ((xb - xa) * (y - ya) - (x - xa) * (yb - ya)) / area
        n = (na + b * (nb - na) + c * (nc - na)).astype(np.float32)
        seen = (b >= 0) & (c >= 0) & (b + c <= 1) & (n > near) & (n < limit)
        near[seen], hit[seen] = n[seen], f
    return near, hit


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of every size in and around the picture, some of them twice or turned, some behind the camera (NaN)."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 200))
    size = np.exp(random.uniform(-3.0, 3.5, (count, 1, 1)))
    corners = random.uniform(-5.0, 30.0, (count, 1, 2)) + size * random.normal(size=(count, 3, 2))
    nearness = 1.0 + 0.3 * random.random((count, 1)) + 0.01 * random.normal(size=(count, 3))
    screen = np.concatenate([corners, nearness[..., None], np.ones((count, 3, 1))], axis=2).reshape(-1, 4)
    screen[random.random(len(screen)) < 0.02] = np.nan
    faces = np.arange(3 * count).reshape(-1, 3)
    again = faces[random.integers(0, count, count // 3)]
    faces = np.concatenate([faces, again[:, ::-1], again])
    return screen, random.permutation(faces).astype(np.int32)


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=100, deadline=None)
def test_every_sample_sees_the_nearest_face_behind_the_limit(seed: int, peel: bool) -> None:
    screen, faces = scene(seed)
    nothing = np.full((HEIGHT, WIDTH), np.inf, np.float32)
    limit = by_rule(screen, faces, nothing)[0] if peel else nothing
    near, hit = empty_buffers(HEIGHT, WIDTH)
    given_limit = limit if peel else OPAQUE
    middle = len(faces) // 2  # in two calls, as parts are drawn
    for first, last in ((0, middle), (middle, len(faces))):
        rasterise(screen, faces, first, last, NO_UV, OPAQUE, 0.0, given_limit, near, hit)
    expected, rule = by_rule(screen, faces, limit)
    assert np.array_equal(hit, rule)  # random samples meet no edge and no tie closer than the kernel rounds
    assert np.allclose(near, expected, rtol=1e-6)
