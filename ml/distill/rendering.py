"""Volume rendering of a signed-distance field: opacity, colour and depth of rays, differentiable in the field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ml.distill.field import Field
from ml.distill.rays import Rays

EVERYWHERE = 0.02  # of a ray's samples are spread over it whatever the field says, so that new surface can be found


@dataclass(frozen=True)
class Samples:
    """How many distances a ray is searched at, and at how many points near the surface it is then shaded."""

    coarse: int = 16
    fine: int = 12


@dataclass(frozen=True)
class Light:
    """A lamp without a place: (3,) unit direction towards it, and the share of light that comes from everywhere."""

    towards: Tensor
    ambient: float = 0.4
    textureless: bool = False  # all surfaces are white: shading alone tells the shape (Poole et al. 2022, section 3.2)


@dataclass(frozen=True)
class Rendered:
    """What n rays meet."""

    colour: Tensor  # (n, 3) sRGB times opacity
    opacity: Tensor  # (n,)
    depth: Tensor  # (n,) along the ray, times opacity
    near_surface: Tensor  # (n · fine, 3) the places that were looked at, without gradients

    def over(self, background: Tensor) -> Tensor:
        """(n, 3) colours in front of a (3,) background."""
        return self.colour + (1.0 - self.opacity[:, None]) * background


def render(
    field: Field,
    rays: Rays,
    sharpness: float,
    samples: Samples,
    chance: torch.Generator,
    light: Light | None = None,
) -> Rendered:
    """The rays' pixels; those that miss the unit ball are empty.

    A section of a ray between distances a and b hides 1 − Φ(b)/Φ(a) of what lies behind it where the ray goes inward,
    nothing where it goes outward, with Φ the logistic function of `sharpness` times the distance: NeuS' opacity (Wang
    et al. 2021, eq. 13), whose weights peak on the surface. Without a light the colour is the albedo.
    """
    rows = torch.nonzero(rays.hits)[:, 0]
    hit = rays[rows]
    depths = surface_depths(field, hit, sharpness, samples, chance)
    points = hit.at(depths)
    distance, colour = field.read(points.flatten(0, 1))
    weights = section_weights(distance.reshape(depths.shape), sharpness)
    between = 0.5 * (colour.reshape(*depths.shape, 3)[:, 1:] + colour.reshape(*depths.shape, 3)[:, :-1])
    seen = (weights[..., None] * between).sum(dim=1)
    opacity = weights.sum(dim=1)
    depth = (weights * 0.5 * (depths[:, 1:] + depths[:, :-1])).sum(dim=1)
    if light is not None:
        seen = _shaded(field, hit, seen, opacity, depth, light)
    places = points[:, 1:].detach().flatten(0, 1)
    seen, opacity, depth = (_spread(values, rows, len(rays)) for values in (seen, opacity, depth))
    return Rendered(seen, opacity, depth, places)


def section_weights(distance: Tensor, sharpness: float) -> Tensor:
    """(n, k − 1) what each section between k samples of (n, k) distances gives to a pixel; they sum to its opacity."""
    logs = functional.logsigmoid(sharpness * distance)
    passing = (logs[:, 1:] - logs[:, :-1]).clamp(max=0.0)
    behind = passing.cumsum(dim=1)
    return (behind - passing).exp() * -torch.expm1(passing)


@torch.no_grad()
def surface_depths(field: Field, rays: Rays, sharpness: float, samples: Samples, chance: torch.Generator) -> Tensor:
    """(n, 1 + fine) depths in order: where the ray enters the ball, and places drawn where its surface is likely.

    Distances at `coarse` stratified depths say where to look again, twice as finely, and all of them where to draw
    (NeuS looks four times). What is drawn from is the transmittance times the logistic density of the distance, which
    is no narrower than the spacing of the depths that it is known at.
    """
    length = (rays.far - rays.near)[:, None]
    depths = rays.near[:, None] + length * _stratified(len(rays), samples.coarse, rays, chance)
    distance = field.distance(rays.at(depths).flatten(0, 1)).reshape(depths.shape)
    more = _drawn(depths, distance, _widest(samples.coarse / length, sharpness), samples.coarse // 2, rays, chance)
    found = field.distance(rays.at(more).flatten(0, 1)).reshape(more.shape)
    depths, order = torch.cat([depths, more], dim=1).sort(dim=1)
    distance = torch.cat([distance, found], dim=1).gather(1, order)
    drawn = _drawn(depths, distance, _widest(4.0 * samples.coarse / length, sharpness), samples.fine, rays, chance)
    return torch.cat([rays.near[:, None], drawn], dim=1)


def _widest(spacing: Tensor, sharpness: float) -> Tensor:
    return spacing.clamp(max=sharpness)


def _drawn(
    depths: Tensor, distance: Tensor, sharpness: Tensor, count: int, rays: Rays, chance: torch.Generator
) -> Tensor:
    """(n, count) ascending depths, from the intervals between the middles of (n, k) depths with known distances."""
    soft = sharpness * distance
    logs = functional.logsigmoid(soft)
    drop = (logs[:, 1:] - logs[:, :-1]).clamp(max=0.0).cumsum(dim=1)
    density = functional.pad(drop, (1, 0)).exp() * soft.sigmoid() * (-soft).sigmoid()
    between = 0.5 * (depths[:, 1:] + depths[:, :-1])
    ends = torch.cat([rays.near[:, None], between, rays.far[:, None]], dim=1)
    mass = density * (ends[:, 1:] - ends[:, :-1])
    mass = mass / mass.sum(dim=1, keepdim=True).clamp(min=1e-12) + EVERYWHERE / depths.shape[1]
    return _inverse(ends, mass, _stratified(len(rays), count, rays, chance))


def _inverse(ends: Tensor, density: Tensor, shares: Tensor) -> Tensor:
    """(n, k) places at ascending (n, k) shares of the (n, m) masses of intervals with (n, m + 1) ends."""
    total = functional.pad(density.cumsum(dim=1), (1, 0))
    total = total / total[:, -1:]
    above = torch.searchsorted(total, shares, right=True).clamp(1, density.shape[1])
    low, high = total.gather(1, above - 1), total.gather(1, above)
    start, end = ends.gather(1, above - 1), ends.gather(1, above)
    return start + (end - start) * ((shares - low) / (high - low).clamp(min=1e-12)).clamp(0.0, 1.0)


def _stratified(rows: int, count: int, like: Rays, chance: torch.Generator) -> Tensor:
    """(rows, count) ascending shares, one at random in each of `count` equal parts of [0, 1]."""
    kind = {"dtype": like.origins.dtype, "device": like.origins.device}
    jitter = torch.rand(rows, count, generator=chance, **kind)  # type: ignore[call-overload]
    return (torch.arange(count, **kind) + jitter) / count  # type: ignore[call-overload, no-any-return]


def _shaded(field: Field, rays: Rays, seen: Tensor, opacity: Tensor, depth: Tensor, light: Light) -> Tensor:
    """Lambert's law at the mean surface of each ray: a normal a sample would cost ten times as much as one a ray."""
    where = rays.at((depth / opacity.clamp(min=1e-4))[:, None])[:, 0]
    normal = functional.normalize(field.gradient(where), dim=1, eps=1e-6)
    lit = light.ambient + (1.0 - light.ambient) * (normal @ light.towards.to(normal)).clamp(min=0.0)
    return lit[:, None] * (opacity[:, None].expand_as(seen) if light.textureless else seen)


def _spread(values: Tensor, rows: Tensor, count: int) -> Tensor:
    """Values of the rows that hit, among zeros."""
    return values.new_zeros(count, *values.shape[1:]).index_copy(0, rows, values)
