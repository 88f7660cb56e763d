"""Training examples in the device's memory: fed from behind while steps draw from what is there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ml.asset import InputError
from ml.shapes.example import ARRAYS, EDGES, NEAR, SURFACE, VOLUME, ShapeExample, stack
from ml.shapes.settings import Counts

Batch = dict[str, Tensor]
Packed = Mapping[str, npt.NDArray[Any]]  # what ml.shapes.example.stack makes
GROUP = 32  # examples that travel together: 15 MB
WAITING = 4  # groups that are packed ahead
WAIT_SECONDS = 0.2  # a stop is noticed within

# Arrays that hold one row a point, and which points of theirs are drawn together: (first, how many there are).
POINTS = {
    "surface": ("surface", "surface_normals", "surface_looks"),
    "edges": ("edges", "edge_normals"),
    "queries": ("queries", "distances"),
}
SPANS = {"surface": [(0, SURFACE)], "edges": [(0, EDGES)], "queries": [(0, NEAR), (NEAR, VOLUME)]}
GROUP_OF = {name: group for group, names in POINTS.items() for name in names}


@dataclass(frozen=True)
class Draw:
    """Which examples a step sees, and where in each span of points it begins and how far it strides."""

    rows: Tensor  # (n,) int64
    first: Tensor  # (n, 4) int64: surface, edges, near, volume
    stride: Tensor  # (n, 4) int64, odd

    def part(self, at: int, of: int) -> Draw:
        """Part `at` of `of` equal ones."""
        size = len(self.rows) // of
        cut = slice(at * size, (at + 1) * size)
        return Draw(self.rows[cut], self.first[cut], self.stride[cut])


class ExampleBuffer:
    """At most `capacity` bytes of examples; the oldest make room for new ones.

    Every example is 460 kB with all arrays; `names` keeps only some of ARRAYS. Raises InputError `training.no-memory`
    where not one example fits.
    """

    def __init__(
        self, device: torch.device | str, capacity: int, counts: Counts, names: Iterable[str] = ARRAYS, seed: int = 0
    ) -> None:
        self.device, self.counts, self.names = torch.device(device), counts, tuple(names)
        size = sum(np.dtype(ARRAYS[name][0]).itemsize * int(np.prod(ARRAYS[name][1])) for name in self.names)
        self.capacity = capacity // size
        if self.capacity < 1:
            raise InputError("training.no-memory", f"{capacity} bytes hold no example of {size}")
        self.seen = 0  # examples that ever came
        self._arrays: Batch = {}
        # Sampled points may come sorted by face: in a shuffled order, every window of them is a fair sample.
        rng = torch.Generator().manual_seed(seed)
        self._order = {
            group: torch.cat([first + torch.randperm(size, generator=rng) for first, size in spans]).to(self.device)
            for group, spans in SPANS.items()
        }
        self._groups: queue.Queue[Batch | BaseException | None] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def count(self) -> int:
        """Examples that are there."""
        return min(self.seen, self.capacity)

    def feed(self, source: Iterable[ShapeExample | Packed]) -> ExampleBuffer:
        """Take from `source` in a thread, until it ends or `close`; one source a buffer at a time."""
        self._thread = threading.Thread(target=self._run, args=(source,), name="examples", daemon=True)
        self._thread.start()
        return self

    def wait(self, at_least: int) -> int:
        """Block until `at_least` examples are there, the buffer is full, or the source has ended; how many are there.

        Raises InputError `training.no-examples` where none came, and what the source raised.
        """
        while self._thread and self.count < min(at_least, self.capacity):
            self._take(self._groups.get())
        if not self.count:
            raise InputError("training.no-examples", "the source of examples is empty")
        return self.count

    def draw(self, n: int, generator: torch.Generator) -> Draw:
        """`n` examples with repetition, and a random arithmetic progression through each of their sets of points.

        An odd stride meets no point twice in a set of 2^k points, as all sets of ShapeExample are.
        """
        if self._thread:
            self._take_ready()
        count = self.wait(1)
        rows = torch.randint(count, (n,), generator=generator, device=self.device)
        first, half = (torch.randint(NEAR, (n, 4), generator=generator, device=self.device) for _ in range(2))
        return Draw(rows, first, 2 * half + 1)

    def gather(self, draw: Draw) -> Batch:
        """The batch of a draw, on the device: points, normals, distances and looks (0–1) float32; pictures and
        sketches uint8; tokens and rows of the buffer int64. Of queries, the first `counts.near` are near the surface.
        """
        counts, chosen, column = self.counts, {}, 0
        wanted = {"surface": [counts.surface], "edges": [counts.edges], "queries": [counts.near, counts.volume]}
        for group, spans in SPANS.items():
            picks = []
            for (start, size), k in zip(spans, wanted[group], strict=True):
                steps = torch.arange(min(k, size), device=self.device)
                picks.append(start + (draw.first[:, column, None] + draw.stride[:, column, None] * steps) % size)
                column += 1
            chosen[group] = torch.cat(picks, dim=1)
        return {name: self._values(name, draw.rows, chosen) for name in self.names} | {"rows": draw.rows}

    def whole(self, rows: slice) -> Batch:
        """All points of the examples in some rows, as `gather` gives them."""
        points = {
            group: torch.arange(sum(size for _, size in spans), device=self.device) for group, spans in SPANS.items()
        }
        at = torch.arange(self.count, device=self.device)[rows]
        chosen = {group: each.expand(len(at), -1) for group, each in points.items()}
        return {name: self._values(name, at, chosen) for name in self.names} | {"rows": at}

    def batch(self, n: int, generator: torch.Generator) -> Batch:
        """`n` random examples, random points of each."""
        return self.gather(self.draw(n, generator))

    def close(self) -> None:
        """Stop feeding; what is there stays."""
        self._stop.set()  # the thread ends with its next example; one that waits for its source, with the process
        self._thread = None

    def __enter__(self) -> ExampleBuffer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _values(self, name: str, rows: Tensor, chosen: Mapping[str, Tensor]) -> Tensor:
        array = self._arrays[name]
        if name not in GROUP_OF:
            return array[rows]
        values = array[rows[:, None], chosen[GROUP_OF[name]]].float()
        return values / 255.0 if array.dtype == torch.uint8 else values

    def _take_ready(self) -> None:
        """Copy the groups that wait; on the stream of the steps, so that no step reads half of one."""
        while self._thread:
            try:
                self._take(self._groups.get_nowait())
            except queue.Empty:
                return

    def _take(self, group: Batch | BaseException | None) -> None:
        if isinstance(group, BaseException):
            self._thread = None
            raise group
        if group is None:
            self._thread = None
            return
        if not self._arrays:
            shapes = {name: (self.capacity, *ARRAYS[name][1]) for name in self.names}
            self._arrays = {
                name: torch.empty(shape, dtype=group[name].dtype, device=self.device) for name, shape in shapes.items()
            }
        done, total = 0, len(group[self.names[0]])
        while done < total:
            at = self.seen % self.capacity
            size = min(total - done, self.capacity - at)
            for name, array in self._arrays.items():
                values = group[name][done : done + size].to(self.device, non_blocking=True)
                array[at : at + size] = values[:, self._order[GROUP_OF[name]]] if name in GROUP_OF else values
            done += size
            self.seen += size

    def _run(self, source: Iterable[ShapeExample | Packed]) -> None:
        try:
            for group in groups(source):
                if self._stop.is_set() or not self._put(self._pack(group)):
                    return
            self._put(None)
        except BaseException as error:  # the thread of the steps raises it
            self._put(error)

    def _pack(self, group: Packed) -> Batch:
        tensors = {name: torch.from_numpy(np.ascontiguousarray(group[name])) for name in self.names}
        if self.device.type != "cuda":
            return tensors
        return {name: tensor.pin_memory() for name, tensor in tensors.items()}

    def _put(self, group: Batch | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._groups.put(group, timeout=WAIT_SECONDS)
            except queue.Full:
                continue
            return True
        return False


def groups(source: Iterable[ShapeExample | Packed]) -> Iterator[Packed]:
    """Packed arrays as they come; single examples in groups of up to GROUP."""
    items = iter(source)
    for item in items:
        if isinstance(item, ShapeExample):
            mixed = [item, *islice(items, GROUP - 1)]
            singles = [each for each in mixed if isinstance(each, ShapeExample)]
            yield stack(singles)
            yield from (each for each in mixed if not isinstance(each, ShapeExample))
        else:
            yield item
