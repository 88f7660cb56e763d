"""Orchestration only: the Prefect flow, the Ray and Dask engines, the guard, the command line and progress."""

from flows.environment import set_defaults

set_defaults()  # here, because Prefect and Ray read these when they are imported
