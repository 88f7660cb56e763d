"""Admission: licences by any spelling, a file once however its rows name it, tables with names of their own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.admission import Admission
from manifests.errors import ManifestError
from manifests.licences import plain_licence, plain_licences
from manifests.readers import read_manifest
from manifests.row import InvalidRow, Row


def judged(folder: Path, text: str, admission: Admission) -> list[str]:
    (folder / "m.csv").write_text(text)
    rows = [admission.judged(row) if isinstance(row, Row) else row for row in read_manifest(str(folder / "m.csv"))]
    assert all(row.outcome == "rejected" for row in rows if isinstance(row, InvalidRow))
    return [f"{row.code} {row.message.split()[-2]}" if isinstance(row, InvalidRow) else "ok" for row in rows]


@pytest.mark.parametrize(
    "names",
    [
        ("by", "CC-BY-4.0", "cc by 4.0", "Creative Commons - Attribution", "BY"),
        ("by-nc-sa", "CC-BY-NC-SA-4.0", "Creative Commons - Attribution - NonCommercial - ShareAlike"),
        ("cc0", "CC0-1.0", "Creative Commons - Public Domain Dedication"),
        ("CC-BY-3.0", "cc by 3.0"),
        ("Apache License 2.0", "apache-2.0"),
    ],
)
def test_spellings_of_a_licence_are_one(names: tuple[str, ...]) -> None:
    assert len(plain_licences(names)) == 1


@given(st.text(max_size=60))
def test_any_text_is_a_licence_of_its_own_and_stays_what_it_becomes(name: str) -> None:
    assert plain_licence(plain_licence(name)) == plain_licence(name)


def test_what_the_list_does_not_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(b"1")
    text = "mesh,license\na.glb,by\na.glb,by-nc\na.glb,\na.glb,CC0\n"
    (tmp_path / "m.csv").write_text(text)
    admission = Admission(plain_licences(["CC-BY-4.0", "cc0"]))
    rows = [admission.judged(row) for row in read_manifest(str(tmp_path / "m.csv")) if isinstance(row, Row)]
    codes = [row.code if isinstance(row, InvalidRow) else "ok" for row in rows]
    assert codes == ["ok", "licence.not-allowed", "licence.unknown", "ok"]
    assert isinstance(rows[1], InvalidRow)
    assert rows[1].meta["license"] == "by-nc"


CONTENTS = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"cc", b"dd"]), st.booleans()), max_size=8)


@given(CONTENTS)
@settings(max_examples=40, deadline=None)
def test_each_content_is_taken_once_in_the_order_of_rows(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[bytes, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("once")
    lines = ["id,mesh,sha256"]
    for k, (content, told) in enumerate(files):
        (folder / f"{k}.glb").write_bytes(content)
        lines.append(f"r{k},{k}.glb,{hashlib.sha256(content).hexdigest().upper() if told else ''}")
    contents = [content for content, _ in files]
    wanted = [
        "ok" if contents.index(content) == k else f"duplicate.input {contents.index(content) + 1}'s"
        for k, content in enumerate(contents)
    ]
    assert judged(folder, "\n".join(lines), Admission(unique=True)) == wanted
    assert judged(folder, "\n".join(lines), Admission()) == ["ok"] * len(files)


def test_files_that_name_others_and_rows_that_ask_for_more_are_all_made(tmp_path: Path) -> None:
    for name in ("a.obj", "b.obj", "a.glb", "b.glb"):
        (tmp_path / name).write_bytes(b"same")
    text = "mesh,prompt,variations\na.obj,,\nb.obj,,\na.glb,a chair,\nb.glb,,2\n"
    assert judged(tmp_path, text, Admission(unique=True)) == ["ok"] * 5


def test_only_files_of_one_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr("manifests.admission.sha256", lambda file: read.append(file.name) or file.name)
    for name, size in (("a.glb", 3), ("b.glb", 4), ("c.glb", 4), ("d.glb", 5)):
        (tmp_path / name).write_bytes(b"x" * size)
    judged(tmp_path, "mesh\na.glb\nb.glb\nc.glb\nd.glb\n", Admission(unique=True))
    assert read == ["b.glb", "c.glb"]


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_a_table_with_names_of_its_own(tmp_path: Path, form: str) -> None:
    (tmp_path / "x.glb").write_bytes(b"1")
    table = {"sha256": ["abc"], "Local_Path": ["x.glb"], "source": ["sketchfab"], "licence": ["by"]}
    path = tmp_path / f"m.{form}"
    if form == "parquet":
        pq.write_table(pa.table(table), path)
    elif form == "csv":
        path.write_text("sha256,Local_Path,source,licence\nabc,x.glb,sketchfab,by\n")
    else:
        path.write_text('{"sha256": "abc", "Local_Path": "x.glb", "source": "sketchfab", "licence": "by"}\n')
    columns = {"id": "sha256", "mesh": "local_path", "license": "Licence"}
    (row,) = read_manifest(str(path), columns=columns)
    assert isinstance(row, Row)
    assert (row.id, row.mesh, row.license) == ("abc", str(tmp_path / "x.glb"), "by")
    assert row.meta["sha256"] == "abc"
    assert row.meta["source"] == "sketchfab"
    with pytest.raises(ManifestError, match="'mash' is no column of a manifest; did you mean 'mesh'"):
        read_manifest(str(path), columns={"mash": "local_path"})
