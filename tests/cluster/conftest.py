"""Helpers beside these drills, and those of the drills on one machine, are found by name."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "flows")]
