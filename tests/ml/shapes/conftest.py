"""Helpers that the tests of the shape model share with the programs they start."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
