"""The command borzoi_sed.py, with the flags of Borzoi's."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import import_backend
from whelp.cli.hound_options import add_flags, arrange, check_files, read_shifts, run_drop_in
from whelp.cli.hound_scoring import ScoreJob, score_job

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.models import SequenceModel
    from whelp.scoring.gene_sed import SedScorer
    from whelp.specs import TargetsTable

_NOTES = """\
Flags, defaults and the layout of sed.h5 are those of the command of this name in calico/borzoi.
Windows are centred on variants, and variants are scored for each gene that the window shows, by the
bins that lie mostly in an exon, on the gene's strand. Predictions are averaged over --rc and
--shifts while they are squashed, and an N counts as a quarter of each base.

Differences: around insertions and deletions the same bins of both alleles are compared (there, the
window of a longer allele is cut at both ends, and the genes are moved by the length of a deletion).
All alternates of a record are scored. Variants that cannot be scored, or show no gene, go to
rejected.tsv with the reason. logD1 works. Genes without a strand count both. Scores beyond 16-bit
floats become the outermost. A command that was stopped goes on where it was when it is called
again. A model may say in params.json how its targets were squashed: then that is undone without -u,
and a -u that contradicts it is refused.

A file of options in front of the other files and the number of a job behind them work as in
hound_snp.py.

statistics, of the coverage R and A in a gene's bins:
  SED (sum A - sum R), logSED (log2 fold change of the sum), D1, logD1, D2, logD2 (norms of the
  change), nD2, nDi, JS (norm, largest and divergence of the change of shape), REF, ALT (sums)

example:
  borzoi_sed.py -f hg38.fa -g genes.gtf -t data/targets.txt --stats logSED,logD2 -o sed \\
    params.json model.h5 variants.vcf
"""
_FOLDER = "BORZOI_HG38"


def main() -> None:
    """Runs borzoi_sed.py on the command line of this process."""
    run_drop_in(_parser(), _run)


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "borzoi_sed.py",
        "Score variants by what they change in the predicted expression of genes.",
        _NOTES,
        usage="%(prog)s [options] [options_pkl] params_file model_file vcf_file [job]",
    )
    add: Any = parser.add_argument
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    folder = os.environ.get(_FOLDER, "hg38")
    genes = f"{folder}/genes/gencode41/gencode41_basic_nort.gtf"
    genome = f"{folder}/assembly/ucsc/hg38.fa"
    add("-b", dest="bedgraph", **flag, help="write predictions of both alleles as bedGraph, too")
    add("-g", dest="genes_gtf", default=genes, help=f"genes: GTF or GFF3{default}")
    add("--span", **flag, help="count all from a gene's first to its last exon")
    add("--stats", dest="sed_stats", default="SED", help=f"statistics, with commas{default}")
    add("--no_untransform", **flag, help="leave predictions squashed")
    add("--no_unclip", **flag, help="leave soft clips as they are")
    shared = ("-f", "-o", "-p", "--rc", "--shifts", "-t", "-u")
    add_flags(parser, *shared, out_dir="sed", genome_fasta=genome)
    add("files", nargs="+", metavar="FILE", help="params.json, weights (.h5), variants")
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    options, files, part = arrange(parser, args)
    check_files(parser, options)
    # A word that is not right is told before Keras is imported.
    names, shifts = _statistics(options.sed_stats), read_shifts(options.shifts)
    import_backend()
    from whelp.scoring.gene_sed import SedOptions, SedScorer, sed_settings
    from whelp.scoring.gene_windows import GeneSettings

    own = SedOptions(
        names,
        untransform=not options.no_untransform,
        unclip=not options.no_unclip,
        bedgraphs=Path(options.out_dir) if options.bedgraph else None,
    )
    settings = sed_settings(
        shifts=tuple(shifts), rc=options.rc, old=options.untransform_old or None
    )
    genes = GeneSettings(
        Path(options.genes_gtf), center="variant", overlap="majority", span=options.span
    )
    job = ScoreJob(
        files,
        part,
        settings,
        more_files={"genes": genes.annotation},
        more={
            "span": options.span,
            "stats": own.statistics,
            "untransform": own.untransform,
            "unclip": own.unclip,
            "bedgraph": options.bedgraph,
        },
        what="variants by gene",
    )

    def scorer(model: SequenceModel, targets: TargetsTable, fasta: Fasta) -> SedScorer:
        return SedScorer(model, targets, fasta, settings=settings, genes=genes, options=own)

    score_job(options, job, scorer)


def _statistics(words: str | Sequence[str]) -> tuple[str, ...]:
    """Read names of statistics; those of a file of options may be split already."""
    from whelp.scoring.sed_statistics import check_sed_statistics

    names = words.split(",") if isinstance(words, str) else words
    return check_sed_statistics(name.strip() for name in names if name.strip())
