"""The report of variants: what stands in it, and that numbers are those given."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from whelp.report import (
    Contributions,
    TrackChange,
    VariantPicture,
    VariantTables,
    variants_report,
)
from whelp.report.variant_picture import logos_figure, variant_figure

BINS, WIDTH, START = 400, 32, 50_000


def picture(position: int, *, peak: int = 200, alt: str = "G") -> VariantPicture:
    bins = np.arange(BINS)
    ref = 1 + 9 * np.exp(-(((bins - peak) / 4) ** 2))
    changed = ref * (1 + 0.5 * np.exp(-(((bins - peak) / 4) ** 2)))
    track = TrackChange("ENC1", "DNASE:kidney & liver", ref, changed, -0.25)
    return VariantPicture("rs1", "chr1", position, "A", alt, START, WIDTH, "logSUM", (track,))


def tables(number: int = 3) -> VariantTables:
    scores = np.array([[0.5, -0.1, 0.0], [0.2, -0.3, 0.1], [0.0, 0.1, np.nan]])[:number]
    best = pd.DataFrame(
        {
            "id": ["rs1", "rs<2>", "rs3"][:number],
            "place": ["chr1:56,401", "chr1:9", "chr2:10"][:number],
            "ref": "A",
            "alt": "G",
            "track": "ENC1",
            "description": "DNASE:kidney & liver",
            "logSUM": [0.5, -0.3, 0.1][:number],
        }
    )
    tracks = pd.DataFrame(
        {"identifier": ["ENC1", "ENC2", "ENC3"], "description": ["DNASE:a", "RNA:b", "CAGE:c"]}
    )
    largest = np.array([0.5, -0.3, 0.1, np.nan])
    return VariantTables("logSUM", best, scores, tracks, largest, 4, 2, (picture(56_401),))


def test_report(tmp_path: Path) -> None:
    page = variants_report(tables(), tmp_path / "report.html").read_text()
    assert "rs&lt;2&gt;" in page and "rs<2>" not in page
    assert "2 could not be scored" in page
    assert "+0.5" in page and "\N{MINUS SIGN}0.3" in page
    assert "DNASE · kidney &amp; liver" in page
    # The only addresses are places in the page.
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page)


def test_cells_are_as_full_as_their_share_of_the_largest_score(tmp_path: Path) -> None:
    page = variants_report(tables(), tmp_path / "report.html").read_text()
    shares = {float(text) for text in re.findall(r"opacity: ([\d.]+)", page)}
    assert {0.2, 0.4, 0.6} <= {round(share, 3) for share in shares}


def test_the_place_of_the_change_is_shown() -> None:
    """Beside the variant if that is near, else alone."""
    for variant, near in ((START + 205 * WIDTH, True), (START + 20 * WIDTH, False)):
        figure, alt = variant_figure(picture(variant))
        whole, part = (axes.get_xlim() for axes in (figure.axes[1], figure.axes[3]))
        assert whole == (START, START + BINS * WIDTH)
        assert part[0] <= START + 200 * WIDTH < part[1] and part[1] - part[0] < 60 * WIDTH
        assert bool(part[0] < variant < part[1]) is near
        assert "ENC1 logSUM \N{MINUS SIGN}0.25" in alt


def test_logos_of_both_alleles_have_one_scale() -> None:
    values = np.array([1.0, -0.5, 0.25])
    logos = [
        Contributions(name, "chr1", START, np.array([0, 1, 2]), size * values)
        for name, size in (("reference allele A", 1), ("alternate allele G", 3))
    ]
    figure, alt = logos_figure(replace(picture(START + 2), logos=logos))
    lows, highs = zip(*(axes.get_ylim() for axes in figure.axes), strict=True)
    assert len(set(lows)) == len(set(highs)) == 1
    assert lows[0] < -1.5 and highs[0] > 3
    assert "reference allele A" in alt and "alternate allele G" in alt and "ACG" in alt


def test_long_alleles_are_cut() -> None:
    assert picture(START, alt="G" * 30).title == f"rs1 · chr1:{START:,} A>GGG… (30 bp)"


def test_one_variant_outside_what_is_predicted(tmp_path: Path) -> None:
    one = tables(1)
    page = variants_report(
        VariantTables(
            *(one.statistic, one.best, one.scores, one.tracks, one.largest, 1),
            pictures=(picture(START - 500, peak=0),),
        ),
        tmp_path / "report.html",
    )
    assert "whole window" in page.read_text()
