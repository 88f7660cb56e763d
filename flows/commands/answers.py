"""What every command answers with: exit codes, and one line for what went wrong."""

from __future__ import annotations

import sys

OK, FAILED, WRONG_CALL, TOO_MANY_INVALID, INTERRUPTED = 0, 1, 2, 3, 130


def complain(message: str, code: int) -> int:
    """One line on stderr; returns the code."""
    print(f"meshmill: {' '.join(message.split())}", file=sys.stderr)
    return code
