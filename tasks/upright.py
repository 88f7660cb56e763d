"""Upright: whether an asset would rest better with another axis up, as files from Z-up programs do."""

from __future__ import annotations

from ml.asset import Asset
from tasks.orient import z_up_confidence


def upright_metrics(asset: Asset) -> dict[str, float]:
    """up.z_confidence: −1 (rests clearly better as it is) to 1 (clearly better with Z up), 0 where neither tells.

    As the orient step judges files that state no axis. For an asset with faces and finite positions.
    """
    return {"up.z_confidence": z_up_confidence(asset)}
