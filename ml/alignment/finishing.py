"""What turns trained weights into a model that can be used: its calibration and its reference statistics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ml.alignment.calibration import Calibration, calibrate
from ml.alignment.distribution import distribution
from ml.alignment.examples import Example
from ml.alignment.judging import Judged, judge
from ml.alignment.model import SmallAlignment
from ml.alignment.network import build_network
from ml.alignment.recipe import NAME
from ml.alignment.tensors import read_tensors, write_tensors


def finish(folder: Path, groups: Sequence[Sequence[Example]], seed: int = 0) -> Judged:
    """Write `calibration.json` and `reference.safetensors` beside the weights, from groups that training never saw.

    Calibrated on as many prompts of other groups as with one word wrong.
    """
    config = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
    network = build_network(read_tensors(folder / "model.safetensors"), config)
    plain = SmallAlignment(network, Calibration(1.0, 0.0), config["vision_cfg"]["image_size"])
    judged = judge(plain, groups)
    rng = np.random.default_rng(seed)
    random = rng.choice(judged.random, min(len(judged.hard), len(judged.random)), replace=False)
    calibration = calibrate(judged.right, np.concatenate([judged.hard, random]))
    (folder / "calibration.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n")
    write_tensors(folder / "reference.safetensors", distribution(judged.seen).arrays())
    return judged
