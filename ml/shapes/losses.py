"""What the shape networks are trained for: distances, normals and looks of the autoencoder, velocities of the flow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from ml.shapes.conditions import draw_conditions
from ml.shapes.field import UNIT, Planes
from ml.shapes.transformer import ShapeFlow, whole_latent
from ml.shapes.vae import ShapeVae

Batch = Mapping[str, Tensor]
Terms = dict[str, Tensor]

SHARP = 0.008  # isotropic distance over which inside turns to outside in the loss of signs
STEP = 0.008  # isotropic length of the finite differences behind normals
CORNERS = ((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0))  # of a tetrahedron
NORMALS = 768  # surface points a step whose normal is compared
CONTINUOUS, METALLIC = [0, 1, 2, 3, 5, 6, 7], 4  # channels of looks; metallic is yes or no: an absolute error settles
# on its median, and the shipped weights, which were trained so, call nothing a metal
WEIGHTS = {
    "distance": 1.0,
    "sign": 0.2,
    "surface": 0.3,
    "normal": 0.3,
    "length": 0.03,
    "looks": 2.0,
    "metal": 0.3,
    "kl": 1e-3,
}


def vae_loss(vae: ShapeVae, batch: Batch, step: int) -> tuple[Tensor, Terms]:
    """The autoencoder's loss and its terms."""
    extents = batch["extents"]
    mean, spread = encoded(vae, batch)
    latent = mean + torch.randn_like(mean) * (0.5 * spread).exp()
    planes = vae.decode(latent, extents)
    terms = field_terms(vae, planes, batch)
    terms["kl"] = 0.5 * (mean.square() + spread.exp() - spread - 1.0).mean()
    return _summed(terms), terms


def encoded(vae: ShapeVae, batch: Batch) -> tuple[Tensor, Tensor]:
    """Mean and log-variance of the batch's tokens."""
    surface, normals, looks = batch["surface"], batch["surface_normals"], batch["surface_looks"]
    return vae.encode(surface, normals, looks, batch["edges"], batch["edge_normals"], batch["extents"])


def field_terms(vae: ShapeVae, planes: Planes, batch: Batch) -> Terms:
    """How far the field of `planes` is from the batch's distances, normals and looks."""
    extents, truth = batch["extents"], batch["distances"]
    points, normals = batch["surface"][:, :NORMALS], batch["surface_normals"][:, :NORMALS]
    corners = _corners(points.device)
    offsets = STEP / 3**0.5 * corners / extents[:, None, None, :]
    around = (points[:, :, None] + offsets).flatten(1, 2)
    found = vae.distance(planes, torch.cat([batch["queries"], around], dim=1))
    found, stencil = found[:, : truth.shape[1]], found[:, truth.shape[1] :].reshape(len(truth), -1, 4)
    slope = (stencil[..., None] * corners).sum(dim=2) * (0.25 * 3**0.5 / STEP)
    looks = vae.reader.looks_logits(planes, batch["surface"])
    return {
        "distance": ((found / UNIT).asinh() - (truth / UNIT).asinh()).abs().mean(),
        "sign": functional.binary_cross_entropy_with_logits(-found / SHARP, (truth < 0).float()),
        "surface": stencil.mean(dim=2).abs().mean() / UNIT,
        "normal": (1.0 - functional.cosine_similarity(slope, normals, dim=-1)).mean(),
        "length": (slope.norm(dim=-1) - 1.0).square().mean(),
        "looks": (looks.sigmoid() - batch["surface_looks"])[..., CONTINUOUS].abs().mean(),
        "metal": functional.binary_cross_entropy_with_logits(
            looks[..., METALLIC], batch["surface_looks"][..., METALLIC]
        ),
    }


def flow_loss(flow: ShapeFlow, vae: ShapeVae, batch: Batch, step: int) -> tuple[Tensor, Terms]:
    """Rectified flow (Liu et al. 2023): the velocity from noise at 0 to the latent at 1, at a logit-normal time."""
    with torch.no_grad():
        mean, _ = encoded(vae, batch)
        target = flow.standardise(whole_latent(mean, batch["extents"]))
    noise = torch.randn_like(target)
    time = torch.sigmoid(torch.randn(len(target), device=target.device))
    between = noise + time[:, None, None] * (target - noise)
    velocity = flow(between, time, flow.conditions(draw_conditions(batch, step)))
    loss = (velocity.float() - (target - noise)).square().mean()
    return loss, {"velocity": loss}


@cache
def _corners(device: torch.device) -> Tensor:
    """CORNERS on the device, once: a copy from the host at every step would wait for the GPU."""
    return torch.tensor(CORNERS, device=device)


def _summed(terms: Terms) -> Tensor:
    total = torch.zeros((), device=next(iter(terms.values())).device)
    for name, value in terms.items():
        total = total + WEIGHTS[name] * value
    return total
