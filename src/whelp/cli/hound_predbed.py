"""The command hound_predbed.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.console import count, say
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import import_backend
from whelp.cli.hound_options import (
    OptionsError,
    add_flags,
    arrange,
    check_device,
    read_shifts,
    run_drop_in,
)
from whelp.cli.score_display import ScoreBar

if TYPE_CHECKING:
    from whelp.predicting.sites import SitePredictor

_NOTES = """\
Flags, defaults and the layout of predict.h5 are those of Baskerville's command of this name.

Differences: -e works for every layer, also with a targets table, and negative values of embeddings
are kept (Baskerville makes them 0). BigWigs end where their chromosome does. A command that was
stopped goes on where it was when it is called again. `whelp predict` writes one BigWig a track for
all regions, in the units of the coverage files.

With a file of options (pickled, as Baskerville writes it) in front of the other files, its options
are taken; with the number of a job behind them, too, the job's part of the rows is predicted into
job0, job1 ... in the output directory, where -p is how many jobs there are. Else -p does nothing.

example:
  hound_predbed.py -f hg38.fa -t data/targets.txt --rc -u -o out params.json model.h5 regions.bed
"""


def main() -> None:
    """Runs hound_predbed.py on the command line of this process."""
    run_drop_in(_parser(), _run)


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "hound_predbed.py",
        "Predict the sequences around the rows of a BED file.",
        _NOTES,
        usage="%(prog)s [options] [options_pkl] params_file model_file bed_file [job]",
    )
    add: Any = parser.add_argument
    flag = {"action": "store_true"}
    add("-b", "--bigwig_indexes", help="tracks to write as BigWigs, with commas, by place from 0")
    add(
        "-e",
        "--embed_layer",
        type=int,
        help="write the output of this batch norm, from 0, in place of predictions; -1 for the "
        "trunk's",
    )
    add("-f", "--genome_fasta", help="genome FASTA")
    add("-g", "--genome_file", help="table of chromosome lengths, for BigWigs  [default: -f's]")
    add("--head", default=0, type=int, help="head to predict by  [default: %(default)s]")
    add("-l", "--site_length", type=int, help="length of a site, bp  [default: all predicted]")
    add("-o", "--out_dir", default="pred_out", help="output directory  [default: %(default)s]")
    add("-p", "--processes", type=int, help="number of jobs, with the number of one")
    add("-s", "--sum", **flag, help="sum over a site's bins")
    add("-t", "--targets_file", help="targets table: the tracks, and which are strand pairs")
    add("-u", "--untransform", **flag, help="undo the squashing of the targets")
    add_flags(parser, "--rc", "--shifts", "--untransform_old")
    add("files", nargs="+", metavar="FILE", help="params.json, weights (.h5), BED")
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if len(args.files) == 3:
        args.processes = None
    options, files, job = arrange(parser, args)
    if options.genome_fasta is None:
        parser.error("a genome is needed: -f genome.fa")
    transformed = options.untransform or options.untransform_old
    if transformed and options.targets_file is None:
        parser.error("squashing is undone by what a targets table says: -t targets.txt")
    if options.embed_layer is not None and (transformed or options.rc or options.shifts != "0"):
        raise OptionsError(
            "-e gives embeddings of one sequence, which are not squashed: leave out -u, "
            "--untransform_old, --rc and --shifts"
        )
    shifts, bigwigs = read_shifts(options.shifts), _indexes(options.bigwig_indexes)
    import_backend()
    check_device()
    _predict(options, files, job=job, shifts=shifts, bigwigs=bigwigs)


def _indexes(words: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in (words or "").split(",") if word.strip())
    except ValueError:
        raise OptionsError(f"-b {words}: expected whole numbers such as 0,1") from None


def _predict(
    options: argparse.Namespace,
    files: Sequence[Path],
    *,
    job: tuple[int, int],
    shifts: Sequence[int],
    bigwigs: tuple[int, ...],
) -> None:
    from whelp.genome.fasta import Fasta, chromosome_lengths
    from whelp.predicting.sites import SiteFile, SiteSettings, predict_sites
    from whelp.scoring.run import describe_run

    params, weights, bed = files
    settings = SiteSettings(
        options.site_length, options.sum, bigwigs, signed=options.embed_layer is not None
    )
    named = {"params": params, "weights": weights, "bed": bed, "genome": options.genome_fasta}
    named |= {"targets": options.targets_file, "lengths": options.genome_file}
    paths = {name: Path(path) for name, path in named.items() if path is not None}
    names = ("rc", "untransform", "untransform_old", "head", "embed_layer")
    more = {name: getattr(options, name) for name in names}
    out_dir = Path(options.out_dir)
    predictor = _predictor(options, params, weights, settings=settings, shifts=shifts)
    with Fasta(options.genome_fasta) as fasta, ScoreBar("sites") as bar:
        number = predict_sites(
            predictor,
            SiteFile(bed, job),
            fasta,
            out_dir,
            run=describe_run(settings, paths, shifts=list(shifts), job=list(job), **more),
            lengths=chromosome_lengths(options.genome_file) if options.genome_file else None,
            progress=bar.show,
        )
    say(f"{count(number)} sites predicted into {out_dir / 'predict.h5'}")


def _predictor(
    options: argparse.Namespace,
    params: Path,
    weights: Path,
    *,
    settings: Any,
    shifts: Sequence[int],
) -> SitePredictor:
    from whelp.loading import load
    from whelp.models import TRUNK
    from whelp.predicting.embedding import TRUNK_OUTPUT, embedding
    from whelp.predicting.forward import Forward, common_extent
    from whelp.predicting.sites import SitePredictor
    from whelp.scoring.predictor import track_model
    from whelp.scoring.untransform import Untransform, is_old
    from whelp.specs import TargetsTable

    layer = options.embed_layer
    if layer == TRUNK_OUTPUT:
        model = load(params, weights, head=TRUNK, trunk=True)
    else:
        # Embeddings need no head.
        trunk = None if layer is not None else False
        model = load(params, weights, head=options.head, trunk=trunk)
    extent, chosen, swap, transform = common_extent([model]), model, None, None
    if layer is not None:
        chosen, extent = embedding(model, layer)
    elif options.targets_file is not None:
        targets = TargetsTable.read(options.targets_file)
        chosen, swap = track_model(model, targets), targets.strand_pair or range(len(targets))
        if options.untransform or options.untransform_old:
            transform = Untransform(targets, old=is_old(model.spec, options.untransform_old))
    how = {"swap": swap, "rc": options.rc, "shifts": shifts}
    forward = Forward([chosen], extent.length, output=lambda values: values, **how)
    tracks = int(chosen.output_shape[-1])
    return SitePredictor(forward, extent, tracks, settings=settings, transform=transform)
