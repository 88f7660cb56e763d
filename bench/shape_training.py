"""What the shape model's trainer costs beside its networks: CPU time of an example, a batch and a checkpoint."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import cycle, islice
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from ml.shapes.buffer import POINTS, ExampleBuffer
from ml.shapes.checkpoint import Checkpoints, captured
from ml.shapes.example import ARRAYS, NEAR, VOLUME, ShapeExample
from ml.shapes.optimiser import MuonAdamW
from ml.shapes.recipe import ShapeRecipe
from ml.shapes.settings import Counts
from ml.shapes.vae import ShapeVae
from tasks.procedural_examples import procedural_example

EXAMPLES, FED, BATCH, BATCHES = 16, 256, 16, 12
COUNTS = Counts()


def measure() -> Iterator[Figure]:
    """Feeding, then batches beside torch's DataLoader over the same examples in memory, then a checkpoint."""
    torch.set_num_threads(1)
    examples = [procedural_example(1, index) for index in range(EXAMPLES)]
    with ExampleBuffer("cpu", 200_000_000, COUNTS) as buffer:
        begun = time.process_time()
        buffer.feed(islice(cycle(examples), FED)).wait(FED)
        yield Figure("an example fed to the buffer", 1e3 * (time.process_time() - begun) / FED, "CPU-ms")
        generator = torch.Generator().manual_seed(0)
        ours = _cost(lambda: buffer.batch(BATCH, generator))
    loader = iter(DataLoader(_Drawn(examples * BATCHES * 2), BATCH, shuffle=True))
    theirs = _cost(lambda: next(loader))
    yield Figure(f"a batch of {BATCH}", ours, "CPU-ms", peer="torch DataLoader", peer_value=theirs)
    yield from _checkpoint()


def _checkpoint() -> Iterator[Figure]:
    vae = ShapeVae(ShapeRecipe().vae)
    optimiser = MuonAdamW(vae, 1e-3, 0.01, 0.98)
    for weight in vae.parameters():
        weight.grad = torch.zeros_like(weight)
    optimiser.step()
    average = deepcopy(vae)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder))
        begun = time.process_time()
        tensors = captured(vae, average, optimiser)
        yield Figure("a checkpoint while steps wait", 1e3 * (time.process_time() - begun), "CPU-ms")
        checkpoints.save(1, tensors, {"step": 1})
        checkpoints.wait()
        yield Figure("a checkpoint, all of it", 1e3 * (time.process_time() - begun), "CPU-ms")
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.safetensors"))
        yield Figure("a checkpoint of the autoencoder", size / 1e6, "MB")


def _cost(work: Callable[[], object]) -> float:
    """CPU milliseconds of one call, after a first one."""
    work()
    begun = time.process_time()
    for _ in range(BATCHES):
        work()
    return 1e3 * (time.process_time() - begun) / BATCHES


class _Drawn(Dataset[dict[str, Tensor]]):
    """The same points an example as the buffer's, drawn as a data set for DataLoader would."""

    def __init__(self, examples: list[ShapeExample]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, at: int) -> dict[str, Tensor]:
        arrays = {name: torch.from_numpy(getattr(self.examples[at], name)) for name in ARRAYS}
        for group, names in POINTS.items():
            size = {"surface": COUNTS.surface, "edges": COUNTS.edges}.get(group, COUNTS.near)
            picks = torch.randperm(NEAR if group == "queries" else len(arrays[names[0]]))[:size]
            if group == "queries":
                picks = torch.cat([picks, NEAR + torch.randperm(VOLUME)[: COUNTS.volume]])
            arrays |= {name: arrays[name][picks].float() for name in names}
        arrays["surface_looks"] = arrays["surface_looks"] / 255.0
        return arrays


if __name__ == "__main__":
    main(measure, __doc__ or "")
