"""Trains the residual model on procedural relief and on pairs from real meshes, and writes its weights."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from detail_pairs import TRAINED, surface_pairs

from ml.residual.network import WEIGHTS
from ml.residual.train import halves, patches, train
from tasks.array_files import safetensors


def main() -> None:
    """Train and keep the weights every 50 steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--into", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    began, real = time.process_time(), []
    for pair in surface_pairs(TRAINED):
        real += patches(pair.maps.conditions(), pair.residual / pair.maps.texel)
        print(f"{pair.name}: {len(real)} patches so far, texel {pair.maps.texel:.4g} m", flush=True)
    for loss, weights in train(real, options.steps):
        about = {"loss": round(loss, 4), "steps": options.steps, "seconds": round(time.process_time() - began)}
        options.into.write_bytes(safetensors(halves(weights), about))
        print(about, flush=True)


if __name__ == "__main__":
    main()
