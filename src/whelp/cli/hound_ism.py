"""The commands hound_ism_bed.py and hound_ism_snp.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import import_backend
from whelp.cli.hound_options import (
    OptionsError,
    add_flags,
    check_device,
    check_files,
    read_shifts,
    read_statistics,
    run_drop_in,
)
from whelp.cli.score_display import ScoreBar, say_mutated, say_transform

if TYPE_CHECKING:
    from whelp.interpreting.mutation_run import MutationSummary

_NOTES = """\
Flags, defaults and the layout of scores.h5 are those of Baskerville's command of this name: seqs
(one-hot, N x length x 4) and for each statistic the scores of A, C, G and T at each place
(N x length x 4 x tracks, 16-bit floats), mutation minus sequence, 0 for what is there already.

{0}
A command that was stopped goes on where it was when it is called again. JS and logJS work, with
shifts too. Strand pairs need not be neighbours in the targets table. Where the stretch has an N,
each of the four bases takes its place.

statistics:
  SUM, logSUM, sqrtSUM (sums over bins), logSED (log of the sum), SAX (largest change),
  D1, logD1, sqrtD1, D2, logD2, sqrtD2 (norms of the change), JS, logJS (change of shape),
  SAD (same as SUM); log is log2(1 + x), of both strands together

example:
  {1}
"""
_BED = """\
Differences: a row that lies outside the genome goes to rejected.tsv with the reason, and the others
are done. A row whose strand is neither + nor - is taken as +. Also in scores.h5: label and length
of the rows, and which tracks the scores are of. -p has no effect, as in Baskerville."""
_SNP = """\
Differences: a variant that does not match the genome goes to rejected.tsv with the reason; in
Baskerville it ends the list, and all that follow are lost without a word. Sequences of insertions
and deletions hold the genome's bases to their ends. Also in scores.h5: places and length of the
stretches, and which tracks the scores are of. As in Baskerville, and in no other command, an N is
a quarter of each base; `whelp ism` takes it as nothing, as in training."""
_UNKNOWN = 0.25
_FILES = "-f hg38.fa -t data/targets.txt"
_EXAMPLES = {
    "bed": f"hound_ism_bed.py {_FILES} -l 20 -o ism params.json model.h5 regions.bed",
    "snp": f"hound_ism_snp.py {_FILES} -l 20 -o ism params.json model.h5 variants.vcf",
}
_MUTATED = {
    "-u": ("mut_up", "bp to mutate upstream of the center"),
    "-d": ("mut_down", "bp to mutate downstream of the center"),
    "-l": ("mut_len", "bp to mutate around the center; not with -u or -d"),
}


def bed() -> None:
    """Runs hound_ism_bed.py on the command line of this process."""
    parser = _parser("bed", "Mutate every base of the sequences of a BED file.", _BED)
    add_flags(parser, "-p", out_dir="sat_mut", mut_len=0)
    run_drop_in(parser, lambda _, args: _run(parser, args, "bed"))


def snp() -> None:
    """Runs hound_ism_snp.py on the command line of this process."""
    parser = _parser("snp", "Mutate every base around the variants of a VCF file.", _SNP)
    parser.set_defaults(out_dir="ism_snp_out", mut_len=200)
    run_drop_in(parser, lambda _, args: _run(parser, args, "variants"))


def _parser(kind: str, description: str, differences: str) -> argparse.ArgumentParser:
    name = f"hound_ism_{kind}.py"
    file = "bed_file" if kind == "bed" else "vcf_file"
    parser = drop_in_parser(
        name,
        description,
        _NOTES.format(differences, _EXAMPLES[kind]),
        usage=f"%(prog)s [options] params_file model_file {file}",
    )
    add_flags(parser, "-f", "-o", "--rc", "--shifts", "--stats", "-t", "--untransform_old")
    for flag, (dest, text) in _MUTATED.items():
        parser.add_argument(
            flag, dest=dest, default=0, type=int, help=f"{text}  [default: %(default)s]"
        )
    for file_name, text in (
        ("params_file", "params.json"),
        ("model_file", "weights (.h5)"),
        (file, "stretches" if kind == "bed" else "variants"),
    ):
        parser.add_argument(file_name, type=Path, help=text)
    return parser


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace, kind: Any) -> None:
    check_files(parser, options)
    # A word that is not right is told before Keras is imported.
    up, down = _flanks(options)
    statistics, shifts = read_statistics(options.snp_stats), read_shifts(options.shifts)
    import_backend()
    check_device()
    say_mutated(_mutate(options, tuple(statistics), tuple(shifts), (up, down), kind))


def _flanks(options: argparse.Namespace) -> tuple[int, int]:
    up, down, length = options.mut_up, options.mut_down, options.mut_len
    if min(up, down, length) < 0:
        raise OptionsError("-u, -d and -l are numbers of bp, from 0 up")
    if up or down:
        return up, down
    if not length:
        raise OptionsError(
            "how many bases around the center are to be mutated? Give -l, or -u and -d"
        )
    return length // 2, length - length // 2


def _mutate(
    options: argparse.Namespace,
    statistics: tuple[str, ...],
    shifts: tuple[int, ...],
    flanks: tuple[int, int],
    kind: Any,
) -> MutationSummary:
    from whelp.genome.fasta import Fasta
    from whelp.interpreting.measures import TrackStatistics
    from whelp.interpreting.mutagenesis import Mutagenesis, MutationSettings
    from whelp.interpreting.mutation_run import mutate_to_file
    from whelp.interpreting.region_file import RegionFile
    from whelp.interpreting.regions import Flanks
    from whelp.loading import load
    from whelp.scoring.predictor import Predictor
    from whelp.scoring.run import describe_run
    from whelp.scoring.untransform import is_old
    from whelp.specs import TargetsTable

    targets = TargetsTable.read(options.targets_file)
    # Models are trained with N as 0, and so is N elsewhere in Baskerville.
    unknown = _UNKNOWN if kind == "variants" else 0
    settings = MutationSettings(shifts=shifts, rc=options.rc, half=True, unknown=unknown)
    path = options.bed_file if kind == "bed" else options.vcf_file
    named = {"params": options.params_file, "weights": options.model_file, "regions": path}
    named |= {"targets": Path(options.targets_file), "genome": Path(options.genome_fasta)}
    with Fasta(options.genome_fasta) as fasta, ScoreBar("bases") as bar:
        model = load(options.params_file, options.model_file, trunk=False)
        old = options.untransform_old or None
        measure = TrackStatistics(targets, statistics, old=is_old(model.spec, old))
        say_transform(model.spec, old)
        predictor = Predictor.of(model, targets, settings)
        mutagenesis = Mutagenesis(predictor, fasta, measure=measure, settings=settings)
        return mutate_to_file(
            mutagenesis,
            RegionFile(path, fasta, predictor.length, Flanks(*flanks), kind),
            Path(options.out_dir),
            run=describe_run(settings, named, statistics=statistics, old=old, flanks=flanks),
            progress=bar.show,
        )
