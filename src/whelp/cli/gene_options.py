"""Options of commands that evaluate the expression of genes, and what they print of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE
from whelp.cli.console import count, say, score, show_table

if TYPE_CHECKING:
    from whelp.expression import GeneAccuracy
    from whelp.fitting import GeneQuestion

_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option(
        "--genes",
        type=EXISTING_FILE,
        help="Evaluate the expression of genes, too: GTF or GFF3, plain or gzipped.",
    ),
    click.option(
        "--contrast",
        "contrasts",
        metavar="A:B",
        multiple=True,
        help="Compare the change of genes from group B of tracks to group A, too; can be repeated.",
    ),
    click.option(
        "--min-change",
        default=1.0,
        show_default=True,
        help="Measured log2 fold change from which on a gene is up, or down.",
    ),
    click.option("--span", is_flag=True, help="Count all from a gene's first to its last exon."),
    click.option(
        "--min-shown",
        default=0.0,
        show_default=True,
        help="Share of a gene that has to lie in the windows.",
    ),
    click.option(
        "--pseudo-quantile",
        type=float,
        help="Quantile of genes' coverage to add to all of them before logarithms.",
    ),
    click.option(
        "--transform-old/--transform-new",
        default=None,
        help="How the targets were squashed.  [default: what data or PARAMS say, else new]",
    ),
)
_UNUSED = {
    "contrasts": (),
    "min_change": 1.0,
    "span": False,
    "min_shown": 0.0,
    "pseudo_quantile": None,
    "transform_old": None,
}


def gene_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def gene_question(
    options: Mapping[str, Any], *, rc: bool = False, shifts: Sequence[int] = (0,)
) -> GeneQuestion | None:
    """Reads the options; `None` if no genes are asked for.

    Args:
        options: Of the command line.
        rc: Average predictions over both strands.
        shifts: Shifts in bp to average over.

    Raises:
        click.UsageError: Options that are for genes are given without any.
        whelp.expression.ExpressionError: A number is out of its range.
    """
    settings = gene_settings(options, rc=rc, shifts=shifts)
    if settings is None:
        return None
    from whelp.expression.settings import ExpressionSettings
    from whelp.fitting import GeneQuestion

    return GeneQuestion(options["genes"], ExpressionSettings(**settings))


def gene_settings(
    options: Mapping[str, Any], *, rc: bool, shifts: Sequence[int]
) -> dict[str, Any] | None:
    """Reads the options, as keyword arguments of `whelp.expression.ExpressionSettings`.

    Arguments and errors are those of `gene_question`; no number is checked.
    """
    if options["genes"] is None:
        if any(options[name] != value for name, value in _UNUSED.items()):
            raise click.UsageError(
                "--contrast, --min-change, --span, --min-shown, --pseudo-quantile and "
                "--transform-old are for --genes"
            )
        return None
    return {
        "span": options["span"],
        "pseudo_quantile": options["pseudo_quantile"],
        "contrasts": options["contrasts"],
        "min_change": options["min_change"],
        "min_shown": options["min_shown"],
        "rc": rc,
        "shifts": tuple(shifts),
        "old": options["transform_old"],
    }


def say_genes(accuracy: GeneAccuracy) -> None:
    """Prints means over tracks, group by group, and the numbers of contrasts."""
    numbers = {
        "pearsonr": "across genes",
        "pearsonr_norm": "beyond the group",
        "pearsonr_gene": "along genes",
    }
    tracks = accuracy.tracks
    parts = [(group, tracks[tracks["group"] == group]) for group in accuracy.groups]
    rows = [
        [group, count(len(part)), *(score(part[name].mean()) for name in numbers)]
        for group, part in [*parts, ("all", tracks)]
    ]
    headings = ["group", "tracks", *numbers.values()]
    number = len(accuracy.genes)
    title = f"Expression of {count(number)} genes: Pearson r, means over tracks"
    show_table(title, headings, rows, numbers=headings[1:])
    if accuracy.reaching:
        say(
            f"{count(accuracy.reaching)} of {count(number)} genes reach into training windows "
            "(genes.tsv, column trained); --min-shown 1 leaves out what does not lie whole in these"
        )
    if accuracy.contrasts:
        _say_contrasts(accuracy)


def _say_contrasts(accuracy: GeneAccuracy) -> None:
    numbers = {
        "pearsonr": "Pearson r",
        "spearmanr": "Spearman r",
        "auroc_up": "AUROC up",
        "auroc_down": "AUROC down",
    }
    rows = [
        [
            part.name,
            count(part.up),
            count(part.down),
            *(score(getattr(part, name)) for name in numbers),
        ]
        for part in accuracy.contrasts
    ]
    headings = ["contrast", "up", "down", *numbers.values()]
    show_table("Log2 fold change of genes", headings, rows, numbers=headings[1:])
    least = accuracy.contrasts[0].min_change
    say(f"up, down: a measured change of {least:g} or more")
