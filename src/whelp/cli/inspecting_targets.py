"""`whelp inspect` of a targets table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.console import count, say, show_table, warn
from whelp.cli.targeting import say_shares

if TYPE_CHECKING:
    from whelp.making.checks import TableCheck

_START = 4096


def is_targets_table(path: Path) -> bool:
    """Whether a file begins as a targets table does: tabs, and a column `identifier`."""
    with path.open("rb") as file:
        head = file.read(_START).split(b"\n")[0]
    return b"identifier" in head.rstrip(b"\r").split(b"\t")


def inspect_targets(path: Path, **options: Any) -> None:
    """Checks a targets table and prints what was found.

    Raises:
        whelp.making.checks.CheckError: The table cannot be used.
    """
    from whelp.making.checks import CheckError, CheckSettings, check_targets

    check = check_targets(path, CheckSettings(**options))
    _say_tracks(check)
    say_shares(check.shares)
    _say_overlaps(check)
    for note in check.findings.notes:
        say(f"- {note}")
    for text in check.findings.warnings:
        warn(text)
    faults = check.findings.faults
    if faults:
        raise CheckError(f"{path} cannot be used:\n" + "\n".join(faults))
    pairs = sum(row.identifier.endswith("+") for row in check.table.rows)
    said = f"{count(len(check.table))} tracks, {count(pairs)} strand pairs"
    doubts = len(check.findings.warnings)
    say(f"{said}: {f'{doubts} warnings' if doubts else 'nothing wrong was found'}")


def _say_tracks(check: TableCheck) -> None:
    from whelp.making.checks import fragments

    rows = []
    numbers = fragments(check.table, check.totals)
    for row, total, number in zip(check.table.rows, check.totals, numbers, strict=True):
        cells = ["-"] * 4
        if total is not None:
            cells = [
                count(len(total.lengths)),
                f"{total.minimum:.4g}",
                f"{total.maximum:.4g}",
                f"{total.mean:.3g}",
            ]
        scale = "-" if row.scale is None else f"{row.scale:.4g}"
        scaled = "-" if number is None else f"{number:,.0f}"
        pair = "" if row.strand_pair in (None, row.index) else str(row.strand_pair)
        stat = row.sum_stat or "-"
        rows.append([row.index, row.identifier, pair, *cells, stat, scale, scaled])
    headings = ["", "track", "pair", "chromosomes", "least", "most", "mean", "sum_stat", "scale"]
    show_table(
        "Tracks",
        [*headings, "fragments"],
        rows,
        numbers=["", *headings[2:7], "scale", "fragments"],
    )
    say("fragments: summed coverage times scale, of a pair that of both strands")


def _say_overlaps(check: TableCheck) -> None:
    if not check.overlaps:
        return
    rows = [
        [overlap.label, count(overlap.windows), count(overlap.seen), f"{overlap.share:.1%}"]
        for overlap in check.overlaps
    ]
    say()
    show_table(
        "Windows that the pretrained model was trained on",
        ["label", "windows", "seen", "share of bases"],
        rows,
        numbers=["windows", "seen", "share of bases"],
    )
    say()
