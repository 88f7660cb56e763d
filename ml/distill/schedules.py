"""What changes in the course of a distillation: cameras and lamps, noise levels and their weights, sharpness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ml.distill.rays import orbit_view
from ml.distill.rendering import Light
from ml.views import View

OVERHEAD = 60.0  # degrees above the ground from which a view is one from above (Poole et al. 2022, section 3.2)

Weighting = Literal["variance", "even", "balanced"]


@dataclass(frozen=True)
class Shot:
    """A camera around the unit ball with its lamp, and what stands behind."""

    view: View
    azimuth: float  # degrees, 0 = front, 90 = right
    elevation: float
    background: Tensor  # (3,) sRGB
    light: Light | None = None

    @property
    def side(self) -> Literal["front", "side", "back", "overhead"]:
        """The word that a prompt for this view is given."""
        if self.elevation > OVERHEAD:
            return "overhead"
        turned = abs((self.azimuth + 180.0) % 360.0 - 180.0)
        return "front" if turned <= 45.0 else "side" if turned < 135.0 else "back"


@dataclass(frozen=True)
class Cameras:
    """Random cameras, after DreamFusion's (Poole et al. 2022, section 3.2): they start level and go up and down and
    closer while the field takes shape, since what is seen from above or cut off says less of what a thing is."""

    elevations: tuple[float, float] = (-10.0, 80.0)  # degrees, from `opened` of the run on
    level: tuple[float, float] = (0.0, 30.0)  # at its start
    zooms: tuple[float, float] = (1.0, 1.25)  # of the picture that the unit ball just fills; 1 at the start
    angles: tuple[float, float] = (35.0, 50.0)  # degrees
    opened: float = 0.3
    backgrounds: tuple[float, float] = (0.0, 1.0)  # grey behind the object, a new one a picture
    lit: float = 0.75  # of the pictures are shaded, the others show the albedo
    textureless: float = 0.2  # of the shaded ones are white: shape must not hide behind paint

    def draw(self, count: int, progress: float, chance: torch.Generator) -> list[Shot]:
        """`count` shots, their azimuths in equal sectors, at `progress` 0–1 of the run."""
        open_ = min(1.0, progress / self.opened) if self.opened else 1.0
        low, high = (a + open_ * (b - a) for a, b in zip(self.level, self.elevations, strict=True))
        turn = float(torch.rand((), generator=chance))
        return [self._one(360.0 * (at + turn) / count, (low, high), open_, chance) for at in range(count)]

    def _one(self, azimuth: float, elevations: tuple[float, float], open_: float, chance: torch.Generator) -> Shot:
        shares = torch.rand(7, generator=chance).tolist()
        sines = [math.sin(math.radians(end)) for end in elevations]  # even over the sphere, not crowded at the pole
        elevation = math.degrees(math.asin(_between((sines[0], sines[1]), shares[0])))
        zoom = 1.0 + open_ * (_between(self.zooms, shares[1]) - 1.0)
        view = orbit_view(azimuth, elevation, _between(self.angles, shares[2]), zoom)
        light = self._lamp(view, shares[5] < self.textureless, chance) if shares[4] < self.lit else None
        background = torch.full((3,), _between(self.backgrounds, shares[3]))
        return Shot(view, azimuth, elevation, background, light)

    def _lamp(self, view: View, textureless: bool, chance: torch.Generator) -> Light:
        """From about where the camera stands, so that most of what is seen is lit."""
        towards = torch.tensor(view.pose[:3, 2], dtype=torch.float32) + 0.6 * torch.randn(3, generator=chance)
        return Light(torch.nn.functional.normalize(towards, dim=0), textureless=textureless)


@dataclass(frozen=True)
class NoiseLevels:
    """Times of the diffusion, 0 clean and 1 noise: uniform in DreamFusion's range, from `late` of the run on only up to
    `late_high`, as ProlificDreamer anneals (Wang et al. 2023, section 3.3): first what it is, then its details."""

    low: float = 0.02
    high: float = 0.98
    late_high: float = 0.5
    late: float = 0.5

    def draw(self, count: int, progress: float, chance: torch.Generator) -> Tensor:
        """(count,) times, one in each of `count` equal parts of the range."""
        high = self.late_high if progress >= self.late else self.high
        shares = (torch.randperm(count, generator=chance) + torch.rand(count, generator=chance)) / count
        return self.low + (high - self.low) * shares


def weights(kind: Weighting, alpha: Tensor, sigma: Tensor) -> Tensor:
    """w(t) of z_t = α z + σ ε: DreamFusion's σ², the same for all, or σ² · α."""
    if kind == "variance":
        return sigma.square()
    return torch.ones_like(sigma) if kind == "even" else sigma.square() * alpha


def geometric(ends: tuple[float, float], progress: float) -> float:
    """Between two positive numbers, by equal factors in equal shares."""
    return float(ends[0] * (ends[1] / ends[0]) ** progress)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + share * (ends[1] - ends[0])
