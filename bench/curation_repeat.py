"""The dora recipe over generated meshes, twice and once more with kills in between: the same bytes in all shards."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

sys.path += [str(Path(__file__).parent / folder) for folder in ("", "planted", "proof")]

from curation_filters import sound_assets
from figures import Figure, main
from raw_files import raw_glb

WORK = Path(__file__).parents[1] / "build" / "curation-repeat"
MESHES, SEED = 6, 5
KILLS = (2, 4)  # finished assets at which a run is killed; a third one dies while it packs


def command(out: Path) -> list[str]:
    """The run and its shards, two samples each."""
    program = [str(Path(sys.executable).parent / "meshmill"), "curate", str(WORK / "meshes.csv"), "--recipe", "dora"]
    places = ["--out", str(out), "--shards", str(out / "shards"), "--input-root", str(WORK / "meshes")]
    return [*program, *places, "--engine", "inline", "--size", "2", "--split", "1/0/0"]


def shards(out: Path) -> dict[str, str]:
    """Digest of every file of the data set."""
    folder = out / "shards"
    files = [path for path in folder.rglob("*") if path.is_file() and ".tmp" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def finished(out: Path) -> int:
    """Assets that have their files."""
    return len(list((out / "assets").glob("*/*.npz")))


def killed(out: Path, enough: int | None) -> bool:
    """Start a run and kill it at so many assets, or with None when its first shard is there; False if it ended."""
    process = subprocess.Popen(
        command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    for _ in count():
        ready = any((out / "shards").rglob("*.tar")) if enough is None else finished(out) >= enough
        if ready or process.poll() is not None:
            break
        time.sleep(0.01)
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return not ended


def measure() -> Iterator[Figure]:
    """Files that differ, of two whole runs, and of one that was killed."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "meshes").mkdir(parents=True)
    lines = ["id,mesh,license"]
    for number, asset in enumerate(sound_assets(SEED, MESHES)):
        path = WORK / "meshes" / f"thing-{number}.glb"
        path.write_bytes(raw_glb(asset))
        lines.append(f"thing-{number},{path},CC0")
    (WORK / "meshes.csv").write_text("\n".join(lines) + "\n")
    found = {}
    for name in ("one", "two"):
        subprocess.run(command(WORK / name), check=True, capture_output=True)
        found[name] = shards(WORK / name)
    kills = sum(killed(WORK / "killed", enough) for enough in (*KILLS, None))
    subprocess.run(command(WORK / "killed"), check=True, capture_output=True)
    found["killed"] = shards(WORK / "killed")
    samples = sum(path.endswith(".tar") for path in found["one"])
    yield Figure("dora: shards of the data set", samples, "")
    for name, title in (("two", "a second run"), ("killed", f"a run that was killed {kills} times")):
        differing = sum(found["one"].get(path) != found[name].get(path) for path in found["one"].keys() | found[name])
        yield Figure(f"dora, {title}: files of {len(found['one'])} that differ", differing, "files", 0.0)
    yield Figure("kills that met the run at work", kills, "", 3.0, "higher")


if __name__ == "__main__":
    main(measure, __doc__ or "")
