"""Draw figures in one style, and turn them into SVG that belongs to the page.

Text stays text (it uses the page's font and can be searched), colours become CSS variables, and one
unit of a figure is one CSS pixel at its natural width.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from whelp.report.palette import LIGHT

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
TEXT_SIZE = 11.5
_PIXELS_PER_INCH = 72
_DECIMALS = re.compile(r"(\d+\.\d)\d+")
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT_SIZE,
    "axes.titlesize": TEXT_SIZE + 0.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": TEXT_SIZE,
    "axes.labelcolor": LIGHT["muted"],
    "axes.titlecolor": LIGHT["ink"],
    "axes.edgecolor": LIGHT["rule"],
    "axes.facecolor": "none",
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "grid.color": LIGHT["rule"],
    "grid.linewidth": 0.75,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["rule"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.color": LIGHT["rule"],
    "ytick.labelcolor": LIGHT["muted"],
    "ytick.major.size": 0,
    "xtick.major.size": 3,
    "svg.fonttype": "none",
    "svg.hashsalt": "whelp",
    "path.simplify_threshold": 0.2,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the report's style; figures made inside do not go through pyplot."""
    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float, *, tight: bool = False) -> Figure:
    """A figure of `width` x `height` CSS pixels at its natural size.

    Args:
        width: CSS pixels.
        height: CSS pixels.
        tight: leave no room between plots above each other.
    """
    size = (width / _PIXELS_PER_INCH, height / _PIXELS_PER_INCH)
    layout = ConstrainedLayoutEngine()
    if tight:
        layout = ConstrainedLayoutEngine(hspace=0, h_pad=0.02, w_pad=0.02)
    return Figure(figsize=size, dpi=_PIXELS_PER_INCH, layout=layout)


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A new figure that holds one plot, and its axes."""
    figure = new_figure(width, height)
    return figure, figure.add_subplot()


def to_svg(figure: Figure, alt: str, prefix: str) -> str:
    """A figure as inline SVG.

    Args:
        figure: drawn within `style()`.
        alt: what the figure shows, for those who do not see it.
        prefix: put before every id of the SVG, unique in the page.

    Returns:
        An `<svg>` element without namespaces, metadata or addresses.

    Raises:
        ValueError: there is no alternative text.
    """
    if not alt.strip():
        raise ValueError("a figure needs an alternative text that says what it shows")
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    width = figure.get_figwidth() * _PIXELS_PER_INCH
    height = figure.get_figheight() * _PIXELS_PER_INCH
    text = buffer.getvalue()
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    return (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {width:g} {height:g}" '
        f'style="max-width:{width:g}px">{_adopt(body, prefix)}</svg>'
    )


def _adopt(body: str, prefix: str) -> str:
    """Make the inside of a matplotlib SVG part of the page."""
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'(\bid="|url\(#|\bhref="#)', rf"\g<1>{prefix}-", body)
    # matplotlib knows bold only; headings of the page are a little lighter.
    body = body.replace("'DejaVu Sans'", FONT).replace("font: 700", "font: 600")
    for name, value in LIGHT.items():
        body = body.replace(value, f"var(--{name})")
    # Coordinates to a tenth of a pixel: the paths of long tracks are most of the file.
    body = re.sub(r'\bd="[^"]*"', lambda path: _DECIMALS.sub(r"\1", path[0]), body)
    return re.sub(r"\n\s*", "\n", body).strip()
