"""Moving parts so that what hangs on them follows: longer legs lift the seat, a longer handle moves the pommel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ml.asset import F32, Asset, InputError
from tasks.bodies import Bodies, Gap, Links, find_bodies, find_links, gap
from tasks.cavities import turns
from tasks.topology import F64

SPANS = 0.6  # of a body's extent between its contacts from which it stretches along, as a rung between two legs does
ROUNDS = 3  # in which gaps that opened are closed
AS_ASKED = 0.02  # of its size by which a chosen piece may miss what was asked of it
LOOKED_AT = 16  # places of a joint that are tried for being hidden within another body
Move = Callable[[F64], F64]  # (n, 3) points in metres to their displacements (n, 3)
# From the points (n, 3) of a piece and the places that hold it (k, 3), maybe none, to its move.
Maker = Callable[[F64, F64], Move]


@dataclass(frozen=True)
class Motion:
    """The move from p to p + linear · (p − centre) + shift, metres."""

    linear: F64  # (3, 3)
    centre: F64  # (3,)
    shift: F64  # (3,)

    def __call__(self, points: F64) -> F64:
        """(n, 3) displacements of points (n, 3)."""
        moves: F64 = (points - self.centre) @ self.linear.T + self.shift
        return moves


@dataclass(frozen=True)
class Shifted:
    """Another move, and then so many metres on."""

    move: Move
    shift: F64  # (3,)

    def __call__(self, points: F64) -> F64:
        """(n, 3) displacements of points (n, 3)."""
        moves: F64 = self.move(points) + self.shift
        return moves


STILL = Motion(np.zeros((3, 3)), np.zeros(3), np.zeros(3))


def carried(asset: Asset, indices: tuple[int, ...], make: Maker) -> list[F32]:
    """New vertices (n, 3) for each part after each piece of the parts `indices` has moved as `make` says.

    What hangs on a piece goes along: as it is where it is held in one place, stretched where it spans from one moved
    place to another. Whatever is lowest stays on its level. Raises InputError `edit.fused` where a piece is of one
    surface with other parts, and `edit.apart` where things that touched could not be kept together.
    """
    bodies = find_bodies(asset)
    chosen = bodies.of_parts(indices)
    if bodies.parts_of(chosen) - set(indices):
        raise InputError("edit.fused", "the part is of one surface with others")
    links = find_links(bodies)
    clusters = _clusters(chosen, links)
    try:
        moves = _placed(bodies, _connected(bodies, links), clusters, make)
        return _vertices(asset, bodies, _joined(bodies, links, _standing(bodies, moves), chosen))
    except InputError as error:
        if error.code != "edit.apart" or len(clusters) > 1 or not _stretches(bodies, clusters[0], make):
            raise
        moves = _swept_along(bodies, clusters[0], make)
        return _vertices(asset, bodies, _joined(bodies, links, _standing(bodies, moves), chosen))


def _joined(bodies: Bodies, links: Links, moved: F64, chosen: set[int]) -> F64:
    """The moved points with joints kept; raises `edit.apart`, also where that undoes what was asked of a piece."""
    kept = _kept_together(bodies, links, moved)
    for body in chosen:
        wanted, found = (np.ptp(points[bodies.body == body], axis=0) for points in (moved, kept))
        if (np.abs(found - wanted) > AS_ASKED * wanted.max()).any():
            raise InputError("edit.apart", "what it is joined to holds it to its size")
    return kept


def _stretches(bodies: Bodies, cluster: set[int], make: Maker) -> bool:
    """Whether a piece's move is a stretch along some axes, with no turn in it."""
    move = make(_points(bodies, cluster), np.zeros((0, 3)))
    return isinstance(move, Motion) and bool(np.allclose(move.linear, move.linear.T, rtol=0.0, atol=1e-9))


def _swept_along(bodies: Bodies, cluster: set[int], make: Maker) -> dict[int, Move]:
    """The other way for a piece that many hang on all around, as on a car's body: each goes with the nearest place in
    the piece's box to its own middle, and stretches as the piece does where it is nearly as long.
    """
    own = _points(bodies, cluster)
    low, high = own.min(axis=0), own.max(axis=0)
    move = make(own, np.zeros((0, 3)))
    moves: dict[int, Move] = dict.fromkeys(cluster, move)
    for body in set(range(bodies.count)) - cluster:
        box = bodies.box(body)
        centre = np.clip(box.mean(axis=0), low, high)
        spans = np.ptp(box, axis=0) >= SPANS * (high - low)
        ends = np.stack([move((centre + step * (high - low) / 4)[None])[0] for step in (-1.0, 1.0)])
        slope = np.where(spans & (high > low), (ends[1] - ends[0]) / np.maximum((high - low) / 2, 1e-300), 0.0)
        moves[body] = Motion(np.diag(slope), centre, move(centre[None])[0])
    return moves


def _clusters(chosen: set[int], links: Links) -> list[set[int]]:
    """Chosen bodies that touch each other together: a grip of three rings is one handle."""
    clusters: list[set[int]] = []
    for body in sorted(chosen):
        near = {a + b - body for a, b in links if body in (a, b) and a + b - body in chosen} | {body}
        joined = [cluster for cluster in clusters if cluster & near]
        clusters = [cluster for cluster in clusters if not cluster & near] + [near.union(*joined)]
    return clusters


def _connected(bodies: Bodies, links: Links) -> Links:
    """The links, and one from each group of bodies that hangs nowhere to the nearest body outside it."""
    links = dict(links)
    boxes = np.stack([bodies.box(k) for k in range(bodies.count)])
    while True:
        groups = _clusters(set(range(bodies.count)), links)
        if len(groups) < 2:
            return links
        inside = sorted(sorted(groups, key=len)[0])
        others = [k for k in range(bodies.count) if k not in set(inside)]
        low, high = boxes[inside][:, None, 0], boxes[inside][:, None, 1]
        between = np.maximum(np.maximum(low - boxes[others][None, :, 1], boxes[others][None, :, 0] - high), 0.0)
        i, j = np.unravel_index(int(np.linalg.norm(between, axis=2).argmin()), (len(inside), len(others)))
        a, b = inside[int(i)], others[int(j)]
        place = (np.maximum(boxes[a, 0], boxes[b, 0]) + np.minimum(boxes[a, 1], boxes[b, 1])) / 2
        links[min(a, b), max(a, b)] = place[None]


def _placed(bodies: Bodies, links: Links, clusters: list[set[int]], make: Maker) -> dict[int, Move]:
    """The move of every body, from the largest body that is not chosen outwards, layer by layer of contacts.

    From the chosen piece itself where everything is chosen or others hang on it.
    """
    sizes = {k: float(np.prod(np.ptp(bodies.box(k), axis=0) + 1e-3 * bodies.diagonal)) for k in range(bodies.count)}
    together = {k: cluster for cluster in clusters for k in cluster}
    free = [k for k in sizes if k not in together]
    moves: dict[int, Move] = {}
    if len(clusters) == 1 and (not free or _is_hub(clusters[0], links, sizes)):
        moves.update(dict.fromkeys(clusters[0], make(_points(bodies, clusters[0]), np.zeros((0, 3)))))
    else:
        first = max(free or sizes, key=lambda k: sizes[k])
        moves[first] = make(bodies.points[bodies.body == first], np.zeros((0, 3))) if first in together else STILL
    reach = [np.ptp(_points(bodies, cluster), axis=0) for cluster in clusters]
    while len(moves) < bodies.count:
        layer: dict[int, Move] = {}
        for body in (k for k in range(bodies.count) if k not in moves):
            group = together.get(body, {body})
            touching = [] if body in layer else list(_contacts(group, links, moves))
            if touching and body in together:
                layer.update(dict.fromkeys(group, _held_by(make, _points(bodies, group), touching)))
            elif touching:
                layer[body] = _following(bodies, body, touching, reach)
        moves.update(layer)
    return moves


def _points(bodies: Bodies, group: Iterable[int]) -> F64:
    own: F64 = bodies.points[np.isin(bodies.body, list(group))]
    return own


def _is_hub(cluster: set[int], links: Links, sizes: dict[int, float]) -> bool:
    """Whether a piece is what the others hang on: the largest one, or one with three or more neighbours."""
    near = {k for pair in links if cluster & set(pair) for k in pair} - cluster
    return len(near) >= 3 or max(sizes[k] for k in cluster) >= max(sizes.values())


def _contacts(group: set[int], links: Links, moves: dict[int, Move]) -> Iterable[tuple[F64, F64]]:
    """(places (k, 3), their displacements (k, 3)) for each neighbour that has its motion."""
    for (a, b), places in links.items():
        if (a in group) != (b in group):
            other = b if a in group else a
            if other in moves:
                yield places, moves[other](places)


def _held_by(make: Maker, own: F64, touching: list[tuple[F64, F64]]) -> Move:
    """A chosen piece's own move, and what moves the places that hold it."""
    shift = np.mean([moves.mean(axis=0) for _, moves in touching], axis=0)
    return Shifted(make(own, np.concatenate([places for places, _ in touching])), shift)


def _following(bodies: Bodies, body: int, touching: list[tuple[F64, F64]], reach: list[F64]) -> Motion:
    """A piece that keeps its size, unless it spans between places that move apart and is no longer than what moves."""
    places = np.concatenate([p for p, _ in touching])
    moves = np.concatenate([m for _, m in touching])
    weight = np.concatenate([np.full(len(p), 1.0 / (len(touching) * len(p))) for p, _ in touching])
    centre, shift = weight @ places, weight @ moves
    size = np.ptp(bodies.box(body), axis=0)
    linear = np.zeros((3, 3))
    for axis in range(3):
        away, change = places[:, axis] - centre[axis], moves[:, axis] - shift[axis]
        spread = float(weight @ away**2)
        spans = np.ptp(places[:, axis]) >= SPANS * size[axis] > 0.0
        if spans and spread > 0.0 and any(r[axis] >= 0.8 * size[axis] for r in reach):
            linear[axis, axis] = float(weight @ (away * change)) / spread
    return Motion(linear, centre, shift)


def _standing(bodies: Bodies, moves: dict[int, Move]) -> F64:
    """(n, 3) the moved points, the lowest on the level of the lowest before; what no motion moves keeps its bits."""
    moved = bodies.points.copy()
    for body, move in moves.items():
        own = bodies.body == body
        moved[own] += move(moved[own])
    used = bodies.body >= 0
    sink = float(bodies.points[used, 1].min() - moved[used, 1].min())
    if abs(sink) > 1e-6 * bodies.diagonal:
        moved[used, 1] += sink
    return moved


def _kept_together(bodies: Bodies, links: Links, moved: F64) -> F64:
    """The moved points with gaps that opened closed by carrying the smaller body over; raises `edit.apart`."""
    for _ in range(ROUNDS):
        now = replace(bodies, points=moved)
        open_links = _opened(bodies, now, links)
        if not open_links:
            return moved
        touching: dict[int, list[tuple[F64, F64]]] = {}
        for (a, b), between in open_links.items():
            small = min((a, b), key=lambda k: float(np.prod(np.ptp(now.box(k), axis=0) + 1e-6)))
            step = between.step if small == a else -between.step
            touching.setdefault(small, []).append((between.places, np.tile(step, (len(between.places), 1))))
        moved = moved.copy()
        for body, found in touching.items():
            held = [(places, np.zeros_like(places)) for places in _held(links, body, open_links)]
            own = bodies.body == body
            moved[own] += _following(now, body, found + held, [np.full(3, np.inf)])(moved[own])
    left = _opened(bodies, replace(bodies, points=moved), links)
    if left:
        raise InputError("edit.apart", f"{len(left)} joints would come apart")
    return moved


def _opened(before: Bodies, bodies: Bodies, links: Links) -> dict[tuple[int, int], Gap]:
    """The links, but for hidden ones, whose bodies are farther apart now than TOUCH of the diagonal."""
    now = find_links(bodies)
    return {pair: gap(bodies, *pair) for pair in links if pair not in now and not hidden(before, pair, links[pair])}


def hidden(bodies: Bodies, pair: tuple[int, int], places: F64) -> bool:
    """Whether two bodies touch mostly inside a third, where nobody sees it: a mug's handle and contents in its wall."""
    tried = places[:: len(places) // LOOKED_AT + 1]
    around = np.stack([turns(bodies.points, bodies.faces, bodies.label, bodies.count, place) for place in tried])
    around[:, list(pair)] = 0.0
    return bool((np.abs(around).max(axis=1) > 0.5).mean() > 0.5)


def _held(links: Links, body: int, but: dict[tuple[int, int], Gap]) -> Iterable[F64]:
    return [places for pair, places in links.items() if body in pair and pair not in but]


def _vertices(asset: Asset, bodies: Bodies, moved: F64) -> list[F32]:
    """(n, 3) per part: where its welded points went; those that did not move keep their bits."""
    shifted = np.any(moved != bodies.points, axis=1)
    found = []
    for part, at in zip(asset.parts, bodies.vertex, strict=True):
        vertices = part.vertices.copy()
        vertices[shifted[at]] = moved[at[shifted[at]]].astype(np.float32)
        found.append(vertices)
    return found
