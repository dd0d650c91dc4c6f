"""Commands in processes of their own, with the time they took and the memory they reached."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
LAST_LINES = 25
# The kernel counts kB on Linux and bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Finished:
    """What a process did.

    Attributes:
        seconds: wall time from its start to its end.
        cpu_seconds: time that it kept cores busy, all of them added.
        peak_mb: largest resident memory, in 10^6 bytes.
        output: what it printed, both streams.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str

    def numbers(self) -> dict[str, float]:
        """All but the output."""
        return {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_mb": self.peak_mb,
        }


class CommandFailed(RuntimeError):
    """A command did not end with exit code 0."""


def run(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Finished:
    """Run a command to its end.

    Args:
        command: program and arguments.
        env: variables set beside the present ones.
        cwd: folder in which it runs.

    Raises:
        CommandFailed: if it ends otherwise than with exit code 0; with its last lines.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            words,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **QUIET, **(env or {})},
            cwd=cwd,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        last = "\n".join(text.splitlines()[-LAST_LINES:])
        raise CommandFailed(
            f"{' '.join(words)}\nended with exit code {process.returncode}:\n{last}"
        )
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Finished(seconds, cpu_seconds, usage.ru_maxrss * RSS_UNIT / 1e6, text)
