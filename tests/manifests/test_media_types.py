"""What a browser is told of each kind of file."""

from __future__ import annotations

import pytest

from manifests.media_types import media_type


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("assets/a/a.glb", "model/gltf-binary"),
        ("a.USDZ", "model/vnd.usdz+zip"),
        ("report/index.html", "text/html"),
        ("catalog.json", "application/json"),
        ("x/poster.jpg", "image/jpeg"),
        ("viewer.js", "text/javascript"),
        ("rows.csv.gz", "application/octet-stream"),
        ("a.b/c", "application/octet-stream"),
    ],
)
def test_by_the_end_of_the_name(path: str, kind: str) -> None:
    assert media_type(path) == kind
