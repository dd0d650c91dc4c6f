"""The command hound_snp.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from whelp.cli.drop_in import drop_in_parser
from whelp.cli.hound_options import (
    SCORING_FLAGS,
    add_flags,
    arrange,
    check_files,
    run_drop_in,
)
from whelp.cli.hound_scoring import ScoreJob, score_job, score_settings

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.models import SequenceModel
    from whelp.scoring.variant_scores import VariantScorer
    from whelp.specs import TargetsTable

_NOTES = """\
Flags, defaults and the layout of scores.h5 are those of Baskerville's command of this name.

Differences: all alternates of a record are scored, and alleles of any length. A variant that
cannot be scored goes to rejected.tsv with the reason, and the others are scored. A command that
was stopped goes on where it was when it is called again. REF and ALT, SAD, JS and logJS work.
Of an insertion or deletion that is not stitched REF and ALT hold the prediction in place.
A model may say in params.json ("target_transform": "old" or "new", under "model") how its targets
were squashed: then that is undone without -u, and a -u that contradicts it is refused.

With a file of options (pickled, as Baskerville writes it) in front of the other files, its options
are taken; with the number of a job behind them, too, the job's part of the variants is scored into
job0, job1 ... in the output directory, where -p is how many jobs there are.

statistics:
  SUM, logSUM, sqrtSUM (sums over bins), logSED (log of the sum), SAX (largest change),
  D1, logD1, sqrtD1, D2, logD2, sqrtD2 (norms of the change), JS, logJS (change of shape),
  REF, ALT (predictions), SAD (same as SUM); log is log2(1 + x)

example:
  hound_snp.py -f hg38.fa -t data/targets.txt --rc -o scores params.json model.h5 variants.vcf
"""


def main() -> None:
    """Runs hound_snp.py on the command line of this process."""
    run_drop_in(_parser(), _run)


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "hound_snp.py",
        "Score variants by what they change in predicted tracks.",
        _NOTES,
        usage="%(prog)s [options] [options_pkl] params_file model_file vcf_file [job]",
    )
    parser.add_argument(
        "-c",
        dest="cluster_snps_pct",
        default=0.0,
        type=float,
        help="share of the sequence length within which variants share a window"
        "  [default: %(default)s]",
    )
    add_flags(parser, *SCORING_FLAGS, out_dir="snp_out")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="params.json, weights (.h5), variants"
    )
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    options, files, part = arrange(parser, args)
    check_files(parser, options)
    # A word that is not right is told before Keras is imported.
    settings = score_settings(
        options, stitch=options.indel_stitch, cluster=options.cluster_snps_pct
    )

    def scorer(model: SequenceModel, targets: TargetsTable, fasta: Fasta) -> VariantScorer:
        from whelp.scoring.variant_scores import VariantScorer

        return VariantScorer(model, targets, fasta, settings=settings)

    score_job(options, ScoreJob(files, part, settings), scorer)
