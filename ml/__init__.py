"""Generators, prompt understanding and scoring: knows nothing of rows, runs or stores."""
