"""What the commands with Baskerville's names and flags have in common.

`argparse`, as there: abbreviated long flags and values glued to short ones work the same way.
"""

from __future__ import annotations

import argparse

import whelp


def drop_in_parser(
    name: str, description: str, notes: str, *, usage: str | None = None
) -> argparse.ArgumentParser:
    """Makes the parser of a command, with --version; `notes` stand below the flags as they are."""
    parser = argparse.ArgumentParser(
        prog=name,
        usage=usage,
        description=description,
        epilog=notes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"whelp {whelp.__version__}")
    return parser
