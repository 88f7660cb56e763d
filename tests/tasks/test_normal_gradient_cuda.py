"""The path through nvdiffrast, with a stand-in on the CPU that takes what its recorded signatures take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError, make_part
from tasks import normal_gradient_cuda
from tasks.camera import Camera
from tasks.normal_fit import gradient
from tasks.normal_gradient_cuda import gradient_by_nvdiffrast
from tasks.normal_maps import NormalMaps, shown_normals
from tests.ml.pretrained.conftest import signature_of

pytestmark = pytest.mark.slow  # torch takes seconds to load


def weights_of(clip: Any, corners: Any, face: Any, size: int) -> Any:
    """(h, w, 3) weights of a face's corners at each pixel's middle, in space; they tell how the corners move them."""
    import torch

    at = (torch.arange(size) + 0.5) * 2.0 / size - 1.0
    y, x = torch.meshgrid(at, at, indexing="ij")  # the lowest row first
    a, b, c = (clip[corners[face.clamp(min=0).long(), k].long()] for k in range(3))

    def across(p: Any, q: Any) -> Any:
        """Twice the area that the pixel and two corners span, times both depths: p and q in homogeneous places."""
        px, py, qx, qy = (each[..., k] - at * each[..., 3] for each in (p, q) for k, at in ((0, x), (1, y)))
        return px * qy - py * qx

    shares = torch.stack([across(b, c), across(c, a), across(a, b)], dim=-1)
    return shares / shares.sum(dim=-1, keepdim=True)


class StandIn(ModuleType):
    """nvdiffrast.torch in torch on the CPU, view by view and face by face; its antialiasing leaves all as it is."""

    def __init__(self) -> None:
        super().__init__("nvdiffrast.torch")
        self.calls: list[str] = []
        for name in ("rasterize", "interpolate", "antialias"):
            setattr(self, name, self._checked(name, getattr(self, f"_{name}")))
        self.RasterizeCudaContext = object

    def _checked(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Only what the source's signature takes."""
        signature = signature_of(name, "NVlabs/nvdiffrast")

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            return work(**signature.bind(*args, **kwargs).arguments)

        return call

    def _rasterize(self, glctx: Any, pos: Any, tri: Any, resolution: tuple[int, int], **_: Any) -> Any:
        import torch

        assert pos.is_contiguous()
        assert (pos.dtype, tri.dtype) == (torch.float32, torch.int32)
        return torch.stack([self._one(each, tri, resolution[0]) for each in pos]), torch.zeros(())

    def _one(self, clip: Any, tri: Any, size: int) -> Any:
        import torch

        nearest, face = torch.full((size, size), torch.inf), torch.full((size, size), -1)
        with torch.no_grad():
            for number in range(len(tri)):
                shares = weights_of(clip, tri, torch.full((size, size), number), size)
                place = (shares[..., None] * clip[tri[number].long()]).sum(dim=-2)
                depth = place[..., 2] / place[..., 3]
                inside = (shares >= 0.0).all(dim=-1) & (depth.abs() <= 1.0) & (depth < nearest)
                nearest, face = torch.where(inside, depth, nearest), torch.where(inside, number, face)
        shares = weights_of(clip, tri, face, size) * (face >= 0)[..., None]
        return torch.cat([shares[..., :2], nearest.nan_to_num(0.0, 0.0)[..., None], (face + 1.0)[..., None]], dim=-1)

    def _interpolate(self, attr: Any, rast: Any, tri: Any, **_: Any) -> Any:
        import torch

        face = (rast[..., 3].long() - 1).clamp(min=0)
        shares = torch.cat([rast[..., :2], 1.0 - rast[..., :2].sum(dim=-1, keepdim=True)], dim=-1)
        values = sum(shares[..., k : k + 1] * attr[0][tri[face, k].long()] for k in range(3))
        return values * (rast[..., 3:] > 0), torch.zeros(())

    def _antialias(self, color: Any, rast: Any, pos: Any, tri: Any, **_: Any) -> Any:
        assert color.is_contiguous()
        return color


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    made, package = StandIn(), ModuleType("nvdiffrast")
    package.torch = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", made)
    monkeypatch.setattr(normal_gradient_cuda, "context", object)
    return made


def scene(fov: float) -> tuple[np.ndarray, np.ndarray, NormalMaps]:
    """A coarse ball that is to look like a bumpy one."""
    fine = trimesh.creation.icosphere(3, 0.5)
    fine.vertices *= (1.0 + 0.1 * np.sin(9.0 * fine.vertices[:, :1])) * (1.0, 1.2, 0.9)
    maps = shown_normals(Asset((make_part(fine.vertices, fine.faces),)), 6, 48)
    if not fov:
        cameras = tuple(Camera(each.eye, each.target, each.up, 0.0, 1.5) for each in maps.cameras)
        maps = NormalMaps(cameras, maps.pictures)
    ball = trimesh.creation.icosphere(1, 0.5)
    return np.array(ball.vertices), ball.faces.astype(np.int32), maps


@pytest.mark.parametrize("fov", [30.0, 0.0])
def test_it_pulls_where_the_cpu_pulls(stand_in: StandIn, fov: float) -> None:
    """Outlines apart, which the stand-in leaves hard: vertices that no view's outline is near."""
    points, faces, maps = scene(fov)
    chosen = np.array([1, 4])
    loss, slope = gradient_by_nvdiffrast(points, faces, maps, chosen, "cpu")
    true_loss, true_slope = gradient(points, faces, maps, chosen)
    assert loss == pytest.approx(true_loss, rel=0.1)
    for k in chosen:
        one, true = (way(points, faces, maps, np.array([k]))[1] for way in (on_cpu, gradient))
        facing = points @ maps.cameras[k].axes()[2] > 0.33
        assert facing.sum() >= 5
        cosine = (one[facing] * true[facing]).sum() / np.linalg.norm(one[facing]) / np.linalg.norm(true[facing])
        assert cosine > 0.97
        assert np.linalg.norm(one[facing]) == pytest.approx(np.linalg.norm(true[facing]), rel=0.15)
    assert slope.shape == true_slope.shape
    assert stand_in.calls[:3] == ["rasterize", "interpolate", "antialias"]


def on_cpu(points: Any, faces: Any, maps: NormalMaps, chosen: Any) -> tuple[float, np.ndarray]:
    return gradient_by_nvdiffrast(points, faces, maps, chosen, "cpu")


def test_without_it_or_a_gpu_there_is_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    normal_gradient_cuda.context.cache_clear()
    monkeypatch.setitem(sys.modules, "nvdiffrast", None)
    with pytest.raises(InputError) as missing:
        normal_gradient_cuda.check_nvdiffrast()
    assert missing.value.code == "model.missing-package"
    package, made = ModuleType("nvdiffrast"), StandIn()
    package.torch = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", made)
    with pytest.raises(InputError) as missing:
        normal_gradient_cuda.check_nvdiffrast()
    assert missing.value.code == "model.missing-gpu"
