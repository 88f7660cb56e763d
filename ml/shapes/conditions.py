"""What a shape is asked to be: text, pictures, sketches and views as one set of condition tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ml.alignment.tokens import CONTEXT, vocabulary
from ml.shapes.blocks import Block, Norm
from ml.shapes.example import PICTURE, SIDE, SKETCH
from ml.shapes.recipe import FlowConfig

EMPTY = 8  # tokens that stand for nothing: with them, all lengths are multiples of 8, as attention kernels want
NOTHING = 0  # kind of an empty slot
UNKNOWN = 0  # of a view; 1–4 are front, right, back and left
# Pictures of a training step, in turn: shapes of tensors stay the same in a step.
SLOTS = (0, 1, 0, 1, 0, 1, 1, 0, 1, 4)
TEXT_ALONE, TEXT_BESIDE = 0.9, 0.45  # how often there is a text without pictures in the step, and with
SHOWN, SKETCHED, TOLD = 0.75, 0.35, 0.5  # pictures that are there; sketches among them; known views that are named


class Conditions(NamedTuple):
    """Of b assets: (b, CONTEXT) token numbers, zeros where there is no text; (b, k, side, side, 3) pictures 0–1, their
    (b, k) kinds and (b, k) views."""

    tokens: Tensor
    pictures: Tensor
    kinds: Tensor
    views: Tensor


def no_conditions(count: int, device: torch.device | str = "cpu") -> Conditions:
    """Nothing asked, `count` times."""
    tokens = torch.zeros((count, CONTEXT), dtype=torch.int64, device=device)
    empty = torch.zeros((count, 0), dtype=torch.int64, device=device)
    return Conditions(tokens, torch.zeros((count, 0, SIDE, SIDE, 3), device=device), empty, empty)


def draw_conditions(batch: Mapping[str, Tensor], step: int) -> Conditions:
    """What training asks for at a step: each of text and pictures dropped on its own, so that any mixture is learnt."""
    tokens = batch["tokens"]
    count, device, slots = len(tokens), tokens.device, SLOTS[step % len(SLOTS)]
    rows = torch.arange(count, device=device)
    told = torch.rand(count, device=device) < (TEXT_BESIDE if slots else TEXT_ALONE)
    texts = tokens[rows, torch.randint(tokens.shape[1], (count,), device=device)] * told[:, None]
    if not slots:
        return no_conditions(count, device)._replace(tokens=texts)
    seen, kinds, views = draw_pictures(batch, slots)
    shown = torch.rand(kinds.shape, device=device) < SHOWN
    return Conditions(texts, seen, kinds * shown, views)


def draw_pictures(batch: Mapping[str, Tensor], slots: int) -> tuple[Tensor, Tensor, Tensor]:
    """(b, slots, side, side, 3) pictures and sketches 0–1 of each asset, from different views where there are several;
    their (b, slots) kinds and views."""
    pictures, sketches = batch["pictures"], batch["sketches"]
    count, device = len(pictures), pictures.device
    rows = torch.arange(count, device=device)
    if slots == 1:
        chosen = torch.randint(pictures.shape[1], (count, 1), device=device)
    else:
        chosen = torch.rand((count, 4), device=device).argsort(dim=1)[:, :slots]
    sketched = torch.rand((count, slots), device=device) < SKETCHED
    named = (torch.rand((count, slots), device=device) < TOLD) & (chosen < 4)
    colored, drawn = pictures[rows[:, None], chosen], sketches[rows[:, None], chosen]
    seen = torch.where(sketched[..., None, None, None], drawn[..., None], colored).float() / 255.0
    return seen, torch.where(sketched, SKETCH, PICTURE), (chosen + 1) * named


class ConditionEncoder(nn.Module):
    """Text, picture and sketch tokens of one width, each with what it is and where it was seen from."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width, heads = config.picture_width, max(1, config.picture_width // 64)
        self.words, self.order = nn.Embedding(len(vocabulary()), width), nn.Parameter(torch.zeros(CONTEXT, width))
        self.text_blocks = nn.ModuleList(Block(width, heads) for _ in range(config.text_layers))
        self.text_out = nn.Sequential(Norm(width), nn.Linear(width, config.width))
        self.patches = nn.Conv2d(3, width, config.patch, config.patch)
        self.places = nn.Parameter(torch.randn((SIDE // config.patch) ** 2, width) * 0.02)
        self.kind, self.view = nn.Embedding(3, width), nn.Embedding(5, width)
        self.picture_blocks = nn.ModuleList(Block(width, heads) for _ in range(config.picture_layers))
        self.picture_out = nn.Sequential(Norm(width), nn.Linear(width, config.width))
        self.nothing = nn.Parameter(torch.randn(EMPTY, config.width) * 0.02)

    def forward(self, asked: Conditions) -> tuple[Tensor, Tensor]:
        """(b, m, w) tokens and their (b, m) mask; the first EMPTY are always there: nothing can be asked too."""
        count = len(asked.tokens)
        text, text_mask = self._read(asked.tokens)
        first = self.nothing.expand(count, -1, -1).to(text.dtype)
        tokens, masks = [first, text], [torch.ones_like(text_mask[:, :EMPTY]), text_mask]
        if asked.kinds.shape[1]:
            seen, seen_mask = self._look(asked)
            tokens.append(seen)
            masks.append(seen_mask)
        return torch.cat(tokens, dim=1), torch.cat(masks, dim=1)

    def _read(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        mask = numbers != 0
        x = self.words(numbers) + self.order
        inner = mask | ~mask.any(dim=1, keepdim=True)  # attention over nothing at all would be NaN
        for block in self.text_blocks:
            x = block(x, inner)
        return self.text_out(x), mask

    def _look(self, asked: Conditions) -> tuple[Tensor, Tensor]:
        flat = asked.pictures.flatten(0, 1).permute(0, 3, 1, 2) * 2.0 - 1.0
        x = self.patches(flat).flatten(2).transpose(1, 2)
        told = (self.kind(asked.kinds) + self.view(asked.views)).flatten(0, 1)
        x = x + self.places.to(x.dtype) + told[:, None].to(x.dtype)
        for block in self.picture_blocks:
            x = block(x)
        count, slots = asked.kinds.shape
        mask = (asked.kinds != NOTHING)[:, :, None].expand(-1, -1, x.shape[1]).flatten(1)
        return self.picture_out(x).unflatten(0, (count, slots)).flatten(1, 2), mask
