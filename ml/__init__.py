"""Generators, prompt understanding and scoring: knows nothing of rows, runs or stores."""

from ml.kernel_cache import use_own_cache

use_own_cache()
