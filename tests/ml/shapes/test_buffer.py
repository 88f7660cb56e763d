"""Batches hold whole points of the examples that came, the newest ones, whatever the source does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from toy_stage import COUNTS, NAMES, toy_example

from ml.asset import InputError
from ml.shapes.buffer import ExampleBuffer
from ml.shapes.example import ShapeExample, stack
from ml.shapes.settings import Counts

BYTES = 150_000  # of an example with NAMES: 154 kB


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_batch_holds_points_of_its_examples() -> None:
    examples = {seed: toy_example(seed) for seed in range(5)}
    with ExampleBuffer("cpu", 10**7, COUNTS).feed(examples.values()) as buffer:
        assert buffer.wait(5) == 5
        batch = buffer.batch(16, generator())
    seeds = batch["surface"][:, 0, 0].int().tolist()
    assert len(set(seeds)) > 2
    for at, seed in enumerate(seeds):
        example = examples[seed]
        points = {(*p, *look) for p, look in zip(example.surface.tolist(), example.surface_looks.tolist(), strict=True)}
        looks = (batch["surface_looks"][at] * 255).round()
        drawn = {(*p, *look) for p, look in zip(batch["surface"][at].tolist(), looks.tolist(), strict=True)}
        assert drawn <= points
        near = set(map(tuple, example.queries[:8192].tolist()))
        assert {tuple(p) for p in batch["queries"][at, : COUNTS.near].tolist()} <= near
        expected = torch.sin(batch["queries"][at].sum(dim=1))
        assert torch.allclose(batch["distances"][at], expected, atol=5e-3)
        assert np.array_equal(batch["pictures"][at], example.pictures)
        assert np.array_equal(batch["tokens"][at], example.tokens)
    assert {name: tuple(batch[name].shape[1:2]) for name in ("surface", "edges", "queries")} == {
        "surface": (32,),
        "edges": (8,),
        "queries": (24,),
    }


def test_a_draw_repeats_no_point_and_takes_all_where_all_are_asked_for() -> None:
    example = toy_example(0)
    numbers = np.arange(4096)
    example.surface[:, 1], example.surface[:, 2] = numbers % 64, numbers // 64
    counts = Counts(surface=1024, edges=4000)
    with ExampleBuffer("cpu", 10**7, counts, ("surface", "edges")).feed([example]) as buffer:
        batch = buffer.batch(256, generator())
    for points in batch["surface"]:
        assert len(set(map(tuple, points.tolist()))) == 1024
        assert float(points[:, 2].mean()) == pytest.approx(31.5, abs=3.5)  # seven deviations, though they came sorted
    assert batch["edges"].shape == (256, 2048, 3)


def test_parts_of_a_draw_are_the_draw() -> None:
    with ExampleBuffer("cpu", 10**7, COUNTS, NAMES).feed(toy_example(seed) for seed in range(6)) as buffer:
        buffer.wait(6)
        whole = buffer.gather(buffer.draw(6, generator(3)))
        draw = buffer.draw(6, generator(3))
        parts = [buffer.gather(draw.part(at, 3)) for at in range(3)]
    for name, values in whole.items():
        assert torch.equal(values, torch.cat([part[name] for part in parts]))


@pytest.mark.parametrize("packed", [False, True])
def test_the_newest_examples_stay(packed: bool) -> None:
    examples = [toy_example(seed) for seed in range(9)]
    source = [stack(examples[:7]), stack(examples[7:])] if packed else examples
    with ExampleBuffer("cpu", 4 * BYTES + BYTES // 2, COUNTS, NAMES).feed(source) as buffer:
        buffer.wait(1)
        deadline = time.monotonic() + 10
        while buffer.seen < 9 and time.monotonic() < deadline:
            batch = buffer.batch(64, generator(1))
        batch = buffer.batch(64, generator(1))
    assert buffer.capacity == buffer.count
    assert set(batch["surface"][:, 0, 0].int().tolist()) == set(range(9 - buffer.capacity, 9))


@pytest.mark.slow
def test_steps_go_on_while_the_source_is_slow() -> None:
    def slow() -> Iterator[ShapeExample]:
        yield from (toy_example(seed) for seed in range(32))
        time.sleep(1.0)
        yield toy_example(99)

    with ExampleBuffer("cpu", 10**7, COUNTS, NAMES).feed(slow()) as buffer:
        assert buffer.wait(2) == 32
        begun = time.process_time()
        assert buffer.batch(4, generator())["surface"].shape == (4, 32, 3)
        assert time.process_time() - begun < 0.5
        assert buffer.wait(33) == 33


def test_what_the_source_raises_ends_the_steps() -> None:
    def broken() -> Iterator[ShapeExample]:
        yield from (toy_example(seed) for seed in range(32))
        raise InputError("example.damaged", "a broken shard")

    with ExampleBuffer("cpu", 10**7, COUNTS, NAMES).feed(broken()) as buffer:
        with pytest.raises(InputError, match="a broken shard"):
            buffer.wait(40)
        assert buffer.batch(2, generator())["surface"].shape == (2, 32, 3)


def test_no_examples_and_no_memory_are_told() -> None:
    with ExampleBuffer("cpu", 10**7, COUNTS).feed([]) as buffer, pytest.raises(InputError) as none:
        buffer.wait(1)
    assert none.value.code == "training.no-examples"
    with pytest.raises(InputError) as memory:
        ExampleBuffer("cpu", 1000, COUNTS)
    assert memory.value.code == "training.no-memory"
