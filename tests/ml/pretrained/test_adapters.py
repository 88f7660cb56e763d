"""Each adapter's call fits its source's recorded signature, and each known trap of a source is met."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from ml.asset import Asset, InputError
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.protocol import Generator, Refusal

Make = Callable[..., Any]


class Model(SimpleNamespace):
    """An object of a source: attributes are its methods; it can be called, moved and put to rest."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.call(*arguments, **named)

    def to(self, *where: Any) -> Any:
        return self

    def eval(self) -> Any:
        return self


def loader(stand_ins: Any, name: str, model: Any, source: str = "") -> Any:
    """A class whose `from_pretrained` gives the model."""
    return SimpleNamespace(from_pretrained=stand_ins.function(f"{name}.from_pretrained", model, source))


def assets(answers: list[Any]) -> list[Asset]:
    assert all(isinstance(answer, Asset) for answer in answers), answers
    return answers


def front_of(asset: Asset) -> np.ndarray:
    """Where the pyramid's tip points."""
    part = asset.parts[0]
    middle = part.vertices.mean(axis=0)
    return np.round((part.vertices - middle)[np.argmax(np.linalg.norm(part.vertices - middle, axis=1))], 1)


def test_every_adapter_is_a_generator_that_declares_itself() -> None:
    for name, (made, options) in PRETRAINED.items():
        generator: Generator = made(options())
        card = made.card
        assert (generator.name, card.batch >= 1, bool(card.licences), bool(card.weights)) == (name, True, True, True)
        assert card.vram_gb > 0
        assert len(card.revision) == 40 or card.source == "diffusers"


def test_triposr_sees_all_pictures_at_once_and_turns_its_front_home(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh
) -> None:
    mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=np.full((5, 4), 188, np.uint8))
    model = Model(
        call=stand_ins.function("TSR.forward", "codes"),
        renderer=SimpleNamespace(set_chunk_size=stand_ins.function("TriplaneNeRFRenderer.set_chunk_size", None)),
        extract_mesh=stand_ins.function("TSR.extract_mesh", [mesh.copy(), trimesh.Trimesh()]),
    )
    stand_ins.module("tsr.system", TSR=loader(stand_ins, "TSR", model))
    first, second = ready("triposr").generate([ask("one"), ask("two")])
    assert isinstance(second, InputError)
    assert second.code == "model.no-surface"
    assert len(stand_ins.given("TSR.forward")["image"]) == 2
    shown = np.asarray(stand_ins.given("TSR.forward")["image"][0])
    assert tuple(shown[0, 0]) == (128, 128, 128)
    (asset,) = assets([first])
    assert front_of(asset)[2] > 1.0  # +X, where its camera stands, is the front
    assert asset.parts[0].colors is not None
    assert asset.parts[0].colors[0, 0] == 128  # 188 is half the light
    assert asset.notes["weights"] == "stabilityai/TripoSR@0123456789ab"


def test_triposg_asks_for_one_at_a_time_with_its_own_chance(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh
) -> None:
    seeds = []

    def sampled(**given: Any) -> Any:
        seeds.append(given["generator"].initial_seed())
        if len(seeds) == 2:
            None.astype  # type: ignore[attr-defined]  # noqa: B018  # what its (None, None) leads to
        return SimpleNamespace(samples=[(mesh.vertices, mesh.faces)])

    model = Model(call=stand_ins.function("TripoSGPipeline.__call__", sampled))
    stand_ins.module("triposg.pipelines.pipeline_triposg", TripoSGPipeline=Diffusers(stand_ins, model))
    first, second, third = ready("triposg").generate([ask("a", 1), ask("b", 2), ask("c", 2**63 - 1)])
    assets([first, third])
    assert second.code == "model.no-surface"
    assert seeds == [1, 2, 2**32 - 1]


def Diffusers(stand_ins: Any, model: Model) -> Any:  # noqa: N802
    """A diffusers pipeline's class."""
    model.set_progress_bar_config = stand_ins.function("DiffusionPipeline.set_progress_bar_config", None)
    return loader(stand_ins, "DiffusionPipeline", model)


def test_triposg_scribble_takes_lines_and_words(ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh) -> None:
    answer = SimpleNamespace(samples=[(mesh.vertices, mesh.faces)])
    model = Model(call=stand_ins.function("TripoSGScribblePipeline.__call__", answer))
    stand_ins.module("triposg.pipelines.pipeline_triposg_scribble", TripoSGScribblePipeline=Diffusers(stand_ins, model))
    generator = ready("triposg-scribble")
    first, second = generator.generate([ask(kinds=("sketch", "prompt")), ask(kinds=("sketch",))])
    assets([first])
    assert isinstance(second, Refusal)
    given = stand_ins.given("TripoSGScribblePipeline.__call__")
    assert (given["prompt"], given["guidance_scale"], given["use_flash_decoder"]) == ("a red chair", 0.0, False)


@pytest.mark.parametrize("kinds", [("image",), ("images",)])
def test_trellis_seeds_the_process_and_leaves_it_as_it_was(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh, kinds: tuple[str, ...]
) -> None:
    drawn = []

    def run(**given: Any) -> Any:
        torch.manual_seed(given["seed"])
        drawn.append((given["seed"], float(torch.rand(1)), float(np.random.random())))
        return {"mesh": [SimpleNamespace(success=given["seed"] != 3)], "gaussian": ["g"]}

    name = "TrellisImageTo3DPipeline"
    model = Model(
        run=stand_ins.function(f"{name}.run", run), run_multi_image=stand_ins.function(f"{name}.run_multi_image", run)
    )
    stand_ins.module("trellis.pipelines", **{name: loader(stand_ins, name, model)})
    baked = stand_ins.function("to_glb", mesh, "microsoft/TRELLIS")
    stand_ins.module("trellis.utils", postprocessing_utils=SimpleNamespace(to_glb=baked))
    torch.manual_seed(77)
    np.random.seed(77)
    expected = (float(torch.rand(1)), float(np.random.random()))
    torch.manual_seed(77)
    np.random.seed(77)
    first, second, third = ready("trellis").generate([ask("a", 2, kinds), ask("b", 3, kinds), ask("c", 2, kinds)])
    assets([first, third])
    assert second.code == "model.no-surface"
    assert (float(torch.rand(1)), float(np.random.random())) == expected
    assert drawn[0] == drawn[2] != drawn[1]
    given = stand_ins.given(f"{name}.run" if kinds == ("image",) else f"{name}.run_multi_image")
    assert given["formats"] == ["mesh", "gaussian"]


def test_trellis_text_takes_words_alone(ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh) -> None:
    answer = {"mesh": [SimpleNamespace(success=True)], "gaussian": ["g"]}
    name = "TrellisTextTo3DPipeline"
    model = Model(run=stand_ins.function(f"{name}.run", answer))
    stand_ins.module("trellis.pipelines", **{name: loader(stand_ins, name, model)})
    baked = stand_ins.function("to_glb", mesh, "microsoft/TRELLIS")
    stand_ins.module("trellis.utils", postprocessing_utils=SimpleNamespace(to_glb=baked))
    first, second = ready("trellis-text").generate([ask(kinds=("prompt",)), ask(kinds=("image",))])
    assets([first])
    assert isinstance(second, Refusal)


class Voxels(SimpleNamespace):
    """What TRELLIS.2 decodes."""


@pytest.mark.parametrize("appearance", ["texture", "vertices"])
def test_trellis2_tells_when_it_lowered_its_resolution(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh, appearance: str
) -> None:
    attributes = np.tile([0.5, 0.25, 1.0, 0.75, 0.5, 1.0], (5, 1))
    decoded = Voxels(
        vertices=torch.tensor(mesh.vertices),
        faces=torch.tensor(mesh.faces),
        attrs=None,
        coords=None,
        voxel_size=1 / 896,
        layout={"base_color": slice(0, 3), "metallic": slice(3, 4), "roughness": slice(4, 5), "alpha": slice(5, 6)},
        simplify=stand_ins.function("Mesh.simplify", None),
        query_vertex_attrs=stand_ins.function("MeshWithVoxel.query_vertex_attrs", torch.tensor(attributes)),
    )
    name = "Trellis2ImageTo3DPipeline"
    run = stand_ins.function(f"{name}.run", ([decoded], ("shape", "texture", 896)))
    stand_ins.module("trellis2.pipelines", **{name: loader(stand_ins, name, Model(run=run))})
    turned = mesh.copy().apply_transform(trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0]))
    baked = stand_ins.function("to_glb", turned, "microsoft/TRELLIS.2")
    stand_ins.module("o_voxel", postprocess=SimpleNamespace(to_glb=baked))
    (asset,) = assets(ready("trellis2", appearance=appearance).generate([ask()]))
    assert asset.notes["resolution_lowered"].startswith("1024 → 896")
    np.testing.assert_allclose(np.ptp(asset.parts[0].vertices, axis=0), [2, 1, 0.5], atol=1e-5)
    assert stand_ins.given(f"{name}.run")["return_latent"] is True
    if appearance == "vertices":
        material = asset.parts[0].material
        assert (material.metallic, material.roughness, material.alpha_mode) == (0.75, 0.5, "OPAQUE")
        assert "nvdiffrast" not in asset.notes.get("model_limits", "")


@pytest.mark.parametrize(
    ("name", "module", "source"),
    [
        ("hunyuan3d-2mini-turbo", "hy3dgen.shapegen", "Tencent-Hunyuan/Hunyuan3D-2"),
        ("hunyuan3d-2.1", "hy3dshape.pipelines", "Tencent-Hunyuan/Hunyuan3D-2.1"),
    ],
)
def test_hunyuan_answers_none_for_a_failed_item(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh, name: str, module: str, source: str
) -> None:
    def call(**given: Any) -> Any:
        assert len(given["image"]) == len(given["generator"])
        return [None if each.initial_seed() == 3 else mesh for each in given["generator"]]

    model = Model(
        call=stand_ins.function("Hunyuan3DDiTFlowMatchingPipeline.__call__", call, source),
        enable_flashvdm=stand_ins.function("Hunyuan3DDiTPipeline.enable_flashvdm", None),
    )
    pipeline = loader(stand_ins, "Hunyuan3DDiTPipeline", model, source)
    stand_ins.module(module, Hunyuan3DDiTFlowMatchingPipeline=pipeline)
    first, second = ready(name, batch=2).generate([ask("a", 2), ask("b", 3)])
    assets([first])
    assert second.code == "model.no-surface"
    assert stand_ins.given("Hunyuan3DDiTPipeline.from_pretrained")["model_path"].startswith("tencent/")  # never a path


def test_stable_fast_3d_answers_one_picture_with_a_bare_mesh(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh
) -> None:
    def run_image(**given: Any) -> Any:
        assert all(each.mode == "RGBA" for each in given["image"])
        made = [mesh.copy(), trimesh.Trimesh()][: len(given["image"])]
        return (made[0] if len(made) == 1 else made), {}

    model = Model(run_image=stand_ins.function("SF3D.run_image", run_image))
    stand_ins.module("sf3d.system", SF3D=loader(stand_ins, "SF3D", model))
    generator = ready("stable-fast-3d")
    (alone,) = assets(generator.generate([ask()]))
    first, second = generator.generate([ask("a"), ask("b")])
    np.testing.assert_array_equal(alone.parts[0].vertices, first.parts[0].vertices)
    assert second.code == "model.no-surface"
    assert front_of(alone)[0] < -1.0  # half a turn about Y from what it returned


def test_step1x_gets_its_picture_by_path_and_keeps_every_face(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh
) -> None:
    def shape(**given: Any) -> Any:
        assert isinstance(given["image"], str)
        with Image.open(given["image"]) as picture:
            assert picture.mode == "RGBA"
        return SimpleNamespace(mesh=[mesh])

    def painted(**given: Any) -> Any:  # as its differentiable_renderer/mesh_utils.py does
        red = trimesh.visual.texture.SimpleMaterial(image=Image.new("RGB", (4, 4), "red"), diffuse=(255, 255, 255))
        given["mesh"].visual = trimesh.visual.TextureVisuals(uv=np.zeros((5, 2)), material=red)
        return given["mesh"]

    geometry, texture = "Step1X3DGeometryPipeline", "Step1X3DTexturePipeline"
    shapes = Model(call=stand_ins.function(f"{geometry}.__call__", shape))
    textures = Model(call=stand_ins.function(f"{texture}.__call__", painted))
    stand_ins.module("step1x3d_geometry.models.pipelines.pipeline", **{geometry: loader(stand_ins, geometry, shapes)})
    stand_ins.module(
        "step1x3d_texture.pipelines.step1x_3d_texture_synthesis_pipeline",
        **{texture: loader(stand_ins, texture, textures)},
    )
    (asset,) = assets(ready("step1x-3d", symmetry="x").generate([ask()]))
    baked = asset.parts[0].material.base_color_texture
    assert baked is not None
    np.testing.assert_array_equal(baked.pixels()[0, 0], [255, 0, 0, 255])
    given = stand_ins.given(f"{geometry}.__call__")
    assert (given["label"]["symmetry"], given["do_reduce_face"]) == ("x", False)
    assert "Label" in stand_ins.given(f"{geometry}.from_pretrained")["subfolder"]


def test_craftsman_draws_its_chance_from_the_process(
    ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh
) -> None:
    chance = []

    def call(**given: Any) -> Any:
        assert "seed" not in given  # it would ask for a generator on cuda
        chance.append(float(torch.rand(1)))
        return SimpleNamespace(meshes=[(mesh.vertices, mesh.faces) if len(chance) != 2 else (None, None)])

    name = "CraftsManPipeline"
    model = Model(call=stand_ins.function(f"{name}.__call__", call))
    stand_ins.module("craftsman", **{name: loader(stand_ins, name, model)})
    first, second, third = ready("craftsman3d").generate([ask("a", 1), ask("b", 2), ask("c", 1)])
    assets([first, third])
    assert second.code == "model.no-surface"
    assert chance[0] == chance[2] != chance[1]


def test_direct3d_s2_is_never_given_a_list(ready: Make, stand_ins: Any, ask: Make, mesh: trimesh.Trimesh) -> None:
    name = "Direct3DS2Pipeline"
    model = Model(call=stand_ins.function(f"{name}.__call__", lambda **given: {"mesh": mesh}))
    stand_ins.module("direct3d_s2.pipeline", **{name: loader(stand_ins, name, model)})
    assert len(assets(ready("direct3d-s2").generate([ask("a"), ask("b")]))) == 2
    assert stand_ins.given(f"{name}.__call__")["image"].mode == "RGBA"
    assert stand_ins.given(f"{name}.from_pretrained")["pipeline_path"].endswith("direct3d-s2-v-1-1")
