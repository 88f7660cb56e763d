"""Secrets that the environment holds are nowhere in what a run writes, logs, traces or says, failures included."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import MESHMILL
from mill import RECIPE, ROWS
from moto.server import ThreadedMotoServer
from otlp import receiving

from manifests.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
NAMES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "RAY_AUTH_TOKEN",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_KEY",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "POSTGRES_PASSWORD",
    "HF_TOKEN",
)


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What reaches an OTLP receiver, without the header that lets it in."""
    bodies: list[bytes] = []

    with receiving(monkeypatch, bodies.append):
        yield bodies


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An environment full of secrets, and an S3 that takes any key; this process reads the store with the same."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    values = {name: f"planted-{secrets.token_hex(12)}" for name in NAMES}
    values |= {"AWS_ACCESS_KEY_ID": "known", "AWS_DEFAULT_REGION": "us-east-1"}
    values |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "TMPDIR": str(tmp_path / "tmp"), "MESHMILL_DEBUG": "1"}
    values |= {"OTEL_EXPORTER_OTLP_HEADERS": f"x-key={values['HF_TOKEN']}"}
    values |= {"MESHMILL_LOG": str(tmp_path / "stages.jsonl")}
    (tmp_path / "tmp").mkdir()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    import boto3
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    boto3.client("s3").create_bucket(Bucket="vault")
    yield values
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_planted_secrets_are_found_nowhere(
    planted: dict[str, str], traces: list[bytes], plugins: None, tmp_path: Path
) -> None:
    """Every outcome: passed, rejected, failed, invalid, and a child that crashes with its last words kept."""
    rows = ROWS + "broken,,,broken.obj\ngone,,,s3://elsewhere/x.glb\n"
    (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "broken.obj").write_text("v 0 0 0\nf 1 2 3\n")
    (tmp_path / "poison.csv").write_text("id,prompt,category\ncrash,a chair,segfault\n")
    (tmp_path / "mixed.toml").write_text(RECIPE)
    (tmp_path / "poison.toml").write_text('[generator]\nuse = "poison"\n[[exports]]\nuse = "glb"\n')
    said = b""
    for manifest, recipe in (("rows", "mixed"), ("poison", "poison")):
        command = [MESHMILL, "run", str(tmp_path / f"{manifest}.csv"), "--recipe", str(tmp_path / f"{recipe}.toml")]
        command += ["--out", f"s3://vault/{manifest}", "--engine", "inline"]
        done = subprocess.run(command, capture_output=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    store = Store("s3://vault")
    paths = sorted(store.list())
    outcomes = b"".join(store.read(path) for path in paths if "_done" in path)
    assert all(name.encode() in outcomes for name in ("passed", "rejected", "failed", "invalid", "quarantined"))
    found = [
        (name, path) for path in paths for name in NAMES if planted[name].encode() in unpacked(path, store.read(path))
    ]
    found += [(name, "printed") for name in NAMES if planted[name].encode() in said]
    logged = (tmp_path / "stages.jsonl").read_bytes()
    assert logged.count(b'"stage": "row"') == 8 + 1
    assert b"segfault" not in b"".join(traces)  # names and codes alone
    assert any(b"guard.crash.SIGSEGV" in body for body in traces)
    found += [(name, "logged") for name in NAMES if planted[name].encode() in logged]
    found += [(name, "traced") for name in NAMES if any(planted[name].encode() in body for body in traces)]
    left = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
    found += [(name, str(path)) for path in left for name in NAMES if planted[name].encode() in path.read_bytes()]
    assert found == []


def unpacked(path: str, data: bytes) -> bytes:
    """A file's bytes; of a Parquet part its values, which lie compressed in it."""
    if not path.endswith(".parquet"):
        return data
    import io

    import pyarrow.parquet as pq

    return str(pq.read_table(io.BytesIO(data)).to_pylist()).encode()


def test_the_search_would_find_one(planted: dict[str, str], tmp_path: Path) -> None:
    """A row that carries the secret does bring it into the ledger: then it is found."""
    value = os.environ["HF_TOKEN"]
    (tmp_path / "rows.csv").write_text(f"id,prompt,note\na,,{value}\n")
    command = [MESHMILL, "run", str(tmp_path / "rows.csv"), "--recipe", "noop", "--out", "s3://vault/out"]
    subprocess.run([*command, "--engine", "inline"], check=True, capture_output=True, timeout=300)
    store = Store("s3://vault/out")
    assert any(value.encode() in unpacked(path, store.read(path)) for path in store.list("ledger"))
