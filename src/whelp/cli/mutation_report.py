"""The files that `whelp ism` writes beside the scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import whelp
from whelp.cli.common import command_line

if TYPE_CHECKING:
    from whelp.interpreting.mutation_run import MutationSummary


def write_mutation_report(summary: MutationSummary, facts: Mapping[str, Any], *, most: int) -> Path:
    """Writes `report.html` beside the scores.

    Args:
        summary: What was done.
        facts: How, beside the command.
        most: Stretches to be drawn, at most.

    Returns:
        The page.
    """
    from whelp.interpreting.mutation_report import mutation_tables
    from whelp.report.mutations import mutations_report

    told = {"command": command_line(), **{name: str(value) for name, value in facts.items()}}
    told["whelp"] = whelp.__version__
    tables = mutation_tables(summary.path, most=most, rejected=summary.rejected, facts=told)
    title = f"Mutations of {Path(told['stretches']).name}"
    return mutations_report(tables, summary.path.with_name("report.html"), title=title)
