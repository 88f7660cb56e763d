"""Orchestration only: the Prefect flow, the Ray and Dask engines, the guard, the command line and progress."""
