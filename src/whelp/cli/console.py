"""What the commands print: messages, tables, numbers; plain where there is no terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 160
"""Columns of tables that go to a file or a pipe."""


def console(*, stderr: bool = False) -> Console:
    """Returns the console to print to; one that is no terminal gets plain text."""
    there = Console(stderr=stderr, highlight=False)
    if there.is_terminal:
        return there
    return Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


def say(text: str = "", *, style: str = "") -> None:
    """Prints a line as it is, without wrapping or markup."""
    console().print(Text(text, style=style), soft_wrap=True)


def warn(text: str) -> None:
    """Prints a remark to standard error."""
    console(stderr=True).print(Text(f"note: {text}", style="yellow"), soft_wrap=True)


def fail(text: str) -> None:
    """Prints an error to standard error."""
    console(stderr=True).print(Text(f"error: {text}", style="bold red"), soft_wrap=True)


def show_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    numbers: Iterable[str] = (),
) -> None:
    """Prints a table.

    Args:
        title: What it shows.
        columns: Headings.
        rows: Cells; texts are printed as they are.
        numbers: Headings of the columns that are set flush right.
    """
    right = set(numbers)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    if title:
        say(title, style="bold")
    console().print(table)


def show_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Prints names and values, one pair a line."""
    pairs = [(name, str(value)) for name, value in facts]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        line = Text(f"{name:<{width}}  ", style="dim")
        line.append(value, style="default")
        console().print(line, soft_wrap=True)


def count(number: int) -> str:
    """1234567 as 1,234,567."""
    return f"{number:,}"


def megabytes(size: float) -> str:
    """Bytes as MB."""
    return f"{size / 1e6:,.0f}"


def amount(size: float) -> str:
    """Bytes as MB or GB."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def duration(seconds: float) -> str:
    """Seconds in the unit that people would use: 45 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def score(value: float | None) -> str:
    """A correlation with three decimals, or a dash."""
    return "-" if value is None or value != value else f"{value:.3f}"


class Notes(logging.Handler):
    """Prints what the library has to remark."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one remark."""
        warn(record.getMessage())


def show_notes() -> None:
    """Lets the remarks of the library be seen."""
    logger = logging.getLogger("whelp")
    if not any(isinstance(handler, Notes) for handler in logger.handlers):
        logger.addHandler(Notes(logging.WARNING))
