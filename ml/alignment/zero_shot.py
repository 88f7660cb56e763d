"""Zero-shot classification: how likely each of some texts is, of an asset's pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.alignment.model import OpenClipAlignment, pooled
from ml.asset import F32

TEMPLATES = ("a 3D model of {}", "a rendering of {}", "{}")


def class_features(model: OpenClipAlignment, names: Sequence[str]) -> F32:
    """(k, d) unit means of each name in TEMPLATES (prompt ensembling, Radford et al. 2021, section 3.1.4)."""
    of_template = [model.texts([template.format(name) for name in names]) for template in TEMPLATES]
    return np.stack([pooled(np.stack(each)) for each in zip(*of_template, strict=True)])


def chances(model: OpenClipAlignment, pictures: F32, classes: F32) -> npt.NDArray[np.float64]:
    """(k,) probabilities of the classes' features (k, d) for the features (n, d) of one asset's pictures."""
    logits = model.scale * (classes @ pooled(pictures)).astype(np.float64)
    odds = np.exp(logits - logits.max())
    found: npt.NDArray[np.float64] = odds / odds.sum()
    return found
