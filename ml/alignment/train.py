"""Trains the small dual encoder with open_clip's network: contrastive, with one-word-wrong prompts in every batch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.alignment.examples import MEMBERS
from ml.alignment.network import standardised
from ml.alignment.recipe import NAME, TrainingRecipe
from ml.alignment.tensors import read_tensors, write_tensors
from ml.alignment.tokens import claims, tokenize
from ml.asset import U8, InputError
from ml.prompt import parse_prompt

if TYPE_CHECKING:
    import torch

I64 = npt.NDArray[np.int64]
FULL = 0.75  # share of the examples shown with their whole prompt, the others with the shorter one
BRIGHTNESS, SHIFT = 0.12, 3  # how far pictures vary: share of the brightness, pixels
SAVED_EVERY = 200  # steps; as many as a kill can waste


@dataclass(frozen=True)
class Examples:
    """A set of groups as arrays."""

    pictures: U8  # (groups, MEMBERS, views, side, side, 3)
    tokens: I64  # (groups, MEMBERS, 2, CONTEXT): whole prompt and shorter one
    said: npt.NDArray[np.float32]  # (groups, MEMBERS, 2, claims) 1 where the prompt claims it


def as_examples(pictures: U8, prompts: list[list[tuple[str, str]]]) -> Examples:
    """Arrays from pictures and each asset's two prompts."""
    flat = [text for group in prompts for pair in group for text in pair]
    said = [claims(parse_prompt(text)) for text in flat]
    numbers = {claim: at for at, claim in enumerate(sorted(set().union(*said)))}
    table = np.zeros((len(flat), len(numbers)), np.float32)
    for row, claimed in zip(table, said, strict=True):
        row[[numbers[claim] for claim in claimed]] = 1.0
    shape = (len(prompts), MEMBERS, 2, -1)
    return Examples(pictures, tokenize(flat).reshape(shape), table.reshape(shape))


def train(recipe: TrainingRecipe, examples: Examples, folder: Path, tell: Callable[[str], None] = print) -> None:
    """Train and leave `model.safetensors` (float16) and `meshmill.json` (open_clip's configuration) in `folder`.

    Goes on from the folder's checkpoint where it is of the same recipe: every step's batch follows from the seed and
    the step alone, so that a killed training ends as an undisturbed one. Raises InputError `training.other-recipe`.
    """
    import torch
    from open_clip.model import CLIP

    torch.manual_seed(recipe.seed)
    model = CLIP(**recipe.model_config())
    model.visual.to(memory_format=torch.channels_last)  # 0.31 CPU-s a step of 256 pictures, not 0.49
    scale = torch.nn.Parameter(torch.tensor([math.log(10.0), -4.0]))  # of the judgements, as SigLIP begins
    weights = [*model.parameters(), scale]
    groups = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": recipe.decay},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))
    state = _State(model, scale, optimiser, recipe, folder)
    losses = []
    for step in range(state.load(), recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe, step)
        images, tokens, said, owned = batch(recipe, examples, step)
        loss = contrastive_loss(model, scale, images, tokens, said, owned)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0.0, math.log(100.0))
        losses.append(float(loss.detach()))
        if (step + 1) % SAVED_EVERY == 0 or step + 1 == recipe.steps:
            state.save(step + 1)
            tell(f"step {step + 1}/{recipe.steps}: loss {np.mean(losses):.3f}")
            losses = []
    export(model, recipe, folder)


def learning_rate(recipe: TrainingRecipe, step: int) -> float:
    """Up in a straight line for a twentieth of the steps, then down along a cosine."""
    warm = max(1, recipe.steps // 20)
    if step < warm:
        return recipe.rate * (step + 1) / warm
    return recipe.rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, recipe.steps - warm)))


def batch(recipe: TrainingRecipe, examples: Examples, step: int) -> tuple[Any, Any, Any, Any]:
    """Images (n, 3, s, s), tokens (n, c), what each prompt says and what is said of each asset (n, claims)."""
    import torch

    rng = np.random.default_rng((recipe.seed, step))
    count, _, views = examples.pictures.shape[:3]
    picked = rng.permutation(count)[: recipe.batch] if count >= recipe.batch else rng.integers(0, count, recipe.batch)
    group = np.repeat(picked, MEMBERS)
    member, view = np.tile(np.arange(MEMBERS), len(picked)), rng.integers(0, views, len(group))
    which = (rng.random(len(group)) > FULL).astype(np.int64)
    pictures = shifted(examples.pictures[group, member, view], rng)
    light = 1.0 + rng.uniform(-BRIGHTNESS, BRIGHTNESS, (len(group), 1, 1, 1)).astype(np.float32)
    said, owned = examples.said[group, member, which], examples.said[group, member, 0]
    tokens = examples.tokens[group, member, which]
    return normalised(pictures, light), torch.from_numpy(tokens), torch.from_numpy(said), torch.from_numpy(owned)


def shifted(pictures: U8, rng: np.random.Generator) -> U8:
    """Each picture moved by up to SHIFT pixels, its background moving in."""
    side = pictures.shape[1]
    padded = np.pad(pictures, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    places = rng.integers(0, 2 * SHIFT + 1, (len(pictures), 2))
    return np.stack([each[y : y + side, x : x + side] for each, (y, x) in zip(padded, places, strict=True)])


def normalised(pictures: U8, light: npt.NDArray[np.float32] | float = 1.0) -> torch.Tensor:
    """(n, 3, h, w) float32 as the network takes them, the channels last in memory."""
    import torch

    return torch.from_numpy(standardised(pictures.astype(np.float32) * light).transpose(0, 3, 1, 2))


def contrastive_loss(
    model: Any, scale: torch.Tensor, images: torch.Tensor, tokens: torch.Tensor, said: torch.Tensor, owned: torch.Tensor
) -> torch.Tensor:
    """InfoNCE both ways (Radford et al. 2021) plus a sigmoid loss a pair (Zhai et al. 2023) that weighs right pairs,
    one-word-wrong ones of the same group and all others alike; a prompt that is true of another asset counts nowhere.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import cross_entropy, normalize, softplus

    # The plain attention: that for long sequences costs 0.08 CPU-s a step more at 20 words.
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        images, texts = model.encode_image(images), encode_text(model, tokens)
    seen, read = normalize(images.float(), dim=-1), normalize(texts.float(), dim=-1)
    cosine = seen @ read.T  # (assets, prompts)
    count = len(tokens)
    right = torch.eye(count, dtype=torch.bool)
    also_true = (((1.0 - owned) @ said.T) == 0) & ~right
    logits = (model.logit_scale.exp() * cosine).masked_fill(also_true, -1e4)
    target = torch.arange(count)
    choice = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    judged = softplus(torch.where(right, -1.0, 1.0) * (scale[0].exp() * cosine + scale[1]))
    kin = torch.arange(count)[:, None] // MEMBERS == torch.arange(count)[None] // MEMBERS
    near, far = kin & ~right & ~also_true, ~kin & ~also_true
    judgement = judged[right].mean() + 0.5 * (judged * near).sum() / near.sum().clamp(min=1)
    return choice + judgement + 0.5 * judged[far].mean()


def encode_text(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """As CLIP.encode_text without the columns that are padding in every row: the mask lets none of them be seen."""
    import torch

    length = int((tokens != 0).sum(dim=1).max())
    cut = tokens[:, :length]
    x = model.token_embedding(cut) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    pooled: torch.Tensor = x[torch.arange(len(cut)), cut.argmax(dim=-1)] @ model.text_projection
    return pooled


@dataclass
class _State:
    """Everything a training goes on from."""

    model: Any
    scale: Any
    optimiser: Any
    recipe: TrainingRecipe
    folder: Path

    def save(self, step: int) -> None:
        arrays = {f"model.{name}": value.numpy() for name, value in self.model.state_dict().items()}
        arrays["scale"] = self.scale.detach().numpy()
        for at, weight in enumerate(self._weights()):
            moments = self.optimiser.state[weight]
            arrays |= {f"{at}.{name}": moments[name].numpy() for name in ("exp_avg", "exp_avg_sq")}
        arrays["step"] = np.array([step], np.int64)
        arrays["recipe"] = np.frombuffer(json.dumps(asdict(self.recipe)).encode(), np.uint8)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_tensors(self.folder / "checkpoint.safetensors", arrays)

    def load(self) -> int:
        """The step to go on with."""
        import torch

        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return 0
        arrays = read_tensors(path)
        if json.loads(arrays["recipe"].tobytes()) != asdict(self.recipe):
            raise InputError("training.other-recipe", f"{path.parent} holds a training of another recipe")
        tensors = {name: torch.from_numpy(values.copy()) for name, values in arrays.items()}
        step = int(tensors["step"])
        model = {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
        self.model.load_state_dict(model)
        with torch.no_grad():
            self.scale.copy_(tensors["scale"])
        for at, weight in enumerate(self._weights()):
            moments = {name: tensors[f"{at}.{name}"] for name in ("exp_avg", "exp_avg_sq")}
            self.optimiser.state[weight] = {"step": torch.tensor(float(step)), **moments}
        return step

    def _weights(self) -> list[Any]:
        return [weight for group in self.optimiser.param_groups for weight in group["params"]]


def export(model: Any, recipe: TrainingRecipe, folder: Path) -> None:
    """The weights as float16 and the configuration, as open_clip loads them."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        name: (value.half() if value.dtype == torch.float32 else value).numpy()
        for name, value in model.state_dict().items()
    }
    write_tensors(folder / "model.safetensors", arrays)
    (folder / f"{NAME}.json").write_text(json.dumps(recipe.model_config(), indent=2) + "\n")
