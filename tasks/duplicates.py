"""Near-duplicates: which assets of a list repeat an earlier one, by digest or by how alike they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # spatial loads on first use: 0.7 CPU-s

from tasks.signature import FEATURES, SHAPE_FEATURES, Signature, distance

F32 = npt.NDArray[np.float32]

# Twelve prompts of the procedural generator with four seeds each: other prompts lie 0.15 and more apart, chairs of one
# prompt 0.10, a chair and itself with half of its faces 0.009; lamps that differ in a scroll 0.002.
THRESHOLD = 0.02
AXES = 16  # of the projection in which neighbours are looked for


@dataclass(frozen=True)
class Duplicate:
    """Item `index` repeats item `of`, which comes before it and repeats none itself."""

    index: int
    of: int
    distance: float  # 0 for equal digests


def duplicates(signatures: Sequence[Signature], threshold: float = THRESHOLD) -> list[Duplicate]:
    """What repeats something earlier, within `threshold` of `tasks.signature.distance`.

    Each item is compared with the earlier ones that stand, and repeats the nearest of them; so of a chain of small
    differences the ends are not called equal. Candidates come from a k-d tree over the AXES main directions: projected
    distances are never larger than true ones, so none is missed. Memory 1.5 kB an item.
    """
    if len(signatures) < 2:
        return []
    features = np.stack([each.features for each in signatures])
    near = _neighbours(_projected(features), threshold)
    first: dict[str, int] = {}  # of those that stand, by digest
    found: list[Duplicate] = []
    stands = np.ones(len(signatures), np.bool_)
    for i, each in enumerate(signatures):
        stands[i] = each.digest not in first
        if not stands[i]:
            found.append(Duplicate(i, first[each.digest], 0.0))
            continue
        earlier = np.array([j for j in near.get(i, ()) if stands[j]], np.int64)
        away = distance(each.features, features[earlier])
        if len(away) and away.min() <= threshold:
            k = int(np.argmin(away))
            found.append(Duplicate(i, int(earlier[k]), float(away[k])))
            stands[i] = False
        else:
            first[each.digest] = i
    return found


def _projected(features: npt.NDArray[np.uint8]) -> F32:
    """(n, AXES) in the main directions of a space whose distances are at most those of `distance`.

    With s and c the root mean squares of both groups, √(s² + c²) ≤ s + c.
    """
    scale = np.full(FEATURES, 1.0 / np.sqrt(SHAPE_FEATURES), np.float32)
    scale[SHAPE_FEATURES:] = 1.0 / np.sqrt(FEATURES - SHAPE_FEATURES)
    values = features.astype(np.float32) / np.float32(255.0) * scale
    values -= values.mean(axis=0)
    sample = values[:: max(1, len(values) // 20_000)]
    _, directions = np.linalg.eigh(sample.T @ sample)
    projected: F32 = values @ np.ascontiguousarray(directions[:, -AXES:])
    return projected


def _neighbours(points: F32, threshold: float) -> dict[int, list[int]]:
    """For each item the earlier ones within the threshold, with room for float32 rounding."""
    tree = scipy.spatial.cKDTree(points)
    pairs = tree.query_pairs(threshold + 1e-5, output_type="ndarray")
    near: dict[int, list[int]] = {}
    for low, high in np.sort(pairs, axis=1).tolist():
        near.setdefault(high, []).append(low)
    return near
