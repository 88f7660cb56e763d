"""The shape model as it is used: shipped weights, conditions to latents, latents to planes, assets to latents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ml.asset import F32, InputError
from ml.shapes.conditions import Conditions, no_conditions
from ml.shapes.field import Planes
from ml.shapes.packing import pack, unpack
from ml.shapes.part_reader import PartReader, PartsConfig
from ml.shapes.picture_guess import PictureGuess
from ml.shapes.recipe import FlowConfig, GuessConfig, ShapeRecipe, VaeConfig
from ml.shapes.sampler import SamplerOptions, sample, seeded_noise
from ml.shapes.shipped import ABOUT, WEIGHTS, digest_of
from ml.shapes.transformer import ShapeFlow, split_latent, whole_latent
from ml.shapes.vae import ShapeVae

NETWORKS = ("vae", "flow")
OTHERS = ("parts", "guess", "few")  # not every model has them


class ShapeModel:
    """Both networks on one device, ready to answer; a whole latent is (n + 1, c), its last token holds the extents.

    `parts`, on the CPU, tells where on a shape its parts are, so that it can wear what texts state.
    `guess` tells from pictures what they show and where the flow begins.
    `few` is the flow's distilled student, where there is one: it answers in `few_steps` Euler steps what asks for no
    other sampling, names nothing unwanted and does not begin with an asset.
    """

    parts: PartReader | None = None
    guess: PictureGuess | None = None
    few: ShapeFlow | None = None
    few_steps = 0

    def __init__(self, vae: ShapeVae, flow: ShapeFlow, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.vae, self.flow = vae.to(self.device).eval(), flow.to(self.device).eval()

    @torch.no_grad()
    def generate(
        self,
        asked: Conditions,
        seeds: Sequence[int],
        options: SamplerOptions = SamplerOptions(),
        unwanted: Conditions | None = None,
        start: Tensor | None = None,
        strength: float = 1.0,
        kept: Tensor | None = None,
    ) -> Tensor:
        """(b, n + 1, c) latents of b assets, one seed each.

        `unwanted` is what guidance leads away from: the rows' negative prompts, else nothing. With `start`, (b, n + 1,
        c) latents of existing assets, they are noised to `strength` (0 keeps them, 1 forgets them) and drawn again
        under the new conditions (Meng et al. 2022, SDEdit); (n + 1,) tokens that are `kept` stay as they are.
        """
        asked = Conditions(*(each.to(self.device) for each in asked))
        if self.few is not None and unwanted is None and start is None and options == SamplerOptions():
            alone = self.few.conditions(asked)
            euler = SamplerOptions(self.few_steps, guidance=1.0, order=1)
            return sample(self.few, alone, alone, seeded_noise(self.few, seeds), euler)
        unwanted = unwanted or no_conditions(len(asked.tokens))
        away = Conditions(*(each.to(self.device) for each in unwanted))
        noise, since, hold = seeded_noise(self.flow, seeds), 1.0 - strength, None
        if start is not None:
            known, pure = self.flow.standardise(start.to(self.device)), noise
            noise = since * known + strength * pure
            if kept is not None:
                stays = kept.to(self.device)[:, None]

                def hold(latent: Tensor, time: float) -> Tensor:
                    return torch.where(stays, time * known + (1.0 - time) * pure, latent)

        contexts = self.flow.conditions(asked), self.flow.conditions(away)
        return sample(self.flow, *contexts, noise, options, since, hold)

    @torch.no_grad()
    def planes(self, latents: Tensor) -> tuple[Planes, F32]:
        """Planes of (b, n + 1, c) latents, and the (b, 3) extents."""
        tokens, extents = split_latent(latents.to(self.device))
        planes = self.vae.decode(tokens, extents)
        return Planes(*(each.float().cpu() for each in planes)), np.asarray(extents.cpu().numpy(), np.float32)

    @torch.no_grad()
    def encode(self, batch: dict[str, Tensor]) -> Tensor:
        """(b, n + 1, c) latents of what `losses.encoded` takes: points with normals and looks, edges, extents."""
        from ml.shapes.losses import encoded

        mean, _ = encoded(self.vae, {name: values.to(self.device) for name, values in batch.items()})
        return whole_latent(mean, batch["extents"].to(self.device))


def save_model(
    vae: ShapeVae,
    flow: ShapeFlow,
    recipe: ShapeRecipe,
    folder: Path,
    parts: PartReader | None = None,
    guess: PictureGuess | None = None,
    few: ShapeFlow | None = None,
) -> None:
    """Write a `.safetensors` of each network that there is, and `shapes.json` of their sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    networks = {"vae": vae, "flow": flow, "parts": parts, "guess": guess, "few": few}
    files = {name: pack(network.state_dict()) for name, network in networks.items() if network is not None}
    for name, data in files.items():
        (folder / f"{name}.safetensors").write_bytes(data)
    sizes: dict[str, Any] = {"vae": recipe.vae, "flow": recipe.flow, "few": recipe.distil, "guess": recipe.guess}
    sizes["parts"] = parts.config if parts else None
    about: dict[str, Any] = {"digest": digest_of(files.values())}
    about |= {name: asdict(config) for name, config in sizes.items() if name in files}
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n")


@cache
def load_model(folder: Path = WEIGHTS, device: str = "cpu") -> ShapeModel:
    """The shipped model, or one that `save_model` wrote; raises InputError `weights.missing`, or `weights.damaged`
    where its files are not those of one `save_model`."""
    sizes, states = _read(folder)
    config = VaeConfig(**sizes["vae"])
    try:
        vae, flow = ShapeVae(config), ShapeFlow(FlowConfig(**sizes["flow"]), config)
        vae.load_state_dict(states["vae"])
        flow.load_state_dict(states["flow"])
        model = ShapeModel(vae, flow, device)
        if "parts" in sizes:
            model.parts = PartReader(PartsConfig(**sizes["parts"])).eval()
            model.parts.load_state_dict(states["parts"])
        if "guess" in sizes:
            model.guess = PictureGuess(GuessConfig(**sizes["guess"]), config).to(model.device).eval()
            model.guess.load_state_dict(states["guess"])
        if "few" in sizes:
            few = ShapeFlow(FlowConfig(**sizes["flow"]), config)
            few.load_state_dict(states["few"])
            model.few, model.few_steps = few.to(model.device).eval(), int(sizes["few"]["steps"])
    except RuntimeError as error:
        raise InputError("weights.damaged", f"weights do not fit {ABOUT}: {error}") from error
    return model


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """Sizes and the networks' states."""
    try:
        sizes = json.loads((folder / ABOUT).read_text())
        names = (*NETWORKS, *(name for name in OTHERS if name in sizes))
        files = [(folder / f"{name}.safetensors").read_bytes() for name in names]
    except OSError as error:
        raise InputError("weights.missing", f"no shape model in {folder.name}: {error}") from error
    except ValueError as error:
        raise InputError("weights.damaged", f"{ABOUT} of {folder.name} is no JSON: {error}") from error
    if sizes.get("digest") != digest_of(files):
        message = f"the networks in {folder.name} are not those that its {ABOUT} names: copy or train all of it again"
        raise InputError("weights.damaged", message)
    return sizes, dict(zip(names, map(unpack, files), strict=True))
