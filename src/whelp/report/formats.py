"""Numbers as a person reads them."""

import math
from collections.abc import Callable
from typing import Any

Formatter = Callable[[Any], str]
MISSING = "–"


def _guard(render: Callable[[float], str]) -> Formatter:
    """Show a dash where there is no number."""

    def formatted(value: Any) -> str:
        if value is None or not isinstance(value, int | float) and not hasattr(value, "__float__"):
            return MISSING
        number = float(value)
        return render(number) if math.isfinite(number) else MISSING

    return formatted


def _minus(text: str) -> str:
    """A minus sign as wide as a digit instead of a hyphen."""
    return text.replace("-", "\N{MINUS SIGN}")


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def _memory(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _share(value: float) -> str:
    percent = 100 * value
    return f"{percent:.3g}%" if percent < 10 else f"{percent:.0f}%"


count: Formatter = _guard(lambda value: f"{value:,.0f}")
score: Formatter = _guard(lambda value: _minus(f"{value:.3f}"))
signed: Formatter = _guard(lambda value: _minus(f"{value:+.3g}") if value else "0")
digits: Formatter = _guard(lambda value: _minus(f"{value:.3g}"))
share: Formatter = _guard(_share)
duration: Formatter = _guard(_duration)
seconds: Formatter = _guard(lambda value: f"{value:,.1f}" if value < 10 else f"{value:,.0f}")
megabytes: Formatter = _guard(lambda value: f"{value / 1e6:,.0f}")
memory: Formatter = _guard(_memory)


def bases(number: float) -> str:
    """A stretch of DNA in kb, or Mb."""
    return f"{number / 1e6:,.1f} Mb" if number >= 1e6 else f"{number / 1e3:,.0f} kb"


def text(value: Any) -> str:
    """Anything else, as it stands; a dash for what is missing."""
    if value is None or isinstance(value, float) and math.isnan(value):
        return MISSING
    return str(value)
