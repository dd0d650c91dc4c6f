"""The command hound_predvcf.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from whelp.cli.drop_in import drop_in_parser
from whelp.cli.hound_options import add_flags, arrange, check_files, read_shifts, run_drop_in
from whelp.cli.hound_scoring import ScoreJob, score_job

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.models import SequenceModel
    from whelp.predicting.hound_alleles import HoundAllelePredictor
    from whelp.specs import TargetsTable

_NOTES = """\
Flags, defaults and the layout of predict.h5 are those of Baskerville's command of this name.

Differences: N is no base at all, as models have learnt it and as in Baskerville's other commands
(there, in this one, a quarter of each). All alternates of a record are predicted, and alleles of
any length; insertions and deletions in the coordinates of the genome. A variant that cannot be
predicted goes to rejected.tsv with the reason, and the others are predicted. Shifts are averaged
after the squashing is undone. A command that was stopped goes on where it was when it is called
again.

With a file of options (pickled, as Baskerville writes it) in front of the other files, its options
are taken; with the number of a job behind them, too, the job's part of the variants is predicted
into job0, job1 ... in the output directory, where -p is how many jobs there are. Else -p does
nothing.

example:
  hound_predvcf.py -f hg38.fa -t data/targets.txt --rc -o out params.json model.h5 variants.vcf
"""


def main() -> None:
    """Runs hound_predvcf.py on the command line of this process."""
    run_drop_in(_parser(), _run)


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "hound_predvcf.py",
        "Predict both alleles of variants, each in a window of its own.",
        _NOTES,
        usage="%(prog)s [options] [options_pkl] params_file model_file vcf_file [job]",
    )
    add: Any = parser.add_argument
    add("-f", "--genome_fasta", help="genome FASTA")
    add("--head", default=0, type=int, help="head to predict by  [default: %(default)s]")
    add("-o", "--out_dir", default="predvcf_out", help="output directory  [default: %(default)s]")
    add("-p", "--processes", type=int, help="number of jobs, with the number of one")
    add("-t", "--targets_file", help="targets table: the tracks, and which are strand pairs")
    add_flags(parser, "--rc", "--shifts", "--untransform_old")
    add("files", nargs="+", metavar="FILE", help="params.json, weights (.h5), variants")
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if len(args.files) == 3:
        args.processes = None
    options, files, part = arrange(parser, args)
    check_files(parser, options)
    from whelp.predicting.settings import PredictSettings

    settings = PredictSettings(
        rc=options.rc,
        shifts=tuple(read_shifts(options.shifts)),
        old=options.untransform_old or None,
    )
    job = ScoreJob(files, part, settings, more={"head": options.head, "layout": "hound"})

    def predictor(
        model: SequenceModel, targets: TargetsTable, fasta: Fasta
    ) -> HoundAllelePredictor:
        from whelp.predicting.hound_alleles import HoundAllelePredictor

        return HoundAllelePredictor(model, targets, fasta, settings=settings)

    score_job(options, job, predictor)
