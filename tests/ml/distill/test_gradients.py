"""Gradients in float64: of the hash grid, of rendering, and of the distillation loss against its stated equation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor

from ml.distill.field import Ball, Field
from ml.distill.hash_grid import HashGrid
from ml.distill.known_score import KnownScore
from ml.distill.rays import orbit_view, picture_rays
from ml.distill.rendering import Light, Samples, render, section_weights
from ml.distill.schedules import Shot, Weighting
from ml.distill.score import distillation_loss, guided, render_score_loss


@pytest.fixture(autouse=True)
def in_double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(3)
    yield
    torch.set_default_dtype(torch.float32)


def stirred(field: Field) -> Field:
    """With something learnt: at the start all gradients but the last layers' are 0."""
    with torch.no_grad():
        for values in field.parameters():
            values.add_(0.2 * torch.randn_like(values))
    return field


def check_gradients(total: Callable[[], Tensor], inputs: Sequence[Tensor]) -> None:
    """Central differences along three random directions of all inputs at once against autograd."""
    gradients = torch.autograd.grad(total(), inputs)
    for _ in range(3):
        ways = [torch.randn_like(values) for values in inputs]
        ends = []
        for step in (1e-6, -2e-6, 1e-6):
            with torch.no_grad():
                for values, way in zip(inputs, ways, strict=True):
                    values.add_(way, alpha=step)
                ends.append(float(total()))
        stated = sum(float((gradient * way).sum()) for gradient, way in zip(gradients, ways, strict=True))
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(stated, rel=1e-5, abs=1e-6)


def test_hash_grid_in_points_and_features() -> None:
    """Volumes and hashed levels."""
    grid = HashGrid(3, 2, 8, 6)
    assert len(grid.volumes) == 1
    assert len(grid.table) == 2 * grid.size
    with torch.no_grad():
        for values in grid.parameters():
            values.normal_()
    points = (2.0 * torch.rand(6, 3) - 1.0).requires_grad_()
    mixing = torch.randn(6, grid.width)
    check_gradients(lambda: (grid(points) * mixing).sum(), [points, *grid.parameters()])


def test_levels_agree_on_what_is_linear() -> None:
    """Corners of cells are told apart and weighted right, in volumes (which torch reads) and in hashed levels alike."""
    grid = HashGrid(2, 3, 7, 7, features=1)
    assert len(grid.volumes) == 1
    volume = HashGrid(2, 3, 7, 10, features=1)
    assert len(volume.volumes) == 2
    with torch.no_grad():
        fine = volume.volumes[1][0, 0]
        x, y, z = torch.meshgrid(*[torch.arange(8)] * 3, indexing="ij")
        rows = (x ^ (y * 2654435761) ^ (z * 805459861)) & (grid.size - 1)
        fine.copy_(grid.table[rows.permute(2, 1, 0), 0])
    points = 2.0 * torch.rand(50, 3) - 1.0
    assert torch.allclose(grid(points)[:, 1], volume(points)[:, 1], atol=1e-12)


@pytest.mark.parametrize("lit", [False, True])
def test_rendering_in_every_parameter(lit: bool) -> None:
    """Colour, opacity and depth of nine rays against finite differences, along random directions of all parameters.

    Where rays are sampled is no part of the gradient: the depths are held.
    """
    field = stirred(Field(HashGrid(2, 2, 8, 5), Ball(), hidden=4))
    rays = picture_rays(orbit_view(30.0, 20.0, 40.0), 3, 3)
    rays = type(rays)(*(getattr(rays, name).double() for name in ("origins", "directions", "near", "far")))
    light = Light(torch.nn.functional.normalize(torch.tensor([0.3, 0.8, 0.5]), dim=0)) if lit else None

    def total() -> Tensor:
        held = torch.Generator().manual_seed(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ml.distill.rendering.surface_depths", lambda *_: depths)
            found = render(field, rays, 9.0, Samples(), held, light)
        return (found.colour * torch.tensor([1.0, 2.0, 3.0])).sum() + found.opacity.sum() + 0.3 * found.depth.sum()

    depths = rays.near[rays.hits][:, None] + torch.linspace(0.0, 1.0, 9) * (rays.far - rays.near)[rays.hits][:, None]
    check_gradients(total, list(field.parameters()))


def test_section_weights_are_those_of_neus() -> None:
    """1 − Φ(b)/Φ(a) going inward, nothing going outward, and all of them the opacity."""
    distance = torch.tensor([[0.5, 0.1, -0.2, 0.1, -0.3]])
    phi = torch.sigmoid(6.0 * distance[0])
    alphas = [max(0.0, float(1 - phi[k + 1] / phi[k])) for k in range(4)]
    expected, behind = [], 1.0
    for alpha in alphas:
        expected.append(behind * alpha)
        behind *= 1.0 - alpha
    assert torch.allclose(section_weights(distance, 6.0)[0], torch.tensor(expected))
    assert expected[2] == 0.0


class Linear:
    """A prior whose noise is some other function of z_t, and a second score of that kind."""

    def __init__(self, factor: float) -> None:
        self.factor = torch.nn.Parameter(torch.tensor(factor))

    def encode(self, pictures: Tensor) -> Tensor:
        return 2.0 * pictures - 1.0

    def levels(self, times: Tensor) -> tuple[Tensor, Tensor]:
        return KnownScore(lambda shot: torch.zeros(0)).levels(times)

    def noise(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot]) -> Tensor:
        return self.factor * noisy + torch.sin(noisy) * times[:, None, None, None]

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        yield self.factor


@pytest.mark.parametrize("weighting", ["variance", "even", "balanced"])
@pytest.mark.parametrize("variational", [False, True])
def test_distillation_gradient_is_the_stated_one(weighting: Weighting, variational: bool) -> None:
    """∇θ = w(t) (ε̂ − ε) ∂z/∂θ (DreamFusion, eq. 3), or − ε_φ (ProlificDreamer, eq. 9), by the Jacobian of z in θ."""
    prior, own = Linear(0.7), Linear(0.2) if variational else None
    theta = torch.randn(5, requires_grad=True)
    mixing = torch.randn(2 * 3 * 2 * 2, 5)
    times, noise = torch.tensor([0.3, 0.8]), torch.randn(2, 3, 2, 2)

    def z_of(values: Tensor) -> Tensor:
        return prior.encode(torch.sigmoid(mixing @ values).reshape(2, 3, 2, 2))

    loss = distillation_loss(prior, z_of(theta), [], times, noise, weighting, own)
    (gradient,) = torch.autograd.grad(loss, theta)
    with torch.no_grad():
        z = z_of(theta)
        alpha, sigma = prior.levels(times)
        weight = {"variance": sigma**2, "even": torch.ones_like(sigma), "balanced": sigma**2 * alpha}[weighting]
        noisy = alpha * z + sigma * noise
        expected = noise if own is None else own.noise(noisy, times, [])
        direction = weight * (prior.noise(noisy, times, []) - expected)
    jacobian = torch.autograd.functional.jacobian(z_of, theta.detach())
    assert torch.allclose(gradient, torch.einsum("bchw,bchwp->p", direction, jacobian) / z.numel(), atol=1e-12)
    assert prior.factor.grad is None


def test_a_known_score_is_that_of_its_density() -> None:
    """−σ ∇ log p of the mixture's own normal density; exact noise where it has no spread."""
    mean, times = torch.rand(1, 3, 2, 2), torch.tensor([0.4])
    shot = Shot(orbit_view(0, 0, 40), 0.0, 0.0, torch.zeros(3))
    prior = KnownScore(lambda _: mean[0], spread=0.3)
    alpha, sigma = (float(level) for level in prior.levels(times))
    noisy = torch.randn(1, 3, 2, 2, requires_grad=True)
    deviation = (alpha**2 * 0.3**2 + sigma**2) ** 0.5
    density = torch.distributions.Normal(alpha * (2 * mean - 1), deviation).log_prob(noisy).sum()
    (gradient,) = torch.autograd.grad(density, noisy)
    assert torch.allclose(prior.noise(noisy.detach(), times, [shot]), -sigma * gradient)
    noise = torch.randn(1, 3, 2, 2)
    sharp = KnownScore(lambda _: mean[0], spread=0.0)
    assert torch.allclose(sharp.noise(alpha * (2 * mean - 1) + sigma * noise, times, [shot]), noise)


def test_guidance_and_the_second_scores_loss() -> None:
    a, b = torch.randn(2, 4), torch.randn(2, 4)
    assert torch.allclose(guided(a, b, 1.0), b)
    assert torch.allclose(guided(a, b, 3.0) - b, 2.0 * (b - a))
    own, z, noise = Linear(0.2), torch.randn(2, 3, 2, 2), torch.randn(2, 3, 2, 2)
    times = torch.tensor([0.3, 0.8])
    loss = render_score_loss(own, own, z, [], times, noise)
    (gradient,) = torch.autograd.grad(loss, own.factor)
    alpha, sigma = own.levels(times)
    noisy = alpha * z + sigma * noise
    off = own.noise(noisy, times, []) - noise
    assert float(gradient) == pytest.approx(float((2 * off * noisy).mean().detach()))
