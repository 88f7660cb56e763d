"""The image files: the rules of hadolint that matter here, and that every path they copy exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from documents import INFRA, ROOT, instructions

IMAGES = sorted((INFRA / "images").glob("*.Dockerfile"))
SCRIPTS = sorted(
    [
        *(INFRA / "images").glob("*.sh"),
        *(INFRA / "s3").glob("*.sh"),
        *(INFRA / "tls").glob("*.sh"),
        *(INFRA / "setup").glob("*.sh"),
    ]
)
CONTEXTS = {"meshmill.Dockerfile": ROOT, "s3.Dockerfile": INFRA / "s3"}


def breaches(path: Path, context: Path) -> list[str]:
    """What is wrong with a Dockerfile, by hadolint's number where it has one."""
    found, stages, user = [], set(), "root"
    for word, rest in instructions(path):
        if word == "FROM":
            image, stage = re.fullmatch(r"(\S+)(?: AS (\S+))?", rest, re.I).groups()  # type: ignore[union-attr]
            if image not in stages and not image.startswith("$") and (":" not in image or image.endswith(":latest")):
                found.append(f"DL3006/DL3007 no version: {image}")
            stages.add(stage)
        if word == "USER":
            user = rest
        found += checks(word, rest, context)
    if user.split(":")[0] in ("root", "0"):
        found.append("DL3002 the last user is root")
    return found


def checks(word: str, rest: str, context: Path) -> list[str]:
    """What is wrong with one instruction."""
    found = []
    if word == "ADD":
        found.append("DL3020 ADD where COPY does")
    if word == "WORKDIR" and not rest.startswith("/"):
        found.append(f"DL3000 relative: {rest}")
    if word in ("CMD", "ENTRYPOINT") and not isinstance(json.loads(rest), list):
        found.append(f"DL3025 no JSON: {rest}")
    if word == "RUN":
        found += [f"DL3004 {rest}"] if re.search(r"\bsudo\b", rest) else []
        if "apt-get install" in rest:
            tidy = "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists" in rest and " -y" in rest
            found += [] if tidy else [f"DL3009/DL3014/DL3015 {rest}"]
        if re.search(r"\bpip install\b", rest) and not re.search(r"--no-cache", rest):
            found.append(f"DL3042 {rest}")
        found += [f"downloads: {rest}"] if re.search(r"\b(curl|wget)\b", rest) else []
    if word in ("ENV", "ARG") and re.search(r"(?i)(token|secret|password)\s*=\s*\S", rest):
        found.append(f"a secret in the image: {rest}")
    if word == "COPY" and "--from" not in rest:
        sources = rest.split()[:-1]
        found += [f"no such file: {source}" for source in sources if not (context / source).exists()]
    return found


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_image_files_keep_the_rules(path: Path) -> None:
    assert breaches(path, CONTEXTS[path.name]) == []


def test_the_rules_tell_bad_files(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text(
        "FROM debian\nADD x /x\nRUN apt-get install -y curl\nRUN pip install uv && sudo ls\nENV TOKEN=abc\n"
        'COPY nowhere /x\nWORKDIR x\nCMD ["a"]\n'
    )
    assert [each.split()[0] for each in breaches(bad, tmp_path)] == [
        "DL3006/DL3007",
        "DL3020",
        "DL3009/DL3014/DL3015",
        "downloads:",
        "DL3004",
        "DL3042",
        "a",
        "no",
        "DL3000",
        "DL3002",
    ]


def test_the_image_holds_every_room_and_no_more() -> None:
    copies = [rest.split() for word, rest in instructions(IMAGES[0]) if word == "COPY" and "--from" not in rest]
    copied = {source for *sources, _ in copies for source in sources}
    assert {"flows", "tasks", "ml", "manifests", "datasets", "prefect.yaml"} <= copied
    allowed = {line[1:] for line in Path(f"{IMAGES[0]}.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all(any(path == each or path.startswith(f"{each}/") for each in allowed) for path in copied)
    assert "**/.env*" in Path(f"{IMAGES[0]}.dockerignore").read_text()


@pytest.mark.parametrize("name", ["cpu.lock", "cuda.lock"])
def test_images_hold_the_versions_that_tests_ran_with(name: str) -> None:
    held, tested = pinned(INFRA / "images" / name), pinned(ROOT / "requirements.lock")
    assert {package: held[package] for package in held.keys() & tested.keys() if held[package] != tested[package]} == {}
    assert ("torch" in held) == (name == "cuda.lock")
    assert {"ray", "prefect", "distributed", "grpcio", "opencensus"} <= held.keys()


def pinned(path: Path) -> dict[str, str]:
    """Package and version of each line of a lock."""
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)", path.read_text(), re.M))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse_and_can_be_run(path: Path) -> None:
    shell = path.read_text().splitlines()[0].removeprefix("#!")
    assert subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False).stderr == ""
    assert path.stat().st_mode & 0o111


def test_certificates_are_made_once_and_signed(tmp_path: Path) -> None:
    from cryptography import x509

    script = INFRA / "tls" / "make.sh"
    for _ in range(2):
        subprocess.run([str(script), str(tmp_path / "tls")], check=True)
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == ["ca.pem", "ca.srl", "pair.pem"]
    authority = x509.load_pem_x509_certificate((tmp_path / "tls" / "ca.pem").read_bytes())
    x509.load_pem_x509_certificate((tmp_path / "tls" / "pair.pem").read_bytes()).verify_directly_issued_by(authority)
    assert (tmp_path / "tls" / "pair.pem").stat().st_mode & 0o077 == 0


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs a process namespace of its own")
def test_a_ray_node_ends_with_its_raylet(tmp_path: Path) -> None:
    """`ray start --block` stays when its raylet left with exit code 0, and so would its container."""
    shutil.copy(shutil.which("sleep") or "", tmp_path / "raylet")
    (tmp_path / "ray").write_text(f"{tmp_path}/raylet 600 &\nsleep 4; kill -9 $!\nwhile :; do sleep 1; done\n")
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*alone, str(INFRA / "images" / "ray-node.sh"), "bash", str(tmp_path / "ray")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the raylet is gone" in done.stderr
