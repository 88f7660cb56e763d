"""A manifest and its meshes in a repository of the hub, hf://datasets/…, read over HTTP as fsspec reads them."""

from __future__ import annotations

import pytest
from mill import EXAMPLES
from other_shops import Hub
from shop_server import serving

from manifests.inputs import InputFault, Inputs, _filesystem
from manifests.readers import read_manifest
from manifests.row import InvalidRow, Row
from ml.readers.limits import ReadLimits
from ml.readers.registry import read_mesh
from ml.sources import Source

pytestmark = pytest.mark.slow


def test_rows_and_meshes_of_a_repository_are_read_and_confined_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hub_file_system = pytest.importorskip("huggingface_hub.hf_file_system")
    gem = (EXAMPLES / "inputs/meshes/gem.off").read_bytes()
    with serving(Hub()) as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)  # what HF_ENDPOINT sets at a start
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", "secret-of-the-shop")
        hub_file_system.HfFileSystem.clear_instance_cache()
        files = {"rows.csv": b"id,mesh\ngem,meshes/gem.off\ngone,meshes/none.off\nout,../other/x.off\n"}
        hub.repos["me/set"] = {"files": {**files, "meshes/gem.off": gem}}
        found = list(read_manifest("hf://datasets/me/set/rows.csv"))
        codes = [row.code for row in found if isinstance(row, InvalidRow)]
        assert codes == ["row.missing-file", "row.outside"]
        row = found[0]
        assert isinstance(row, Row)
        assert row.mesh == "hf://datasets/me/set/meshes/gem.off"
        asset = read_mesh(Source(row.mesh, row.root_of(row.mesh)), ReadLimits())
        assert asset.face_count > 20
        stamp = row.files[0].stamp
        assert stamp.startswith(f"{len(gem)}:")
        hub.repos["me/set"]["files"]["meshes/gem.off"] = gem[::-1]
        hub_file_system.HfFileSystem.clear_instance_cache()
        _filesystem.cache_clear()
        inputs = Inputs("hf://datasets/me/set/rows.csv")
        assert inputs.find("meshes/gem.off").stamp != stamp  # as long as before: git's digest tells
        with pytest.raises(InputFault):
            inputs.find("hf://datasets/me/other/gem.off")
    hub_file_system.HfFileSystem.clear_instance_cache()
    _filesystem.cache_clear()
