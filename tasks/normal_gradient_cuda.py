"""The gradient of `tasks.normal_fit.gradient` by nvdiffrast, for those who have it, a GPU, and a use its terms allow.

nvdiffrast's licence (NVIDIA Source Code License, 1-Way Commercial) allows research and evaluation only, so it is never
chosen by itself. No GPU has run this here: what it calls was checked against the source at commit 253ac4f (2025-12-05,
`signatures.json`), and it is tested on the CPU with a stand-in of the same signatures and conventions (its docs: clip
space of OpenGL, row 0 at the bottom, triangle numbers from 1, weights of a face's first two corners).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.asset import I32, InputError
from ml.generators.pretrained.shelf import Missing, missing_cuda, missing_modules
from tasks.camera import Camera
from tasks.normal_gradient import FLAT, OUTLINE
from tasks.normal_maps import NormalMaps
from tasks.topology import F64, I64

if TYPE_CHECKING:
    from torch import Tensor

LICENCE = "NVIDIA Source Code License (1-Way Commercial): research and evaluation only"
INSTALL = "pip install --no-build-isolation git+https://github.com/NVlabs/nvdiffrast"
NEAR, FAR = 0.5, 2.0  # of the nearest and the farthest vertex: where depth is cut
LEAST = 1e-12  # metres: a shorter normal has no direction


def missing_nvdiffrast() -> Iterator[Missing]:
    """What it lacks on this machine, found without importing it."""
    asked = "rasteriser = 'nvdiffrast'"
    yield from missing_modules(("torch", "nvdiffrast"), f"{INSTALL}, for a use that its licence allows; {asked}")
    yield from missing_cuda("cuda", asked)


def check_nvdiffrast() -> None:
    """Raises InputError `model.missing-package` or `model.missing-gpu` where it cannot run."""
    context()


@cache
def context() -> Any:
    """The process' rasteriser."""
    try:
        import nvdiffrast.torch as raster  # type: ignore[import-not-found, unused-ignore]
        import torch
    except ImportError as error:
        raise InputError("model.missing-package", f"rasteriser = 'nvdiffrast' needs it and torch: {error}") from error
    if not torch.cuda.is_available():
        raise InputError("model.missing-gpu", "rasteriser = 'nvdiffrast' needs a GPU")
    return raster.RasterizeCudaContext(device="cuda")


def gradient_by_nvdiffrast(
    points: F64, faces: I32, maps: NormalMaps, chosen: I64, device: str = "cuda"
) -> tuple[float, F64]:
    """The loss over the chosen views and its gradient (n, 3) by the places of the vertices, as the CPU's path has it.

    Both show the direction of the interpolated vertex normal plus FLAT times the face's own, and coverage in a fourth
    channel, antialiased at silhouettes (Laine et al. 2020). Here normals are interpolated in space and not along the
    screen, in float32, so that the two agree to a few percent. Raises InputError as `check_nvdiffrast` does.
    """
    import nvdiffrast.torch as raster
    import torch

    places = torch.tensor(points, dtype=torch.float32, device=device, requires_grad=True)
    corners = torch.tensor(faces, dtype=torch.int32, device=device)
    normals, flat = _normals(places, corners.long())
    clip = torch.stack([_clip(places, maps.cameras[k], points) for k in chosen])
    drawn, _ = raster.rasterize(context(), clip, corners, resolution=(maps.size, maps.size), grad_db=False)
    smooth, _ = raster.interpolate(normals[None].contiguous(), drawn, corners)
    hit = drawn[..., 3].long()
    own = flat[(hit - 1).clamp(min=0)]
    covered = (hit > 0)[..., None].to(smooth)
    shown = torch.cat([_unit(smooth + FLAT * own) * covered, covered], dim=-1)
    blended = raster.antialias(shown.contiguous(), drawn, clip, corners)
    wanted = torch.tensor(maps.pictures[chosen][:, ::-1].copy(), device=device)  # row 0 at the bottom
    weight = torch.tensor([1.0, 1.0, 1.0, OUTLINE], device=device)
    loss = (weight * (blended - wanted) ** 2).sum()
    (slope,) = torch.autograd.grad(loss, places)
    return loss.item(), slope.double().cpu().numpy()


def _normals(places: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Unit normals of vertices (n, 3), means of those of their faces by area, and of faces (m, 3)."""
    import torch

    a, b, c = (places[corners[:, k]] for k in range(3))
    across = torch.linalg.cross(b - a, c - a)
    sums = torch.zeros_like(places)
    for k in range(3):
        sums = sums.index_add(0, corners[:, k], across)
    return _unit(sums), _unit(across)


def _unit(vectors: Tensor) -> Tensor:
    found: Tensor = vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=LEAST)
    return found


def _clip(places: Tensor, camera: Camera, points: F64) -> Tensor:
    """(n, 4) clip coordinates of OpenGL in a square picture."""
    import torch

    axes, eye = camera.axes(), np.asarray(camera.eye)
    depth = (eye - points) @ axes[2]
    near, far = NEAR * max(float(depth.min()), 1e-3 * float(depth.max())), FAR * float(depth.max())
    local = (places - places.new_tensor(eye)) @ places.new_tensor(axes).T
    ahead = -local[:, 2]
    if camera.fov > 0.0:
        zoom = 1.0 / float(np.tan(np.radians(camera.fov) / 2.0))
        deep = ((far + near) * ahead - 2.0 * far * near) / (far - near)
        return torch.stack([zoom * local[:, 0], zoom * local[:, 1], deep, ahead], dim=1)
    zoom, deep = 2.0 / camera.extent, (2.0 * ahead - far - near) / (far - near)
    return torch.stack([zoom * local[:, 0], zoom * local[:, 1], deep, torch.ones_like(ahead)], dim=1)
