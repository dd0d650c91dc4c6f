"""The command hound_snpgene.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from whelp.scoring.gene_hound import HoundGeneScorer
    from whelp.specs import TargetsTable

_NOTES = """\
Flags, defaults and the layout of scores.h5 (STATISTIC/VARIANT/GENE) are those of Baskerville's
command of this name. Windows are centred on genes, and variants are scored for each gene whose
window they lie in, by the bins that hold any base of an exon, on the gene's strand.

Differences: --span works: everything from the first to the last exon counts. All alternates of a
record are scored, and alleles of any length; flipped ones too, and unsorted files. A variant with
the ID of an earlier one is called ID#NUMBER, where Baskerville loses it. Variants that cannot be
scored, or lie in no gene's window, go to rejected.tsv with the reason. The data set gene lists the
genes that have scores. JS, logJS, REF and ALT work with several shifts. A command that was stopped
goes on where it was when it is called again.

A file of options in front of the other files and the number of a job behind them work as in
hound_snp.py, which also lists the statistics.

example:
  hound_snpgene.py -f hg38.fa -g genes.gtf -t data/targets.txt --stats logSED -o scores \\
    params.json model.h5 variants.vcf
"""


def main() -> None:
    """Runs hound_snpgene.py on the command line of this process."""
    run_drop_in(_parser(), _run)


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "hound_snpgene.py",
        "Score variants by what they change in the predicted tracks of genes.",
        _NOTES,
        usage="%(prog)s [options] [options_pkl] params_file model_file vcf_file [job]",
    )
    add: Any = parser.add_argument
    add(
        "-c",
        dest="cluster_pct",
        default=0.0,
        type=float,
        help="share of the sequence length within which genes share a window"
        "  [default: %(default)s]",
    )
    folder = os.environ.get("HG38")
    genes = f"{folder}/genes/gencode41/gencode41_basic_nort.gtf" if folder else None
    text = "genes: GTF or GFF3, plain or gzipped; in $HG38 by default"
    add("-g", dest="genes_gtf", default=genes, help=text)
    add("--span", action="store_true", help="count all from a gene's first to its last exon")
    add_flags(parser, *SCORING_FLAGS, out_dir="snpgene_out")
    add("files", nargs="+", metavar="FILE", help="params.json, weights (.h5), variants")
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    options, files, part = arrange(parser, args)
    check_files(parser, options)
    if options.genes_gtf is None:
        parser.error("genes are needed: -g genes.gtf")
    from whelp.scoring.gene_windows import GeneSettings

    # A word that is not right is told before Keras is imported.
    settings = score_settings(options, stitch=options.indel_stitch, cluster=options.cluster_pct)
    genes = GeneSettings(Path(options.genes_gtf), span=options.span)
    job = ScoreJob(
        files,
        part,
        settings,
        more_files={"genes": genes.annotation},
        more={"span": options.span, "layout": "hound"},
        what="variants by gene",
    )

    def scorer(model: SequenceModel, targets: TargetsTable, fasta: Fasta) -> HoundGeneScorer:
        from whelp.scoring.gene_hound import HoundGeneScorer

        return HoundGeneScorer(model, targets, fasta, settings=settings, genes=genes)

    score_job(options, job, scorer)
