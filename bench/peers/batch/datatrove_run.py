"""datatrove over FOLDER/in/*.jsonl into FOLDER/out: python datatrove_run.py FOLDER TASKS WORKERS."""

import sys
from functools import partial
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter

sys.path.insert(0, str(Path(__file__).parents[2]))

from batch_row import make_row


def rows(documents, rank, world_size, log):
    for document in documents:
        make_row(document.id, document.metadata["crash"], log)
        yield document


if __name__ == "__main__":
    folder, tasks, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    LocalPipelineExecutor(
        [
            JsonlReader(f"{folder}/in"),
            partial(rows, log=f"{folder}/made.log"),
            JsonlWriter(f"{folder}/out", output_filename="${rank}.jsonl", compression=None),
        ],
        tasks=tasks,
        workers=workers,
        logging_dir=f"{folder}/logs",
    ).run()
