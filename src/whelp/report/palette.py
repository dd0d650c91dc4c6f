"""Colours by name, for a light and a dark page.

A figure is drawn in the light colours; in the page each becomes a CSS variable of that name, so
that figures follow the reader's light or dark setting. Hence no two colours have the same value.
"""

LIGHT = {
    "ink": "#1d2127",
    "muted": "#626a76",
    "rule": "#d5d9e0",
    "measured": "#7b828d",
    "accent": "#1b62ad",
    "cage": "#c2491d",
    "open": "#0c7c78",
    "atac": "#478c2f",
    "chip": "#7950b3",
    "rna": "#2268b8",
    "gold": "#a67712",
    "rose": "#b3437e",
    "brown": "#82604a",
    "grey": "#6c727b",
}
DARK = {
    "ink": "#e7e8ea",
    "muted": "#a2a9b4",
    "rule": "#3a4049",
    "measured": "#8d95a1",
    "accent": "#76b1f2",
    "cage": "#f2895f",
    "open": "#4cc2b9",
    "atac": "#8fce75",
    "chip": "#b99beb",
    "rna": "#78aff0",
    "gold": "#dfb34c",
    "rose": "#ea8bbd",
    "brown": "#c7a188",
    "grey": "#a0a7b1",
}


def css_variables(colours: dict[str, str]) -> str:
    """CSS declarations of colours as variables `--name`."""
    return "".join(f"--{name}:{value};" for name, value in colours.items())
