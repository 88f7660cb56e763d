"""Training examples of the shape model from published shards, and how they are mixed with others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ml.shapes.example import ShapeExample, example_of_arrays
from ml.shards import ShardDataset

MEMBER = "shape.npz"  # of a sample: what tasks.export_shape writes


def shard_examples(
    url: str, split: str = "train", version: str = "", seed: int = 0, start: int = 0
) -> Iterator[ShapeExample]:
    """The examples of a shard folder, epoch after epoch, each in another order; `start` have been taken before.

    Raises InputError as `read_catalogue` and `read` do, `example.*` for a sample that holds none, and ValueError for a
    split without samples.
    """
    shards = ShardDataset(url, split, version, seed=seed, members=(MEMBER,))
    if not len(shards):
        raise ValueError(f"{url} has no samples of the split {split}")
    epoch, taken = divmod(start, len(shards))
    while True:
        shards.set_epoch(epoch)
        shards.load_state_dict(shards.state_after(taken))
        for sample in shards:
            yield example_of_arrays(sample.get(MEMBER, {}))
        epoch, taken = epoch + 1, 0


def mixed(streams: Sequence[Iterator[ShapeExample]], shares: Sequence[float], seed: int = 0) -> Iterator[ShapeExample]:
    """Examples of several endless streams, each drawn with its share; ends where one of them does.

    Raises ValueError for shares that are no probabilities.
    """
    random = np.random.default_rng(seed)
    while True:
        try:
            example = next(streams[int(random.choice(len(streams), p=shares))])
        except StopIteration:
            return
        yield example
