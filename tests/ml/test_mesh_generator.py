"""The import generator: names, limits and refusals."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError
from ml.generators.mesh import MeshImport, MeshOptions
from ml.generators.protocol import Generator, Refusal, Request
from ml.sources import Source


def request(folder: Path, name: str, data: bytes) -> Request:
    (folder / name).write_bytes(data)
    return Request(id="row-1", seed=0, mesh=Source(str(folder / name), str(folder)))


def code_of(generator: MeshImport, wanted: Request) -> str:
    with pytest.raises(InputError) as caught:
        generator.generate([wanted])
    return caught.value.code


def test_an_imported_asset_is_named_after_its_file(tmp_path: Path) -> None:
    generator: Generator = MeshImport()
    scene = trimesh.Scene({"a": trimesh.creation.box(), "b": trimesh.creation.icosphere(1)})
    (asset,) = generator.generate([request(tmp_path, "two parts.glb", scene.export(file_type="glb"))])
    assert isinstance(asset, Asset)
    assert (asset.name, asset.notes["import_format"], len(asset.parts)) == ("two parts", "glb", 2)
    assert asset.face_count == 12 + 80


def test_the_same_file_gives_the_same_asset_whatever_the_seed(tmp_path: Path) -> None:
    wanted = request(tmp_path, "a.obj", trimesh.creation.box().export(file_type="obj").encode())
    first, second = MeshImport().generate([wanted, Request("other", 7, mesh=wanted.mesh)])
    assert isinstance(first, Asset)
    assert isinstance(second, Asset)
    np.testing.assert_array_equal(first.parts[0].vertices, second.parts[0].vertices)


def test_refusals_are_coded(tmp_path: Path) -> None:
    box = trimesh.creation.box().export(file_type="stl")
    assert code_of(MeshImport(MeshOptions(max_faces=11)), request(tmp_path, "a.stl", box)) == "mesh.too-large"
    assert code_of(MeshImport(MeshOptions(max_bytes=600)), request(tmp_path, "a.stl", box)) == "input.too-large"
    assert code_of(MeshImport(), request(tmp_path, "p.obj", b"v 0 0 0\nv 1 1 1\n")) == "mesh.no-faces"
    assert (
        code_of(MeshImport(), request(tmp_path, "n.obj", b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3")) == "mesh.not-finite"
    )
    assert code_of(MeshImport(), request(tmp_path, "t.txt", b"hello")) == "mesh.unsupported"
    missing = Request("r", 0, mesh=Source(str(tmp_path / "no.glb"), str(tmp_path)))
    assert code_of(MeshImport(), missing) == "input.missing"
    (refusal,) = MeshImport().generate([Request("r", 0)])
    assert isinstance(refusal, Refusal)


def test_a_file_that_is_not_the_one_the_manifest_names_is_refused(tmp_path: Path) -> None:
    wanted = request(tmp_path, "a.stl", trimesh.creation.box().export(file_type="stl"))
    assert wanted.mesh is not None
    digest = hashlib.sha256((tmp_path / "a.stl").read_bytes()).hexdigest()
    (asset,) = MeshImport().generate([replace(wanted, mesh=replace(wanted.mesh, sha256=digest.upper()))])
    assert isinstance(asset, Asset)
    other = replace(wanted, mesh=replace(wanted.mesh, sha256=digest[::-1]))
    assert code_of(MeshImport(), other) == "input.digest-differs"
