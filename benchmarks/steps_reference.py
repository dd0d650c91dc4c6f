"""Time the steps of a transfer with Baskerville.

    steps_reference.py OUT hound_transfer.py ARGUMENT...

Runs in the environment of the reference, whose command is run as it is; its trainer asks a function
of its own for every batch, and the time of each call is noted.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from pathlib import Path


def main() -> None:
    out, script = Path(sys.argv[1]), sys.argv[2]
    from baskerville import trainer

    iterators: dict[int, list[float]] = {}
    alive: list[object] = []
    next_batch = trainer.safe_next

    def timed(iterator, *args, **kwargs):  # type: ignore[no-untyped-def]
        alive.append(iterator)  # so that no two epochs' iterators have the same id
        iterators.setdefault(id(iterator), []).append(time.perf_counter())
        return next_batch(iterator, *args, **kwargs)

    trainer.safe_next = timed
    sys.argv = [script, *sys.argv[3:]]
    runpy.run_path(script, run_name="__main__")
    out.write_text(json.dumps(list(iterators.values())))


if __name__ == "__main__":
    main()
