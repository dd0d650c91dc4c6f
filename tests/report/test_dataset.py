"""The report of a data set: complete, small, and right about what it counts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whelp.report import DatasetTables, dataset_report
from whelp.report.dataset import label_colours


def make_tables(labels: tuple[str, ...], chromosomes: int = 3, windows: int = 40) -> DatasetTables:
    random = np.random.default_rng(0)
    starts = random.integers(0, 90, windows) * 1000
    rows = pd.DataFrame(
        {
            "chrom": [f"chr{at % chromosomes + 1}" for at in range(windows)],
            "start": starts,
            "end": starts + 2000,
            "label": [labels[at % len(labels)] for at in range(windows)],
        }
    )
    tracks = pd.DataFrame(
        {
            "identifier": ["one+", "one-", "two <b>"],
            "description": ["RNA:a", "RNA:b", "DNASE:c"],
            "sum": [10.0, 20.0, 0.0],
            "mean": [0.1, 0.2, 0.0],
            "max": [9.0, 7.5, 0.0],
            "clipped": [0.001, 0.0, 0.0],
            "missing": [0.25, 0.0, 1.0],
        }
    )
    notes = ("Windows left out: 3",)
    facts = {"command": "whelp data a b", "genome": "a"}
    return DatasetTables(rows, tracks, 4096, 64, notes=notes, facts=facts)


def text_of(path: Path) -> str:
    parts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = parts.append
    parser.feed(path.read_text())
    return re.sub(r"\s+", " ", " ".join(parts))


@pytest.mark.parametrize("labels", [("train", "valid", "test"), ("fold0", "fold1"), ("train",)])
def test_the_page_has_all_of_it(labels: tuple[str, ...], tmp_path: Path) -> None:
    path = dataset_report(make_tables(labels), tmp_path / "report.html", title="Mouse")
    page, text = path.read_text(), text_of(path)
    assert text.count("Mouse") >= 2
    for words in ("40 windows of 4,096 bp, 3 tracks in 64 bins", "Windows left out: 3.", *labels):
        assert words in text
    assert "25%" in text and "one+" in text and "whelp data a b" in text
    assert "two <b>" in text and "<td>two <b>" not in page
    assert page.count("<svg") == 3 and page.count("aria-label=") >= 3
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert page.endswith("</html>\n") and len(page) < 300_000


def test_groups_are_shown(tmp_path: Path) -> None:
    tables = make_tables(("train",))
    grouped = tables.tracks.assign(group=["young", "young", "old"])
    for tracks, shown in ((tables.tracks, False), (grouped, True)):
        path = dataset_report(DatasetTables(tables.windows, tracks, 4096, 64), tmp_path / "r.html")
        assert ("young" in text_of(path)) == ("Group" in text_of(path)) == shown


def test_bases_under_several_windows_count_once(tmp_path: Path) -> None:
    tables = make_tables(("train",), chromosomes=1)
    rows = pd.DataFrame(
        {
            "chrom": ["a", "a", "a", "b"],
            "start": [0, 1000, 5000, 0],
            "end": [2000, 3000, 7000, 2000],
            "label": ["train"] * 4,
        }
    )
    path = dataset_report(DatasetTables(rows, tables.tracks, 4096, 64), tmp_path / "report.html")
    assert "7,000" in text_of(path) and "7 kb" in text_of(path)


def test_axes_of_less_than_a_decade_have_plain_numbers(tmp_path: Path) -> None:
    tables = make_tables(("train",))
    near = tables.tracks.assign(mean=[73.1, 74.2, 72.5])
    path = dataset_report(DatasetTables(tables.windows, near, 4096, 64), tmp_path / "report.html")
    assert "72.8 73.2 73.6 74" in text_of(path)


def test_many_chromosomes_and_windows_stay_a_small_page(tmp_path: Path) -> None:
    tables = make_tables(tuple(f"fold{at}" for at in range(8)), chromosomes=50, windows=20_000)
    path = dataset_report(tables, tmp_path / "report.html")
    assert "The 30 longest of 50 are shown" in text_of(path)
    assert path.stat().st_size < 1_000_000


def test_chromosomes_come_in_the_order_of_the_genome(tmp_path: Path) -> None:
    tables = make_tables(("train",), chromosomes=11)
    path = dataset_report(tables, tmp_path / "report.html")
    text = text_of(path)
    assert text.index("chr2 ") < text.index("chr10 ")


def test_every_label_has_a_colour_of_its_own() -> None:
    assert len(set(label_colours(["train", "valid", "test"]).values())) == 3
    folds = [f"fold{at}" for at in range(8)]
    assert len(set(label_colours(folds).values())) == 8
