"""Runs the glTF tools of npm (build/peers-npm) on a file: what they cost and what they wrote."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parent / "build" / "peers-npm"
LOCKED = HERE / "peers" / "npm"


def install() -> None:
    """Install the locked packages unless they are there."""
    if (FOLDER / "node_modules" / ".bin" / "gltfpack").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCKED / name, FOLDER / name)
    print("installing peers into build/peers-npm", file=sys.stderr)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", str(FOLDER)], check=True)


def gltfpack(data: bytes, *flags: str) -> tuple[float, bytes]:
    """(CPU seconds, start of node included; the GLB it wrote)."""
    return _run(data, lambda source, made: [_tool("gltfpack"), "-i", source, "-o", made, *flags])


def gltf_transform(data: bytes, command: str, *flags: str) -> tuple[float, bytes]:
    """The same of one of glTF-Transform's commands."""
    return _run(data, lambda source, made: [_tool("gltf-transform"), command, source, made, *flags])


def decoded(data: bytes) -> bytes:
    """A compressed GLB without compression, by the codecs' own decoders."""
    script = str(LOCKED / "decode.mjs")
    return _run(data, lambda source, made: ["node", script, str(FOLDER), source, made])[1]


def _tool(name: str) -> str:
    return str(FOLDER / "node_modules" / ".bin" / name)


def _run(data: bytes, command) -> tuple[float, bytes]:  # type: ignore[no-untyped-def]  # (str, str) -> list[str]
    install()
    with tempfile.TemporaryDirectory() as scratch:
        source, made = Path(scratch, "in.glb"), Path(scratch, "out.glb")
        source.write_bytes(data)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command(str(source), str(made)), check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cost = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return cost, made.read_bytes()
