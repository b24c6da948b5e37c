"""The queue's share of a task: from enqueue to result, less the model and the codec.

Run it in the checkout: `python -m benchmarks.queue_share`. A real inference worker returns a prediction that
lies ready, as large as a real one, so that what is measured is all that the queue adds: both
serialisations, the queue server, RQ's book-keeping before and after the job, and the wait for the result.
"""

import argparse
import random
import time
from typing import Any

from backend.queueing import enqueue
from backend.queueing.enqueue import enqueue_predict, wait_for
from backend.queueing.names import INFERENCE, INTERACTIVE
from benchmarks.measuring import SPREAD_HEAD, load, spread, table
from tests.backend.web.bodies import LABELS, photo_tasks
from tests.processes import Installation, short_folder

# By its full name: this module is `__main__` here, and another process runs it.
READY_PREDICTION = "benchmarks.queue_share.ready_prediction"
# The masks of a photograph at 512 x 512 with three labels.
RUN_LENGTH_NUMBERS = 12_000
WARM_UP = 20


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=300)
    options = parser.parse_args()
    rows = []
    with short_folder() as folder, Installation(folder) as own:
        own.start_worker()
        enqueue.RUN_PREDICT = READY_PREDICTION
        payload = {"tasks": photo_tasks()[:1], "label_config": LABELS, "project": "3"}
        for queue in (INTERACTIVE, INFERENCE):
            seconds = []
            for _ in range(WARM_UP + options.tasks):
                began = time.perf_counter()
                job = enqueue_predict(payload, queue=queue, connection=own.connection)
                (outcome,) = wait_for([job], deadline=time.monotonic() + 60)
                seconds.append(time.perf_counter() - began)
                if outcome.state != "done":
                    raise SystemExit(outcome.reason)
            rows.append([f"queue {queue}", *spread(seconds[WARM_UP:])])
    print(load())
    print(table(("one task in a job, ms", *SPREAD_HEAD), rows))


def ready_prediction(_: dict[str, Any]) -> dict[str, Any]:
    """Return a prediction of a real one's size without any work."""
    numbers = random.Random(0).choices(range(256), k=RUN_LENGTH_NUMBERS)
    value = {"format": "rle", "rle": numbers, "brushlabels": ["cat"]}
    return {"results": [{"model_version": "m", "score": 0.5, "result": [{"id": "a", "value": value}]}]}


if __name__ == "__main__":
    main()
