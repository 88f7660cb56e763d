"""Gives a drawn shape the colours and materials that its text states, on the parts that it states them of.

The flow draws geometry and looks together, and few of its colours are where a text wants them: 29 % on held-out texts.
What a word looks like is known (ml.substances); where a part is, a small reader tells. Looks that nothing is said of
stay as they were drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.asset import F32, InputError
from ml.field_asset import ShapeField
from ml.field_mesh import field_mesh
from ml.plane_field import PlaneField, sigmoid
from ml.prompt import parse_prompt
from ml.shapes.claims import Claim, claims_of
from ml.shapes.field import sample_planes
from ml.shapes.part_reader import PartReader
from ml.srgb import to_srgb
from ml.substances import SUBSTANCES
from ml.vocabulary import category_of

CELLS = 64  # along the longest side of the surface on which parts are told
POINTS = 2048  # of its vertices
CHANGED = 48  # samples along a side of the change of a plane: every one has points near it
STEPS, RATE = 60, 0.08  # of Adam, from the drawn looks to the stated ones: 0.4 CPU-s
STEP = 0.008  # isotropic length of the differences behind normals, as in the autoencoder's loss


def as_stated(field: ShapeField, text: str, reader: PartReader) -> ShapeField:
    """The field in what the text states; itself where that is nothing, or nothing of a known category."""
    prompt = parse_prompt(text)
    claims, category = claims_of(prompt), category_of(prompt.subject)
    if not claims or category not in reader.config.categories:
        return field
    try:
        vertices, _ = field_mesh(field.distances, field.extents, CELLS)
    except InputError:
        return field
    chosen = np.random.default_rng(0).choice(len(vertices), POINTS, replace=len(vertices) < POINTS)
    points = vertices[chosen].astype(np.float32)
    drawn = sigmoid(field.looks.values(points))
    wanted = _stated(drawn, claims, *_parts(field, points, category, reader))
    return field if np.array_equal(wanted, drawn) else replace(field, looks=_fitted(field.looks, points, wanted))


def _parts(
    field: ShapeField, points: F32, category: str, reader: PartReader
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.bool_]]:
    """(n,) the name of the part that each point lies on, and whether it wears what is said of the whole."""
    row = reader.config.categories.index(category)
    steps = (STEP * np.eye(3) / field.extents).astype(np.float32)
    slope = np.stack([field.distances(points + step) - field.distances(points - step) for step in steps], axis=1)
    normals = slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9)
    seen = [points, normals, field.extents.astype(np.float32)]
    with torch.no_grad():
        logits = reader(*(torch.from_numpy(each)[None] for each in seen), torch.tensor([row]))[0]
    part = logits.argmax(dim=1).numpy()
    return np.array(reader.config.names)[part], reader.whole[row].numpy()[part] > 0.5


def _stated(drawn: F32, claims: Sequence[Claim], names: npt.NDArray[np.str_], whole: npt.NDArray[np.bool_]) -> F32:
    """(n, 8) looks: the whole's words, a part's own over them; of several right ones the nearest to what is drawn."""
    looks = drawn.copy()
    for claim in sorted(claims, key=lambda each: bool(each.part)):
        there = names == claim.part if claim.part else whole
        if not there.any():
            continue
        nearest = 0
        if claim.colors:
            colors = np.array([to_srgb(np.array(color)) for color in claim.colors], np.float32)
            nearest = int(np.linalg.norm(colors - np.median(drawn[there, :3], axis=0), axis=1).argmin())
            looks[there, :3] = colors[nearest]
        if claim.substances:
            substance = SUBSTANCES[claim.substances[nearest]]
            looks[there, 3:5] = substance.roughness, substance.metallic
    return looks


def _fitted(looks: PlaneField, points: F32, wanted: F32) -> PlaneField:
    """The field whose values at the points are `wanted`: a coarse change of its planes and its layers, by descent."""
    arrays = {name: torch.from_numpy(values.astype(np.float32)) for name, values in looks.arrays.items()}
    planes = arrays.pop("planes")
    layers = [nn.Parameter(values) for values in arrays.values()]
    change = nn.Parameter(torch.zeros(*planes.shape[:2], CHANGED, CHANGED))
    places, goal = torch.from_numpy(points)[None], torch.from_numpy(wanted)
    features = sample_planes(planes[None], places)[0]
    groups: list[dict[str, Any]] = [{"params": [change]}, {"params": layers, "lr": RATE / 10}]
    optimiser = torch.optim.Adam(groups, lr=RATE, betas=(0.9, 0.98))
    for _ in range(STEPS):
        found = _read(features + sample_planes(change[None], places)[0], layers)
        loss = functional.binary_cross_entropy_with_logits(found, goal)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    finer = functional.interpolate(change.detach(), planes.shape[2:], mode="bilinear", align_corners=False)
    kept = {name: values.detach().numpy() for name, values in zip(arrays, layers, strict=True)}
    return PlaneField((planes + finer).half().numpy(), **kept)


def _read(features: Tensor, layers: Sequence[Tensor]) -> Tensor:
    first, first_bias, second, second_bias, last, last_bias = layers
    hidden = functional.silu(functional.linear(features, first, first_bias))
    hidden = functional.silu(functional.linear(hidden, second, second_bias))
    return functional.linear(hidden, last, last_bias)
