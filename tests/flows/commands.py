"""The command as tests call it, and what it says."""

import sys
from pathlib import Path

MESHMILL = str(Path(sys.executable).parent / "meshmill")


def heard(stderr: str) -> str:
    """What a command said, without the note that the viewer of the report is not installed on this machine."""
    return "".join(line for line in stderr.splitlines(True) if not line.startswith("report: "))
