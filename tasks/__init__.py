"""What is done to one asset: mesh steps, texture, LODs, measures, gate, exporters, renders and the report."""

import ml as ml  # points numba at its cache before any kernel here is declared
