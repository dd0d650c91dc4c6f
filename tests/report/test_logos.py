"""Sequence logos: letters where and as high as they should be, on either strand."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch

from whelp.report import Contributions, Report, logo_figure, region_figure
from whelp.report.contributions import strongest
from whelp.report.figures import new_axes, style, to_svg
from whelp.report.logos import COLOURS, draw_letters
from whelp.report.palette import LIGHT


def letters(axes: object) -> dict[str, list[np.ndarray]]:
    """Base -> the boxes of its letters: left, bottom, right, top."""
    names = {LIGHT[name]: base for base, name in COLOURS.items()}
    found: dict[str, list[np.ndarray]] = {}
    for patch in axes.patches:
        if isinstance(patch, PathPatch):
            base = names[to_hex(patch.get_facecolor())]
            boxes = found.setdefault(base, [])
            # Letters of a base are one path: a new one begins where x jumps to another place.
            x = np.floor(patch.get_path().vertices[:, 0])
            for place in np.unique(x):
                points = patch.get_path().vertices[x == place]
                boxes.append(np.concatenate([points.min(axis=0), points.max(axis=0)]))
    return found


def made(values: list[float], bases: str, **more: object) -> Contributions:
    indexes = np.array(["ACGTN".index(base) for base in bases])
    return Contributions("here", "chr1", 999, indexes, np.array(values), **more)


def test_letters_are_stacked_from_the_axis() -> None:
    with style():
        _, axes = new_axes(300, 100)
        draw_letters(axes, np.array([[3.0, 1, 0, 0], [0, -1, -2, 0.5], [0, 0, 0, 0]]))
    found = letters(axes)
    near = {"abs": 1e-9}
    assert found["A"][0][[1, 3]] == pytest.approx([1, 4], **near)
    assert found["C"][0][[1, 3]] == pytest.approx([0, 1], **near)
    assert found["C"][1][[1, 3]] == pytest.approx([-1, 0], **near)
    assert found["G"][0][[1, 3]] == pytest.approx([-3, -1], **near)
    assert found["T"][0][[1, 3]] == pytest.approx([0, 0.5], **near)
    assert found["G"][0][[0, 2]] == pytest.approx([1.05, 1.95], **near)
    bottom, top = axes.get_ylim()
    assert bottom < -3 and top > 4


def test_letters_below_the_axis_stand_on_their_heads() -> None:
    with style():
        _, axes = new_axes(300, 100)
        draw_letters(axes, np.array([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]))
    above, below = (p.get_path().vertices for p in axes.patches if isinstance(p, PathPatch))
    np.testing.assert_allclose(below, above * [1, -1] + [1, 0])


def test_strongest_stretches() -> None:
    values = np.zeros(200)
    values[50:54], values[120:124], values[199] = 2, -1, 0.5
    # What is strong is in the middle, unless the end is near; what is weak is left out.
    assert strongest(values, 20, 5) == [42, 112]
    values[199] = 3
    assert strongest(values, 20, 5) == [42, 112, 180]
    assert strongest(np.ones(30), 20, 5) == [0]
    assert strongest(np.ones(10), 20, 5) == [0]
    assert strongest(np.zeros(30), 20, 1) == [0]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_coordinates_of_both_strands(strand: str) -> None:
    """The base at 1,003 (from 1) is marked; the axis runs along the strand."""
    shown = made([0.1, 0.2, 0, 1, 0], "ACNTG", strand=strand, marks=[1002])
    assert shown.place == "chr1:1,000–1,004"
    assert shown.place_of(0, 2) == ("chr1:1,000–1,001" if strand == "+" else "chr1:1,003–1,004")
    figure, words = logo_figure(shown)
    assert words.endswith(": ACNTG.")
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.get_xticklabels()]
    ticks = dict(zip(texts, axes.get_xticks(), strict=True))
    # The middle of the base.
    assert ticks["1,000"] == (0.5 if strand == "+" else 4.5)
    lines = [line for line in axes.lines if line.get_color() == LIGHT["rose"]]
    assert [line.get_xdata()[0] for line in lines] == [3.5 if strand == "+" else 1.5]
    assert sorted(letters(axes)) == ["A", "C", "T"]


def test_region_with_its_strongest_stretches() -> None:
    draws = np.random.default_rng(1)
    values = draws.normal(size=3000) * 1e-3
    values[700:710], values[2000:2010] = 0.5, -0.3
    bases = draws.integers(0, 4, 3000)
    exons = [(1500, 1600), (3900, 9000), (50_000, 60_000)]
    shown = Contributions("gene", "chr2", 1000, bases, values, exons=exons)
    figure, words = region_figure(shown)
    assert len(figure.axes) == 3
    assert "along chr2:1,001–4,000. Logo of chr2:1,666–1,745:" in words
    scales = {axes.get_ylim() for axes in figure.axes[1:]}
    assert len(scales) == 1
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert texts == {"1", "2"}
    ends = [tuple(line.get_xdata()) for line in figure.axes[0].lines if line.get_linewidth() == 5]
    assert ends == [(500, 600), (2900, 3000)]
    # Long windows are thinned out to what the eye can see.
    long = Contributions("long", "chr2", 0, np.tile(bases, 50), np.tile(values, 50))
    figure, words = region_figure(long)
    assert len(to_svg(figure, words, "f")) < 200_000


def test_short_and_empty_regions() -> None:
    figure, words = region_figure(made([0, 0, 0, 0], "ACGT"))
    assert len(figure.axes) == 1
    report = Report("Logos").add_figure(figure, "nothing", alt=words, wide=True)
    assert "<svg" in report.to_html()
    figure, _ = region_figure(made([0.0] * 500, "ACGTN" * 100))
    assert len(figure.axes) == 2
