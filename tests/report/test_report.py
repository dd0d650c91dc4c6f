"""Reports: one file, complete, readable by people and by machines."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whelp.report import (
    Column,
    Report,
    RunSummary,
    ScatterSample,
    TrackSlice,
    WindowExample,
    assay,
    comparison_report,
    formats,
    training_report,
)
from whelp.report.accuracy import assay_spread, scatter_panels
from whelp.report.assays import assay_colours
from whelp.report.comparison import methods_table
from whelp.report.curves import learning_curves
from whelp.report.figures import new_axes, style
from whelp.report.palette import DARK, LIGHT
from whelp.report.tracks import least_tops, region, window_figure

NUMBERS = ("seconds", "loss", "pearsonr", "r2", "val_loss", "val_pearsonr", "val_r2")
LINE = re.compile(
    r"Epoch (?P<epoch>\d+) - (\d+)s - train_loss: (\S+) - train_r: (\S+) - train_r2: (\S+)"
    r" - valid_loss: (\S+) - valid_r: (\S+) - valid_r2: (\S+)(?P<best> - best!)?"
)


def read_history(path: Path) -> tuple[pd.DataFrame, int]:
    """The original's log lines as a history, and the best epoch."""
    matches = [match for line in path.read_text().splitlines() if (match := LINE.match(line))]
    rows = [
        {"epoch": int(match["epoch"])}
        | dict(zip(NUMBERS, map(float, match.groups()[1:8]), strict=True))
        for match in matches
    ]
    best = max(int(match["epoch"]) for match in matches if match["best"])
    return pd.DataFrame(rows), best


def make_window(label: str, rng: np.random.Generator) -> WindowExample:
    tracks = []
    for name in ("CAGE:heart, embryo E11", "DNASE:kidney <postnatal>", "RNA:liver"):
        measured = rng.gamma(0.2, 2, 2048).astype("float32")
        tracks.append(TrackSlice(f"{name[:3]}+", name, measured, measured * 0.5, 1.0))
    return WindowExample(label, "chr17", 35_151_180, 32, 0.7, tracks)


@pytest.fixture
def run(golden: Path) -> RunSummary:
    rng = np.random.default_rng(0)
    history, best = read_history(golden / "runs/lora_0.epochs.txt")
    accuracy = pd.read_csv(golden / "runs/lora_0.acc.txt", sep="\t")
    values = rng.gamma(0.5, 1, (2, 3000))
    return RunSummary(
        "LoRA",
        facts={"command": "whelp transfer --trunk lora.json <data>", "Seed": "0"},
        trained_parameters=24_896,
        total_parameters=660_000,
        seconds=126,
        peak_memory=1.39e9,
        valid_pearsonr=0.59,
        history=history,
        best_epoch=best,
        accuracy=accuracy,
        examples=[make_window(label, rng) for label in ("best", "median", "worst")],
        scatter=[ScatterSample("a+", "CAGE:heart", *values, pearsonr=0.5)],
    )


@pytest.fixture
def linear(golden: Path) -> RunSummary:
    history, best = read_history(golden / "runs/linear_0.epochs.txt")
    accuracy = pd.read_csv(golden / "runs/linear_0.acc.txt", sep="\t")
    return RunSummary(
        "Linear", note="head only", trained_parameters=4224, history=history, best_epoch=best,
        accuracy=accuracy, seconds=63.0, peak_memory=1.1e9, valid_pearsonr=0.64,
    )  # fmt: skip


class Outline(HTMLParser):
    """Collects what the checks need, and that tags close in order."""

    VOID = frozenset({"meta", "path", "use", "br", "line", "rect"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name in names]


def check_page(html: str) -> Outline:
    """What holds for every page: self-contained, well formed, accessible."""
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|//[a-z]|@import|\bsrc=|<link", html)
    page = Outline(html)
    assert page.open == []
    ids = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert max(ids.values()) == 1
    for _, attributes in page.tags:
        for key in ("href", "xlink:href", "aria-labelledby"):
            if key in attributes:
                assert str(attributes[key]).lstrip("#") in ids
        for reference in re.findall(r"url\(#([^)]*)\)", " ".join(map(str, attributes.values()))):
            assert reference in ids
    for svg in page.all("svg"):
        assert svg["role"] == "img" and len(str(svg["aria-label"])) > 20
    for table in page.all("table"):
        assert "aria-labelledby" in table or table.get("class") == "facts"
    for heading in page.all("th"):
        assert heading["scope"] in ("row", "col")
    return page


def test_training_report(run: RunSummary, tmp_path: Path) -> None:
    path = training_report(run, tmp_path / "new/report.html", title="Mouse & <man>")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    html = path.read_text(encoding="utf-8")
    page = check_page(html)
    assert [text for text in page.text if text in ("Mouse & <man>",)]
    anchors = [attributes["href"] for attributes in page.all("a")]
    assert anchors == [
        "#training",
        "#accuracy",
        "#predicted-and-measured-tracks",
        "#predicted-against-measured-values",
        "#how-this-was-made",
    ]
    assert "transformed (squashed) space" in html
    assert "chr17:35,151,181–35,216,716" in html
    for number in ("0.492", "24,896", "3.77% of 660,000", "2 min 06 s", "1.39 GB"):
        assert number in html
    assert len(page.all("svg")) == 3 + 2 + 3 + 1
    assert len([row for row in page.all("tr")]) >= 32
    assert len(html) < 1_500_000


def test_training_report_leaves_out_what_there_is_not(tmp_path: Path) -> None:
    html = training_report(RunSummary("Empty"), tmp_path / "report.html").read_text()
    page = check_page_without_ids(html)
    assert not page.all("h2") and not page.all("svg")


def check_page_without_ids(html: str) -> Outline:
    page = Outline(html)
    assert page.open == []
    return page


def test_comparison_report(run: RunSummary, linear: RunSummary, tmp_path: Path) -> None:
    path = comparison_report(
        [linear, run], tmp_path / "report.html", title="Two ways", facts={"Data": "mm10"}
    )
    html = path.read_text(encoding="utf-8")
    page = check_page(html)
    assert "head only" in html
    assert "<strong>4,224</strong>" in html
    assert len(page.all("svg")) == 3 + 3 + 1
    table = methods_table([linear, run])
    assert table["pearsonr"].round(3).tolist() == [0.533, 0.492]
    assert table["epochs"].tolist() == [15, 15]
    with pytest.raises(ValueError, match="at least one run"):
        comparison_report([], tmp_path / "none.html", title="None")


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_page_runs_in_a_browser(run: RunSummary, tmp_path: Path) -> None:
    """No script errors; a click on a heading sorts, and missing numbers stay last."""
    assert run.accuracy is not None
    run.accuracy.loc[3, "pearsonr"] = np.nan
    path = training_report(run, tmp_path / "report.html")
    probe = """<script>
      const heads = document.querySelectorAll("table.sortable th button");
      const order = () => Array.from(document.querySelectorAll("table.sortable tbody tr"))
        .map((row) => row.cells[0].textContent);
      heads[2].click();
      const up = order();
      heads[0].click();
      document.title = JSON.stringify([up[0], up[up.length - 1], order()[0]]);
    </script></body>"""
    path.write_text(path.read_text().replace("</body>", probe))
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title and json.loads(title[1]) == ["CNhs10586+", "CNhs10603-", "CNhs10586-"]


def test_report_needs_neither_keras_nor_a_display(tmp_path: Path) -> None:
    code = (
        "import sys, whelp.report.training, whelp.report.comparison;"
        "print([name for name in ('keras', 'tensorflow', 'jax', 'matplotlib.pyplot')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_off_scale_values_become_arrows(golden: Path) -> None:
    history, best = read_history(golden / "runs/lora_0.epochs.txt")
    figures = learning_curves(history, best)
    assert len(figures) == 3
    axes = figures[2][0].axes[0]
    low, high = axes.get_ylim()
    assert low > -0.6 and high < 0.4
    arrows = [line for line in axes.lines if line.get_marker() == "v"]
    below = (history[["r2", "val_r2"]] < low).sum().to_numpy()
    assert [len(line.get_xdata()) for line in arrows] == below.tolist()
    assert f"epoch {best} were kept" in figures[0][1]


def test_history_with_few_columns() -> None:
    history = pd.DataFrame({"epoch": [1, 2], "loss": [np.nan, np.inf], "r2": [np.nan, 0.1]})
    assert len(learning_curves(history, 2)) == 1
    history = pd.DataFrame({"epoch": [0], "loss": [1.5]})
    (figure,) = learning_curves(history, 0)
    assert "Loss over 1 epochs" in figure[1]


def test_window_figure_scales_both_rows_alike() -> None:
    example = make_window("best", np.random.default_rng(1))
    assert region(example) == "chr17:35,151,181–35,216,716"
    figure, alt = window_figure(example)
    limits = [axes.get_ylim() for axes in figure.axes]
    assert limits[1] == limits[2]
    assert limits[1][1] == pytest.approx(1.08 * example.tracks[0].measured.max(), rel=1e-6)
    assert "CAG+ Pearson 1.000" in alt
    silent = TrackSlice("CAG+", "CAGE:heart", np.zeros(2048), np.full(2048, 1e-3), np.nan)
    quiet = WindowExample("worst", "chr1", 0, 32, 0.1, [silent])
    tops = least_tops([example, quiet])
    figure, alt = window_figure(quiet, least_tops=tops)
    assert figure.axes[1].get_ylim()[1] == pytest.approx(1.08 * tops["CAG+"])
    assert "Pearson –" in alt


def test_scatter_and_spread_draw_edge_cases() -> None:
    (figure, alt), = scatter_panels(
        [ScatterSample("t", "CAGE:t", np.zeros(100), np.zeros(100), np.nan)]
    )  # fmt: skip
    assert figure.axes and "CAGE" in alt
    table = pd.DataFrame(
        {"pearsonr": [0.5, np.nan], "r2": [-7.0, np.nan], "description": ["CAGE:a", "RNA:b"]}
    )
    assert len(assay_spread(table)) == 2


def test_every_colour_has_a_dark_counterpart_and_is_unique() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert len(set(LIGHT.values())) == len(LIGHT)


def test_figures_follow_the_pages_colours() -> None:
    with style():
        figure, axes = new_axes(200, 100)
        axes.plot([0, 1], color=LIGHT["cage"])
        axes.set_title("A title")
    html = Report("t").add_figure(figure, "A line.", alt="A line that rises from 0 to 1.").to_html()
    svg = html[html.index("<svg") : html.index("</svg>")]
    assert "var(--cage)" in svg and LIGHT["cage"] not in svg
    assert ">A title</text>" in svg
    with pytest.raises(ValueError, match="needs an alternative text"):
        Report("t").add_figure(figure, "A line.", alt=" ")


def test_tables_escape_align_and_mark() -> None:
    table = pd.DataFrame({"name": ["<a>", "b"], "value": [0.25, np.nan]})
    columns = [
        Column("name", "Name & more"),
        Column("value", "r", formats.score, numeric=True, bar=0.5, strong="max"),
    ]
    html = Report("t").add_table(table, caption="1 < 2", columns=columns, sortable=True).to_html()
    assert '<th scope="row">&lt;a&gt;</th>' in html
    assert "Name &amp; more" in html and "1 &lt; 2" in html
    assert "width:50.0%" in html and "<strong>0.250</strong>" in html
    assert '<td class="number" data-key="">–</td>' in html
    with pytest.raises(ValueError, match="has no column other"):
        Report("t").add_table(table, caption="", columns=[Column("other", "Other")])


def test_failed_write_keeps_the_old_report(tmp_path: Path) -> None:
    path = Report("old").write(tmp_path / "report.html")
    report = Report("new")
    report.set_footer("\ud800")  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        report.write(path)
    assert "<title>old</title>" in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_formats() -> None:
    assert [formats.score(v) for v in (0.5294, -0.02, None, float("nan"))] == [
        "0.529", "−0.020", "–", "–",
    ]  # fmt: skip
    assert [formats.duration(v) for v in (3.21, 59, 126, 7300)] == [
        "3.2 s", "59 s", "2 min 06 s", "2 h 01 min",
    ]  # fmt: skip
    assert [formats.memory(v) for v in (952e6, 1.454e9)] == ["952 MB", "1.45 GB"]
    assert [formats.share(v) for v in (0.0064, 0.96)] == ["0.64%", "96%"]
    assert formats.count(171_304_676) == "171,304,676"
    assert formats.text(None) == "–"


def test_assays() -> None:
    assert [assay(text) for text in ("CAGE:x:y", "no colon", ":x")] == ["CAGE", "other", "other"]
    colours = assay_colours(["RNA", "other", "CAGE", "RNA3", "A", "B", "C", "D"])
    assert colours["CAGE"] == "cage" and colours["RNA"] == "rna"
    assert list(colours)[-1] == "other" and set(colours.values()) <= set(LIGHT)
