"""Tables as accessible HTML that can be sorted in the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from whelp.report import formats
from whelp.report.formats import Formatter


@dataclass(frozen=True)
class Column:
    """How one column of a table is shown.

    Attributes:
        name: the column of the DataFrame.
        header: its heading, with the unit.
        show: turns a value into text (see `formats`); numbers are right-aligned by it.
        numeric: align right and sort as numbers.
        bar: draw a bar behind the value that is full at this value.
        colour: the column of the DataFrame that names each bar's colour.
        strong: the values to set in bold: `max`, `min` or none.
        order: how the rows are sorted by this column: `ascending`, `descending` or not.
    """

    name: str
    header: str
    show: Formatter = formats.text
    numeric: bool = False
    bar: float | None = None
    colour: str | None = None
    strong: str | None = None
    order: str | None = None


def to_html(
    table: pd.DataFrame,
    columns: Sequence[Column],
    *,
    label: str,
    sortable: bool = False,
    total: bool = False,
) -> str:
    """Render a table.

    Args:
        table: the rows.
        columns: what to show, in order; the first heads each row.
        label: id of the element that says what the table shows.
        sortable: let readers sort by clicking on a heading.
        total: the last row sums up the others.

    Returns:
        A `<table>` element.

    Raises:
        ValueError: a column is not in the table.
    """
    missing = [column.name for column in columns if column.name not in table]
    if missing:
        raise ValueError(f"the table has no column {', '.join(missing)}: it has {list(table)}")
    bold = {column.name: _strongest(table, column) for column in columns}
    head = "".join(_heading(column, sortable) for column in columns)
    rows = []
    for record in table.to_dict(orient="records"):
        cells = [
            _cell(record, column, header=i == 0, strong=record[column.name] == bold[column.name])
            for i, column in enumerate(columns)
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    if total and rows:
        rows[-1] = rows[-1].replace("<tr>", '<tr class="total">', 1)
    body = "\n".join(rows)
    kind = ' class="sortable"' if sortable else ""
    return (
        f'<table{kind} aria-labelledby="{label}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table>"
    )


def _strongest(table: pd.DataFrame, column: Column) -> Any:
    """The value to set in bold, or an object that equals none."""
    values = table[column.name].dropna() if column.strong else None
    if values is None or values.empty:
        return object()
    return values.max() if column.strong == "max" else values.min()


def _heading(column: Column, sortable: bool) -> str:
    kind = ' class="number"' if column.numeric else ""
    text = escape(column.header)
    if sortable:
        text = f'<button type="button">{text}</button>'
    order = f' aria-sort="{column.order}"' if column.order else ""
    return f'<th scope="col"{kind}{order}>{text}</th>'


def _cell(record: dict[Any, Any], column: Column, *, header: bool, strong: bool) -> str:
    value = record[column.name]
    text = escape(column.show(value))
    if strong:
        text = f"<strong>{text}</strong>"
    attributes = ""
    if column.numeric:
        key = "" if pd.isna(value) else f"{float(value):.9g}"
        attributes = f' class="number" data-key="{key}"'
        if column.bar is not None and key:
            text = f'{_bar(float(value), column, record)}<span class="value">{text}</span>'
    if header:
        return f'<th scope="row"{attributes}>{text}</th>'
    return f"<td{attributes}>{text}</td>"


def _bar(value: float, column: Column, record: dict[Any, Any]) -> str:
    """A bar beside the number; decoration, for the number says the same."""
    assert column.bar is not None
    colour = record[column.colour] if column.colour else "accent"
    width = 100 * min(max(value / column.bar, 0.0), 1.0)
    style = f"width:{width:.1f}%;background:var(--{colour})"
    return f'<span class="bar" aria-hidden="true"><i style="{style}"></i></span>'
