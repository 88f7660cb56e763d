"""Reads OBJ and MTL line by line: faces of any group, and each PBR statement of its material library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from facts import Facts, MaterialFacts, PartFacts, gathered, keep_image, linear_of

MAPS = {"map_Kd": ("base_color", "rgb"), "map_Pr": ("roughness", "r"), "map_Pm": ("metallic", "r"),
        "map_Ke": ("emissive", "rgb"), "norm": ("normal", "rgb"), "map_d": ("alpha", "a")}  # fmt: skip
VALUES = {"Kd": "base_color", "Ke": "emissive", "Pr": "roughness", "Pm": "metallic", "d": "alpha"}


def read(path: Path, folder: Path) -> Facts:
    """Facts of an OBJ in metres with Y up, as its first line says."""
    rows: dict[str, list[list[str]]] = {"v": [], "vt": [], "vn": []}
    groups: list[tuple[str, str, list[list[str]]]] = []
    material, libraries = "", []
    for line in path.read_text().splitlines():
        keyword, *words = line.split()
        if keyword in rows:
            rows[keyword].append(words)
        elif keyword == "o":
            groups.append((" ".join(words), material, []))
        elif keyword == "usemtl":
            material = words[0]
            groups[-1] = (groups[-1][0], material, groups[-1][2])
        elif keyword == "f":
            groups[-1][2].append(words)
        elif keyword == "mtllib":
            libraries.append(words[0])
    values = {key: np.array([row[:3] for row in found], np.float64) for key, found in rows.items()}
    tails = [[float(word) for word in row[3:6]] or [np.nan] * 3 for row in rows["v"]]  # colours, where a vertex has one
    values["colors"] = np.c_[linear_of(np.array(tails)), np.full(len(tails), np.nan)]
    pieces = [piece(faces, values) for _, _, faces in groups]
    parts = [PartFacts(name, len(faces), material) for name, material, faces in groups]
    facts = Facts(**gathered(pieces), parts=parts)
    for library in libraries:
        read_library(path.parent / library, facts, folder)
    return facts


def piece(faces: list[list[str]], values: dict[str, np.ndarray]) -> tuple[np.ndarray | None, ...]:
    """(corners, uv, normals, no second uv, colours without alpha) of a group's triangles."""
    corners = [corner.split("/") for face in faces for corner in face]
    if any(len(face) != 3 for face in faces):
        raise ValueError("not a triangle")
    index = np.array([[int(number or 0) for number in corner] for corner in corners]) - 1
    uv = None
    if (index[:, 1] >= 0).all():
        uv = values["vt"][index[:, 1], :2].copy()
        uv[:, 1] = 1.0 - uv[:, 1]
    return values["v"][index[:, 0]], uv, values["vn"][index[:, 2]], None, values["colors"][index[:, 0]]


def read_library(path: Path, facts: Facts, folder: Path) -> None:
    """Add an MTL's materials and the digests of the files it names."""
    current = MaterialFacts()
    for line in path.read_text().splitlines():
        keyword, *words = line.split() or [""]
        if keyword == "newmtl":
            current = facts.materials[words[0]] = MaterialFacts(words[0])
        elif keyword in VALUES:
            current.values[VALUES[keyword]] = list(map(float, words))
        elif keyword in MAPS:
            slot, channels = MAPS[keyword]
            data = (path.parent / words[-1]).read_bytes()
            current.maps[slot] = [keep_image(folder, data), channels]
            facts.images[current.maps[slot][0]] = len(data)
    for material in facts.materials.values():
        material.values.setdefault("emissive", [0.0, 0.0, 0.0])
        material.values["base_color"] = [*material.values["base_color"], *material.values.pop("alpha", [1.0])]
