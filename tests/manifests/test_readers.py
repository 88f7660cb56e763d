"""Rows: every column of every format arrives, and what is wrong with one costs that row and names its column."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.readers import may_name, read_manifest
from manifests.row import InvalidRow, Row


def rows_of(folder: Path, content: str | bytes, name: str = "m.csv", **options: Any) -> list[Row | InvalidRow]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_manifest(str(path), **options))


def codes(rows: list[Row | InvalidRow]) -> list[str]:
    return [row.code if isinstance(row, InvalidRow) else "ok" for row in rows]


def only(rows: list[Row | InvalidRow]) -> InvalidRow:
    (row,) = rows
    assert isinstance(row, InvalidRow)
    return row


def test_every_column_arrives(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "s.png", "m.glb"):
        (tmp_path / name).write_bytes(b"12345")
    header = (
        "ID, Prompt ,negative_prompt,image,images,sketch,mesh,seed,variations,category,style,height_m,width_m,depth_m"
    )
    header += ",up_axis,profile,generator,title,tags,license,SKU,note"
    line = (
        'r1, a chair ,rust,a.png,a.png; b.png,s.png,m.glb,42.0,1,seat,oak,0.9,0.5,"1e0",Z,game,mesh,T,"x, y;x",CC0,77,'
    )
    (row,) = rows_of(tmp_path, f"\ufeff{header}\r\n{line}\r\n")
    assert isinstance(row, Row)
    assert (row.number, row.line, row.id, row.prompt, row.negative_prompt) == (1, 2, "r1", "a chair", "rust")
    assert row.image == str(tmp_path / "a.png")
    assert row.images == (str(tmp_path / "a.png"), str(tmp_path / "b.png"))
    assert [file.name for file in row.files] == ["a.png", "a.png", "b.png", "s.png", "m.glb"]
    assert row.root_of(str(tmp_path / "m.glb")) == str(tmp_path)
    assert (row.seed, row.variations, row.height_m, row.depth_m, row.up_axis) == (42, 1, 0.9, 1.0, "z")
    assert (row.profile, row.generator, row.tags, row.license) == ("game", "mesh", ("x", "y"), "CC0")
    assert row.meta == {"SKU": "77"}


TABLE = [
    {"id": "a", "prompt": "a chair", "height_m": 0.5, "sku": "ü"},
    {"id": "b", "prompt": 'a "round" table, low\nwide', "height_m": None, "sku": None},
    {"id": "c", "prompt": "a lamp", "height_m": 2.0, "sku": "x"},
]


def write_csv(path: Path, delimiter: str = ",") -> None:
    def cell(value: object) -> str:
        return "" if value is None else '"' + str(value).replace('"', '""') + '"'

    lines = [delimiter.join(TABLE[0]), *(delimiter.join(map(cell, row.values())) for row in TABLE)]
    path.write_text("\n".join(lines) + "\n")


def write_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in TABLE))


@pytest.mark.parametrize("name", ["m.csv", "m.tsv", "m.csv.gz", "m.parquet", "m.jsonl", "m.ndjson.gz", "m", "m.json"])
def test_all_formats_say_the_same(tmp_path: Path, name: str) -> None:
    path, plain = tmp_path / name, tmp_path / "plain"
    if ".parquet" in name:
        pq.write_table(pa.Table.from_pylist(TABLE), plain)
    elif "json" in name:
        write_jsonl(plain)
    else:
        write_csv(plain, "\t" if "tsv" in name else ",")
    path.write_bytes(gzip.compress(plain.read_bytes()) if name.endswith(".gz") else plain.read_bytes())
    rows = list(read_manifest(str(path)))
    assert [(row.id, row.meta) for row in rows] == [("a", {"sku": "ü"}), ("b", {}), ("c", {"sku": "x"})]
    assert [row.prompt for row in rows if isinstance(row, Row)] == [row["prompt"] for row in TABLE]
    assert [row.height_m for row in rows if isinstance(row, Row)] == [0.5, None, 2.0]


def test_a_reference_alone_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "ref.obj").write_text("v 0 0 0\n")
    (tmp_path / "m.csv").write_text("id,prompt,reference\na,a chair,ref.obj\nb,,ref.obj\nc,a chair,gone.obj\n")
    rows = list(read_manifest(str(tmp_path / "m.csv")))
    assert codes(rows) == ["ok", "row.no-input", "row.missing-file"]
    assert isinstance(rows[0], Row)
    assert (rows[0].reference, [file.name for file in rows[0].files]) == (str(tmp_path / "ref.obj"), ["ref.obj"])


@pytest.mark.slow
def test_every_format_is_read_from_a_bucket(bucket: str) -> None:
    """A bucket's files and this computer's do not have the same methods."""
    made = {"m.csv": b"id,prompt\na,a chair\nb,a lamp\n", "m.jsonl": b'{"id": "a", "prompt": "a chair"}\n{"id": "b"}\n'}
    made["m.csv.gz"] = gzip.compress(made["m.csv"])
    for name, content in made.items():
        with fsspec.open(f"{bucket}/{name}", "wb") as stream:
            stream.write(content)
        assert codes(list(read_manifest(f"{bucket}/{name}")))[0] == "ok"
        assert not may_name(f"{bucket}/{name}", "priority", {})


def test_remote_manifests_find_their_files_beside_them() -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/batch/m.csv", b"id,image\na,in/a.png\nb,../other/b.png\nc,gone.png\nd,%2e%2e/other/b.png\n")
    files.pipe_file("/batch/in/a.png", b"123")
    files.pipe_file("/other/b.png", b"1")
    rows = list(read_manifest("memory://batch/m.csv"))
    assert codes(rows) == ["ok", "row.outside", "row.missing-file", "row.outside"]
    assert isinstance(rows[0], Row)
    assert rows[0].image == "memory://batch/in/a.png"
    assert rows[0].files[0].stamp.startswith("3:")
    allowed = list(read_manifest("memory://batch/m.csv", roots=["memory://other"]))
    assert codes(allowed)[:2] == ["ok", "ok"]


def test_local_files_are_confined_after_links_are_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "x.png").write_bytes(b"1")
    (inside / "link.png").symlink_to(outside / "x.png")
    (inside / "folder").mkdir()
    os.mkfifo(inside / "pipe.png")
    names = ["link.png", "../out/x.png", str(outside / "x.png"), "/etc/passwd", "folder", "pipe.png", "no.png", "a::b"]
    expected = ["row.outside"] * 4 + ["row.missing-file"] * 3 + ["row.bad-value"]
    content = "id,image\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names))
    assert codes(rows_of(inside, content)) == expected
    assert codes(rows_of(inside, content, roots=[str(outside)]))[:3] == ["ok", "ok", "ok"]
    assert codes(rows_of(inside, "image\nhttp://127.0.0.1:9/x.png\nfile:///etc/passwd\n")) == ["row.outside"] * 2


def test_a_folder_that_only_begins_like_the_root_is_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in-other").mkdir()
    (tmp_path / "in-other" / "x.png").write_bytes(b"1")
    assert codes(rows_of(tmp_path / "in", "image\n../in-other/x.png\n")) == ["row.outside"]


def test_the_stamp_follows_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    (before,) = rows_of(tmp_path, "image\na.png\n")
    (tmp_path / "a.png").write_bytes(b"12")
    (after,) = rows_of(tmp_path, "image\na.png\n")
    assert isinstance(before, Row)
    assert isinstance(after, Row)
    assert before.files[0].stamp != after.files[0].stamp
    assert before.id == after.id


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("height_m", "tall", "row.bad-number"),
        ("height_m", "-1", "row.bad-number"),
        ("height_m", "0", "row.bad-number"),
        ("height_m", "nan", "row.bad-number"),
        ("height_m", "inf", "row.bad-number"),
        ("height_m", "1_0", "row.bad-number"),
        ("seed", "-1", "row.bad-number"),
        ("seed", "1.5", "row.bad-number"),
        ("seed", "9223372036854775808", "row.bad-number"),
        ("seed", "9" * 5000, "row.bad-number"),
        ("variations", "0", "row.bad-number"),
        ("variations", "65", "row.bad-number"),
        ("up_axis", "x", "row.bad-value"),
        ("id", "i" * 201, "row.too-long"),
        ("id", "c#row7", "row.bad-value"),
        ("prompt", "p" * 16385, "row.too-long"),
        ("prompt", "p" * 100_000, "row.too-long"),
        ("negative_prompt", "a\0b", "row.bad-value"),
        ("sku", "p" * 16385, "row.too-long"),
    ],
)
def test_wrong_values_name_their_column(tmp_path: Path, column: str, value: str, code: str) -> None:
    header = column if column == "prompt" else f"{column},prompt"
    fault = only(rows_of(tmp_path, f"{header}\n{value},a chair\n" if column != "prompt" else f"prompt\n{value}\n"))
    assert (fault.code, fault.column, fault.number, fault.line) == (code, column, 1, 2)
    assert column in fault.message
    assert len(fault.message) < 200


def test_the_longest_values_still_pass(tmp_path: Path) -> None:
    content = f"id,prompt,seed,variations\n{'i' * 197},{'p' * 16384},{2**63 - 1},64\n"
    assert codes(rows_of(tmp_path, content)) == ["ok"] * 64


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.parquet"])
def test_rows_without_input_and_repeated_ids(tmp_path: Path, name: str) -> None:
    table = [
        {"id": "a", "prompt": "a chair"},
        {"id": "b", "prompt": " "},
        {"id": "a", "prompt": "a table"},
        {"id": "b", "prompt": "a lamp"},
        {"id": None, "prompt": "a box"},
        {"id": None, "prompt": "a box"},
    ]
    if name == "m.parquet":
        pq.write_table(pa.Table.from_pylist(table), tmp_path / name)
    elif name == "m.jsonl":
        (tmp_path / name).write_text("\n".join(map(json.dumps, table)))
    else:
        (tmp_path / name).write_text("id,prompt\na,a chair\nb, \na,a table\nb,a lamp\n,a box\n,a box\n")
    rows = list(read_manifest(str(tmp_path / name)))
    duplicate = "row.duplicate-id"
    assert codes(rows) == ["ok", "row.no-input", duplicate, duplicate, "ok", duplicate]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    ledger_ids = [row.ledger_id if isinstance(row, InvalidRow) else row.id for row in rows]
    assert len(set(ledger_ids)) == 6


def test_a_variation_may_not_take_another_rows_id(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "id,prompt,variations\nc-v2,x,\nc,y,3\n")
    assert codes(rows) == ["ok", "ok", "row.duplicate-id", "ok"]
    assert [row.id for row in rows] == ["c-v2", "c-v1", "c-v2", "c-v3"]


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.parquet"])
def test_broken_encoding_costs_one_row(tmp_path: Path, name: str) -> None:
    texts = [b"a chair", "caf\xe9".encode("latin-1"), "ein Stühlchen".encode()]
    if name == "m.parquet":
        array = pa.Array.from_buffers(pa.string(), 3, pa.array(texts, pa.binary()).buffers())
        pq.write_table(pa.table({"id": ["a", "b", "c"], "prompt": array}), tmp_path / name)
    elif name == "m.jsonl":
        lines = [b'{"id": "%c", "prompt": "%s"}\n' % (97 + i, text) for i, text in enumerate(texts)]
        (tmp_path / name).write_bytes(b"".join(lines))
    else:
        (tmp_path / name).write_bytes(b"id,prompt\n" + b"".join(b"%c,%s\n" % (97 + i, t) for i, t in enumerate(texts)))
    rows = list(read_manifest(str(tmp_path / name)))
    assert codes(rows) == ["ok", "row.encoding", "ok"]
    assert isinstance(rows[1], InvalidRow)
    assert (rows[1].column, rows[1].id, rows[1].number) == ("prompt", "b", 2)
    assert "0xE9" in rows[1].message


def test_lone_surrogates_in_json_are_broken_encoding(tmp_path: Path) -> None:
    fault = only(rows_of(tmp_path, '{"id": "a", "prompt": "x\\ud800", "note": "y\\udfff"}\n', "m.jsonl"))
    assert (fault.code, fault.column) == ("row.encoding", "prompt")
    json.dumps(dict(fault.meta)).encode()
    fault.message.encode()


def test_broken_quoting_costs_its_own_lines(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'id,prompt\na,ok\nb,"open\nc,"x"y\nd,fine\ne,1,2\nf,\n\ng,"two\nlines"\nh,last\n')
    assert codes(rows) == ["ok", "row.bad-csv", "ok", "row.bad-csv", "row.no-input", "ok", "ok"]
    assert [row.line for row in rows] == [2, 3, 5, 6, 7, 9, 11]
    assert isinstance(rows[1], InvalidRow)
    assert "lines 3 to 4" in rows[1].message


def test_a_quote_never_closed_is_one_row(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'id,prompt\na,ok\nb,"open\n' + "c,x\n" * 50)
    assert codes(rows) == ["ok", "row.bad-csv"]


def test_a_field_over_a_megabyte_costs_one_row(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, f"id,prompt\na,{'x' * 5_000_000}\nb,a chair\n")
    assert codes(rows) == ["row.too-long", "ok"]
    assert [row.line for row in rows] == [2, 3]


def test_short_csv_rows_are_filled_up(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "prompt,title,sku\na chair\na table,t,,,\n")
    assert codes(rows) == ["ok", "ok"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_the_header(tmp_path: Path, delimiter: str) -> None:
    rows = rows_of(tmp_path, f"id{delimiter}prompt\na{delimiter}a chair\n", "m.txt")
    assert [row.id for row in rows] == ["a"]


def test_broken_json_lines_cost_one_row_each(tmp_path: Path) -> None:
    deep = "[" * 100_000
    lines = ['{"prompt": "a"}', '{"prompt": ', "[1]", "", deep, f'{{"prompt": "{"x" * 3_000_000}"}}', '{"PROMPT": "b"}']
    rows = rows_of(tmp_path, "\n".join(lines), "m.jsonl")
    assert codes(rows) == ["ok", "row.bad-json", "row.bad-json", "row.bad-json", "row.too-long", "ok"]
    assert [row.line for row in rows] == [1, 2, 3, 5, 6, 7]


def test_json_values_of_other_types(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    lines = [
        {"id": 7, "images": ["a.png", "a.png"], "tags": ["x", "y"], "seed": 3, "dims": {"a": [1, True]}, "ok": True},
        {"prompt": ["a"]},
        {"prompt": True},
        {"prompt": "a", "height_m": "0.5"},
        {"prompt": "b", "height_m": [1]},
        {"prompt": "c", "seed": True},
        {"prompt": "d", "tags": 5},
        {"images": ["a.png"] * 65},
    ]
    rows = rows_of(tmp_path, "\n".join(map(json.dumps, lines)), "m.jsonl")
    bad = "row.bad-value"
    assert codes(rows) == ["ok", bad, bad, "ok", "row.bad-number", "row.bad-value", bad, bad]
    assert isinstance(rows[0], Row)
    assert (rows[0].id, len(rows[0].images), rows[0].tags) == ("7", 2, ("x", "y"))
    assert rows[0].meta == {"dims": '{"a":[1,true]}', "ok": "true"}


def test_parquet_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int32()),
            "Prompt": pa.array(["a", "b"], pa.large_string()).dictionary_encode(),
            "images": pa.array([None, []], pa.list_(pa.string())),
            "height_m": pa.array([1, None], pa.float32()),
            "blob": pa.array([b"x" * 100, None], pa.binary()),
            "made": pa.array([0, 1], pa.timestamp("s")),
            "box": pa.array([{"w": 1}, None], pa.struct([("w", pa.int8())])),
        }
    )
    pq.write_table(table, tmp_path / "m.pq")
    rows = list(read_manifest(str(tmp_path / "m.pq")))
    assert [row.id for row in rows] == ["1", "2"]
    assert rows[0].meta == {"made": "1970-01-01 00:00:00", "box": '{"w":1}'}
    assert rows[1].meta == {"made": "1970-01-01 00:00:01"}


def test_folders_are_followed_once_and_links_in_them_each(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "real").mkdir(parents=True)
    outside.mkdir()
    for file in (inside / "real" / "a.png", inside / "b.png", outside / "x.png"):
        file.write_bytes(b"1")
    (inside / "alias").symlink_to(inside / "real")
    (inside / "away").symlink_to(outside)
    (inside / "real" / "up.png").symlink_to(inside / "b.png")
    names = ["alias/a.png", "real/a.png", "alias/up.png", "alias/../b.png", "away/x.png", "away/x.png", "real/.."]
    rows = list(rows_of(inside, "id,image\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names))))
    assert codes(rows) == ["ok"] * 4 + ["row.outside"] * 3
    found = [Path(row.image).relative_to(inside).as_posix() for row in rows if isinstance(row, Row) and row.image]
    assert found == ["real/a.png", "real/a.png", "b.png", "b.png"]
