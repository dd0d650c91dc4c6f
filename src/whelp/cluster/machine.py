"""What this machine has for workers."""

from __future__ import annotations

import os
import shutil
import subprocess

_WORKER_BYTES = 4 << 30


def visible_gpus() -> list[str]:
    """Give the numbers of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them.

    No backend is asked: it would take hold of them.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        # A negative number ends the list.
        return [word for word in given.split(",") if word.strip() and not word.startswith("-")]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=index", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.split() if answer.returncode == 0 else []


def sensible_workers(cores: int, memory: float) -> int:
    """Give how many workers a machine without GPUs bears: one a core, 4 GB each.

    Args:
        cores: How many cores there are.
        memory: Bytes of memory.
    """
    return max(1, min(cores, int(memory // _WORKER_BYTES)))
