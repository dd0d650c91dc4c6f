"""Assemble sections, figures and tables into one HTML file."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from whelp.files import atomic_path
from whelp.report.figures import to_svg
from whelp.report.page import SCRIPT, stylesheet
from whelp.report.tables import Column, to_html

# Rows from which on a table scrolls in a box of its own.
_LONG = 40


class Report:
    """One self-contained page, built from top to bottom.

    Every `add_...` method returns the report, so that calls chain. Text is escaped; captions and
    paragraphs are plain text too.

    Example:
        >>> report = Report("Mouse tracks", "LoRA on a mini Borzoi")
        >>> report.add_section("Accuracy").add_table(table, caption="Test windows")
        >>> report.write("report.html")
    """

    def __init__(self, title: str, subtitle: str = "", *, eyebrow: str = "whelp") -> None:
        self.title = title
        self._subtitle = subtitle
        self._eyebrow = eyebrow
        self._parts: list[str] = []
        self._sections: list[tuple[str, str]] = []
        self._footer = ""
        self._figures = 0
        self._tables = 0

    def add_cards(self, cards: Sequence[tuple[str, str, str]]) -> "Report":
        """Add headline numbers: label, number, and a remark below it."""
        cells = "".join(
            f"<div><dt>{escape(label)}</dt><dd>{escape(number)}<small>{escape(remark)}</small>"
            "</dd></div>"
            for label, number, remark in cards
        )
        return self._add(f'<dl class="cards">{cells}</dl>')

    def add_section(self, heading: str, text: str = "") -> "Report":
        """Begin a section, which the list at the top of the page links to."""
        anchor = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
        self._sections.append((anchor, heading))
        self._add(f'<h2 id="{anchor}">{escape(heading)}</h2>')
        return self.add_text(text) if text else self

    def add_text(self, text: str) -> "Report":
        """Add a paragraph."""
        return self._add(f'<p class="note">{escape(text)}</p>')

    def add_code(self, code: str) -> "Report":
        """Add a command or another piece of fixed text."""
        return self._add(f"<pre><code>{escape(code)}</code></pre>")

    def add_facts(self, facts: Mapping[str, str]) -> "Report":
        """Add a two-column list of names and values."""
        rows = "".join(
            f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(value))}</td></tr>'
            for name, value in facts.items()
        )
        return self._add(f'<table class="facts"><tbody>{rows}</tbody></table>')

    def add_table(
        self,
        table: pd.DataFrame,
        *,
        caption: str,
        columns: Sequence[Column] | None = None,
        sortable: bool = False,
        total: bool = False,
    ) -> "Report":
        """Add a table.

        Args:
            table: the rows.
            caption: what it shows.
            columns: what to show of it and how; all columns as text if not given.
            sortable: let readers sort it.
            total: the last row sums up the others.
        """
        self._tables += 1
        shown = columns or [Column(str(name), str(name)) for name in table]
        label = f"table-{self._tables}"
        # Above the box, not a <caption>: it must not scroll away with a wide table.
        self._add(
            f'<p class="caption" id="{label}"><b>Table {self._tables}.</b> {escape(caption)}</p>'
        )
        html = to_html(table, shown, label=label, sortable=sortable, total=total)
        return self._add(_scrolling(html, "table long" if len(table) > _LONG else "table", label))

    def add_figure(self, figure: Figure, caption: str, *, alt: str, wide: bool = False) -> "Report":
        """Add one figure; a `wide` one scrolls sideways where the page is narrow."""
        return self.add_figures([(figure, alt)], caption, wide=wide)

    def add_figures(
        self,
        figures: Sequence[tuple[Figure, str]],
        caption: str,
        *,
        legend: Sequence[tuple[str, str]] = (),
        wide: bool = False,
    ) -> "Report":
        """Add panels side by side (below each other where the page is narrow).

        Args:
            figures: figures with their alternative texts.
            caption: one for all of them.
            legend: labels and the names of their colours.
            wide: give each the full width, and let it scroll sideways where the page is narrow.
        """
        self._figures += 1
        label = f"figure-{self._figures}"
        panels = "".join(
            _panel(figure, to_svg(figure, alt, f"f{self._figures}-{i}"), label if wide else "")
            for i, (figure, alt) in enumerate(figures)
        )
        keys = "".join(
            f'<li><i style="background:var(--{colour})"></i>{escape(label)}</li>'
            for label, colour in legend
        )
        return self._add(
            "<figure>"
            + (f'<ul class="legend">{keys}</ul>' if keys else "")
            + f'<div class="panels">{panels}</div><figcaption id="{label}">'
            f"<b>Figure {self._figures}.</b> {escape(caption)}</figcaption></figure>"
        )

    def set_footer(self, text: str) -> "Report":
        """Say at the end of the page when and by what it was written."""
        self._footer = text
        return self

    def to_html(self) -> str:
        """The whole page."""
        links = "".join(
            f'<li><a href="#{anchor}">{escape(name)}</a></li>' for anchor, name in self._sections
        )
        subtitle = f'<p class="subtitle">{escape(self._subtitle)}</p>' if self._subtitle else ""
        nav = f'<nav aria-label="Sections"><ul>{links}</ul></nav>' if links else ""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{stylesheet()}</style>\n</head>\n<body>\n"
            f'<main>\n<header><p class="eyebrow">{escape(self._eyebrow)}</p>'
            f"<h1>{escape(self.title)}</h1>{subtitle}{nav}</header>\n"
            + "\n".join(self._parts)
            + f"\n<footer>{escape(self._footer)}</footer>\n</main>\n<script>{SCRIPT}</script>\n"
            "</body>\n</html>\n"
        )

    def write(self, path: str | Path) -> Path:
        """Write the page in one step, so that a reader never meets half of it.

        Args:
            path: the file; its folder is made if it is missing.

        Returns:
            The path.
        """
        page = self.to_html()
        with atomic_path(path) as partial:
            partial.write_text(page, encoding="utf-8")
        return Path(path)

    def _add(self, html: str) -> "Report":
        self._parts.append(html)
        return self


def _panel(figure: Figure, svg: str, label: str) -> str:
    """Put a figure into a box as wide as its natural size, or, with a label, one that scrolls."""
    if label:
        return _scrolling(svg, "scroll", label)
    width = figure.get_figwidth() * figure.dpi
    return f'<div style="max-width:{width:g}px">{svg}</div>'


def _scrolling(html: str, kind: str, label: str) -> str:
    """A box that scrolls where it has to, also by keyboard."""
    return f'<div class="{kind}" tabindex="0" role="region" aria-labelledby="{label}">{html}</div>'
