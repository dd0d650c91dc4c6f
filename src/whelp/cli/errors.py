"""From exceptions to one message and an exit code."""

from __future__ import annotations

import errno
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from whelp._keras_setup import keras_alone
from whelp.cli.console import fail
from whelp.stopping import REQUEUE, Terminated, ended_by_sigterm

INTERRUPTED = 130
_MEMORY = ("RESOURCE_EXHAUSTED", "OOM when allocating", "out of memory", "Out of memory")
DEBUG_VARIABLE = "WHELP_DEBUG"


def run_guarded(action: Callable[[], object], *, debug: bool = False) -> int:
    """Runs a command; says in one message what went wrong.

    Args:
        action: The command.
        debug: Whether to show the traceback as well.

    Returns:
        The exit code: 0, 1 for an error, 130 for Ctrl-C, 75 for SIGTERM: call it again.
    """
    debug = debug or bool(os.environ.get(DEBUG_VARIABLE))
    try:
        with ended_by_sigterm():
            action()
    except Terminated as error:
        fail(str(error))
        return REQUEUE
    except KeyboardInterrupt as error:
        fail(str(error) or "interrupted")
        return INTERRUPTED
    except (ValueError, OSError, RuntimeError, MemoryError, ImportError) as error:
        if debug:
            traceback.print_exc()
        elif not _is_expected(error):
            fail(f"{_message(error)}\n(run with --debug for the traceback)")
            return 1
        fail(_message(error))
        return 1
    return 0


def _message(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError) or any(mark in text for mark in _MEMORY):
        first = text.splitlines()[0][:200]
        return (
            f"there is not enough memory: {first}. Use a smaller batch_size, 16-bit arithmetic "
            "(--precision mixed_bfloat16), or a method that trains less; `whelp inspect` estimates "
            "what each needs."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        # HDF5 tells it in several lines, with addresses.
        return f"{os.strerror(error.errno)}: {text.splitlines()[0]}. Make room, and call it again."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or text}"
    return text


def _is_expected(error: BaseException) -> bool:
    """Whether the message was written for users: errors of whelp's own classes, and of files."""
    own = type(error).__module__.startswith("whelp.")
    return own or isinstance(error, OSError) or _raised_by_whelp(error)


def _raised_by_whelp(error: BaseException) -> bool:
    trace = error.__traceback__
    last = ""
    while trace is not None:
        last = trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
    return last.startswith("whelp.")


@contextmanager
def quiet_start() -> Iterator[None]:
    """Holds back what native libraries write to standard error while they are imported.

    It is printed if the import fails.
    """
    sys.stderr.flush()
    try:
        stderr = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
        kept = os.dup(stderr)
    except (OSError, ValueError):
        yield
        return
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), stderr)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(kept, stderr)
            os.close(kept)
            if failed:
                hidden.seek(0)
                sys.stderr.write(hidden.read().decode(errors="replace"))


def import_backend(*, cpu: bool = False) -> None:
    """Imports Keras and its backend, without their greetings.

    Args:
        cpu: Leave GPUs to other processes, which they serve one at a time.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with quiet_start(), keras_alone():
        import keras

        if cpu:
            _leave_gpus(keras.config.backend())
        # TensorFlow greets once more when the first tensor is made.
        keras.ops.convert_to_tensor(0.0)


def _leave_gpus(backend: str) -> None:
    """Has a backend, of which nothing was asked yet, use the CPU."""
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")
    elif backend == "jax":
        import jax

        jax.config.update("jax_platforms", "cpu")
