"""Archives: the model of a ZIP with its files wherever they lie; bombs, nests and damage are coded refusals."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.asset import InputError
from ml.readers import archive
from ml.readers.registry import read_mesh
from ml.sources import Source

OBJ = b"mtllib lib/m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl a\nf 1/1 2/2 3/3\n"
MTL = b"newmtl a\nmap_Kd C:\\Users\\x\\Wood.PNG\n"


def picture() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), 99, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def packed(folder: Path, files: dict[str, bytes], name: str = "thing.zip") -> Source:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as file:
        for member, data in files.items():
            file.writestr(member, data)
    return Source(str(folder / name), str(folder))


def code(source: Source) -> str:
    with pytest.raises(InputError) as caught:
        read_mesh(source)
    return caught.value.code


def test_a_model_with_its_material_and_texture_in_other_folders(tmp_path: Path) -> None:
    files = {"readme.txt": b"hi", "src/a.obj": OBJ, "src/lib/m.mtl": MTL, "textures/wood.png": picture()}
    asset = read_mesh(packed(tmp_path, files))
    assert asset.face_count == 1
    assert asset.notes["import_format"] == "obj"
    texture = asset.parts[0].material.base_color_texture
    assert texture is not None
    assert texture.data == picture()


def test_two_textures_of_one_name_are_none(tmp_path: Path) -> None:
    files = {"a.obj": OBJ, "lib/m.mtl": MTL, "x/wood.png": picture(), "y/wood.png": picture()}
    asset = read_mesh(packed(tmp_path, files))
    assert asset.parts[0].material.base_color_texture is None
    assert "missing" in asset.notes["import_notes"]


def test_the_best_format_and_the_largest_file_is_the_model(tmp_path: Path) -> None:
    more = OBJ + b"f 3/3 2/2 1/1\n"
    asset = read_mesh(
        packed(tmp_path, {"a.stl": b"solid x\n", "b.obj": OBJ, "c.OBJ": more, "__MACOSX/._b.obj": more * 9})
    )
    assert asset.face_count == 2


def test_what_is_no_model_or_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code(packed(tmp_path, {"a.txt": b"x"})) == "archive.no-model"
    inner = Path(packed(tmp_path, {"a.obj": OBJ}, "inner.zip").uri).read_bytes()
    assert code(packed(tmp_path, {"a.obj": inner})) == "archive.no-model"
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    assert code(packed(tmp_path, {f"{k}.obj": OBJ for k in range(4)})) == "archive.too-many"
    bomb = packed(tmp_path, {"a.obj": OBJ + b"#" * 50_000_000})
    assert Path(bomb.uri).stat().st_size < 100_000
    assert code(Source(bomb.uri, bomb.root, 1_000_000)) == "input.too-large"


def test_all_that_is_read_of_an_archive_is_bounded_together(tmp_path: Path) -> None:
    source = packed(tmp_path, {"a.obj": OBJ, "lib/m.mtl": MTL})
    member = archive.open_model(Path(source.uri).read_bytes(), source)
    assert member.archive is not None
    member.archive.left = len(OBJ) + len(MTL) - 1  # enough for either, not for both
    member.read()
    with pytest.raises(InputError, match="more than"):
        member.sibling("lib/m.mtl").read()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_archives_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    source = packed(folder, {"a.obj": OBJ, "lib/m.mtl": MTL, "wood.png": picture()})
    content = bytearray(Path(source.uri).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    Path(source.uri).write_bytes(content[: data.draw(st.integers(8, len(content)))])
    with suppress(InputError):
        assert read_mesh(source).face_count <= 1
