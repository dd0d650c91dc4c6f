"""What the commands share: options, and how a command is wrapped."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from whelp.cli.console import show_notes
from whelp.cli.errors import import_backend, run_guarded

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
METHODS = (
    "full",
    "linear",
    "lora",
    "lora_full",
    "lora_conv",
    "ia3",
    "locon",
    "houlsby",
    "houlsby_se",
    "dora",
    "norm_bias",
    "last_blocks",
)
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def guarded(function: Callable[..., object], *, backend: bool = True) -> Callable[..., None]:
    """Turns a function into one that a command calls: errors become a message and exit code 1.

    Args:
        function: Takes the command's options.
        backend: Whether to import Keras first, quietly.
    """

    @functools.wraps(function)
    @click.option("--debug", is_flag=True, expose_value=True, help="Show tracebacks of errors.")
    @click.pass_context
    def guarded_function(ctx: click.Context, debug: bool, **options: Any) -> None:
        show_notes()
        debug = debug or bool((ctx.find_root().obj or {}).get("debug"))

        def action() -> None:
            if backend:
                import_backend()
            function(**options)

        code = run_guarded(action, debug=debug)
        if code:
            ctx.exit(code)

    return guarded_function


def precision_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --precision."""
    return click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="float32",
        show_default=True,
        help="Arithmetic of the layers; weights and outputs stay in float32.",
    )(function)


def tf32_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --tf32."""
    words = "Let GPUs round float32 products to 10 bits."
    return click.option("--tf32", is_flag=True, help=words)(function)


def changes_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --set, whose values `read_params` takes as changes."""
    return click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Change a parameter, such as train.learning_rate=1e-3; may be repeated.",
    )(function)


def split_words(texts: Iterable[str]) -> tuple[str, ...]:
    """The words of texts in which they are separated by commas."""
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())


def command_line() -> str:
    """The command line of this process, as one could type it again."""
    name = Path(sys.argv[0]).name
    return shlex.join(["whelp" if name == "main.py" else name, *sys.argv[1:]])


def read_params(
    path: Path, *, method: str | None = None, changes: Sequence[str] = ()
) -> Path | dict[str, Any]:
    """Returns the path of a parameter file, or its changed contents.

    Args:
        path: The file.
        method: Transfer method that takes the place of the file's.
        changes: `section.key=value`, the value in JSON or a plain word.

    Raises:
        whelp.specs.SpecError: The file is wrong before it is changed.
        click.UsageError: A change is not of that form.
    """
    if method is None and not changes:
        return path
    from whelp.specs import load_params

    params = load_params(path).to_dict()
    if method is not None:
        params["transfer"] = method_section(method, params.get("transfer"))
    for change in changes:
        _change(params, change)
    return params


def method_section(method: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns the section transfer of a method; the given one if it is of that method already."""
    given = given or {}
    wanted = {"mode": method} if method in ("full", "linear") else {"adapter": method}
    if all(given.get(key) == value for key, value in wanted.items()):
        return given
    return wanted if "mode" in wanted else {"mode": "adapter", **wanted}


def _change(params: dict[str, Any], change: str) -> None:
    place, equals, text = change.partition("=")
    *sections, key = place.split(".")
    if not equals or not sections or not key:
        raise click.UsageError(
            f"--set takes SECTION.KEY=VALUE, such as train.learning_rate=1e-3; got {change!r}"
        )
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    inner: Any = params
    for section in sections:
        inner = inner.setdefault(section, {})
        if not isinstance(inner, dict):
            raise click.UsageError(f"--set {change}: {section} is not a section")
    inner[key] = value
