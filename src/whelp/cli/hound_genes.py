"""The command hound_eval_genes.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from whelp.cli.console import say
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import import_backend
from whelp.cli.hound_lines import gene_lines
from whelp.cli.hound_options import (
    add_evaluated,
    add_flags,
    evaluated_files,
    read_shifts,
    run_drop_in,
)
from whelp.cli.score_display import ScoreBar

_NOTES = """\
Flags, defaults and files are those of Baskerville's command of this name: tables of genes x tracks
of log2 coverage (gene_targets, gene_preds), quantile normalised within groups of tracks (_norm),
and along genes (gene_within, gene_var), all .tsv.gz; task_metrics.tsv, a row a track, and
gene_metrics.tsv, a row a gene. Beside them genes.tsv says what each gene is, and how much of it
lies in the windows (shown) and in those of the training (trained).

Differences: all windows with genes are predicted, and not every other one; where windows overlap,
each bin counts once, from the window in whose middle it lies. Exons that another gene of the
strand overlaps are left out, and with --span genes whose spans overlap. A targets table without
the column group is grouped by what stands before the colon of its descriptions. Genes without
variation along them are left out of means. With --as_reference all of this is as there.

example:
  hound_eval_genes.py --pseudo_qtl 0.05 -o by_gene params.json model.h5 data annotation.gtf
"""


def main() -> None:
    """Runs hound_eval_genes.py on the command line of this process."""
    run_drop_in(_parser(), _run)


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "hound_eval_genes.py", "Evaluate a trained model on the expression of genes.", _NOTES
    )
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    add: Any = parser.add_argument
    add("--head", dest="head_i", default=0, type=int, help=f"index of the head{default}")
    add("-o", "--out_dir", default="evalg_out", help=f"output directory{default}")
    add(
        "--pseudo_qtl",
        type=float,
        help=f"quantile of genes' coverage to add to all of them{default}",
    )
    add_flags(parser, "--rc")
    add("--save_span", **flag, help="save measured and predicted coverage along genes")
    add_flags(parser, "--shifts")
    add("--span", **flag, help="take everything from a gene's first to its last exon")
    add("--split", default="test", help=f"windows to evaluate on{default}")
    add("-t", "--targets_file", help="targets table, in place of data_dir/targets.txt")
    add("--as_reference", **flag, help="do as Baskerville's command does, faults included")
    add("--transform_old", **flag, help="undo the squashing of old targets, if nobody says which")
    add_evaluated(parser)
    add("genes_gtf_file", help="genes: GTF or GFF3, plain or gzipped")
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    from whelp.expression.settings import ExpressionSettings

    # A number that is not right is told before Keras is imported.
    settings = ExpressionSettings(
        span=args.span,
        pseudo_quantile=args.pseudo_qtl,
        rc=args.rc,
        shifts=tuple(read_shifts(args.shifts)),
        old=args.transform_old or None,
        as_reference=args.as_reference,
    )
    import_backend()
    from whelp.fitting import GeneQuestion, evaluate_gene_files

    with ScoreBar("windows") as bar:
        accuracy = evaluate_gene_files(
            GeneQuestion(args.genes_gtf_file, settings),
            evaluated_files(args),
            Path(args.out_dir),
            profiles=args.save_span,
            progress=bar.show,
        )
    for line in gene_lines(accuracy, strict=args.as_reference):
        say(line)
