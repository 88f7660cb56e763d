import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from ml.asset import Asset, make_part
from ml.sources import Source
from tasks.shown_pictures import SHOWN, picture_files, with_part_boxes

TRIANGLE = [[0, 1, 2]]


def test_pictures_are_reduced_on_white_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    Image.new("RGBA", (2000, 1000), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    Image.new("L", (30, 40), 90).save(tmp_path / "small.png")
    names = ("clear.png", "broken.png", "absent.png", "small.png")
    files = picture_files([(Source(str(tmp_path / name), str(tmp_path)), False) for name in names], "mug")
    assert [file.name for file in files] == ["mug_reference1.jpg", "mug_reference4.jpg"]
    assert {file.format for file in files} == {"reference"}
    clear, small = (Image.open(io.BytesIO(file.data)) for file in files)
    assert clear.size == (SHOWN, SHOWN // 2)
    assert np.asarray(clear).min() >= 250
    assert small.size == (30, 40)
    assert abs(int(np.asarray(small)[0, 0, 0]) - 90) <= 2


def test_parts_that_an_atlas_merged_keep_their_boxes() -> None:
    leg = make_part([[0, 0, 0], [1, 2, 0], [0, 0, 3], [9, 9, 9]], TRIANGLE, name="leg")  # the last point is not in use
    other = make_part([[-5, 0, 0], [-4, 1, 0], [-4, 0, 1]], TRIANGLE, name="leg")
    seat = make_part([[0, 4, 0], [1, 4, 0], [1, 5, 1]], TRIANGLE, name="seat")
    source = Asset((leg, other, seat))
    merged = with_part_boxes(Asset((make_part(leg.vertices, leg.faces, name="atlas"),), source=source))
    assert json.loads(merged.notes["parts"]) == [
        {"name": "leg", "min": [-5.0, 0.0, 0.0], "max": [1.0, 2.0, 3.0]},
        {"name": "seat", "min": [0.0, 4.0, 0.0], "max": [1.0, 5.0, 1.0]},
    ]


def test_assets_that_kept_their_parts_or_never_had_any_need_no_boxes() -> None:
    part = make_part([[0, 0, 0], [1, 0, 0], [0, 1, 0]], TRIANGLE)
    for asset in (
        Asset((part, part), source=Asset((part, part))),
        Asset((part,), source=Asset((part,))),
        Asset((part,)),
    ):
        assert with_part_boxes(asset) is asset
