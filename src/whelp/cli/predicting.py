"""`whelp predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, guarded
from whelp.cli.console import count, say, warn
from whelp.cli.model_options import existing, load_model, model_options_without
from whelp.cli.score_display import ScoreBar, say_transform

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.predicting.folder import PredictSummary
    from whelp.predicting.run import Output
    from whelp.predicting.settings import PredictSettings
    from whelp.predicting.tiles import Extent, Windows
    from whelp.predicting.tracks import OutputTracks

_HELP = """\
Predict the tracks of stretches of DNA, as BigWig or HDF5 files.

INPUT is one of

\b
  BED    regions of the genome. A region that is not longer than a prediction gets one window,
         centred on it. A longer one is covered by neighbouring windows.
  FASTA  sequences; no genome is needed. Around sequences shorter than the model's stands N.
  VCF    variants, or a table of them: the reference and the alternate allele of each, in a
         window centred on it, insertions and deletions in the coordinates of the genome.

Values are in the units of the coverage files that the model was trained on, per base: squashing,
soft clips and scales are undone, and sums divided by the length of a bin. What a hard clip brought
down stays down.

Writes bigwig/TRACK.bw, or predictions.h5, or both; of VCF always predictions.h5, and for BigWigs
bigwig/VARIANT/TRACK.ref.bw, .alt.bw and .change.bw, too. Of several models the mean is written, and
beside it the standard deviation over them (divided by their number less one): TRACK.sd.bw, and data
sets NAME_sd in predictions.h5, for a VCF also that of the change. rejected.tsv says which rows
cannot be predicted, and why. Where predictions of windows overlap, BigWigs hold the more central
one, unmixed; predictions.h5 holds all windows.
Memory does not grow with their number, and a run that was stopped goes on with --resume.

\b
Example:
  whelp predict params.json model.h5 regions.bed -g hg38.fa -t data/targets.txt -o predicted
  whelp predict params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    --tracks 'RNA*' --merge-strands --rc --format both -o alleles
"""


@click.command("predict", help=_HELP)
@click.argument("params", type=EXISTING_FILE)
@click.argument("weights", type=EXISTING_FILE)
@click.argument("source", type=EXISTING_FILE, metavar="INPUT")
@click.option("-g", "--genome", type=EXISTING_FILE, help="FASTA, plain or bgzip.")
@click.option(
    "-a",
    "--adapter",
    type=EXISTING_FILE,
    multiple=True,
    help="Adapter file; WEIGHTS are then those of its base. Several are averaged.",
)
@click.option(
    "--replicate",
    type=EXISTING_FILE,
    multiple=True,
    help="Weights of another model, to be averaged with the first; can be given again.",
)
@click.option(
    "--tracks",
    multiple=True,
    help="Tracks to write: identifiers, indexes, or patterns such as 'RNA:*' for identifiers or "
    "descriptions; with commas.  [default: all]",
)
@click.option("--merge-strands", is_flag=True, help="Add the two strands of a track.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["bigwig", "hdf5", "both"]),
    default="bigwig",
    show_default=True,
    help="Files to write.",
)
@click.option(
    "--input-type",
    "kind",
    type=click.Choice(["bed", "fasta", "vcf"]),
    help="What INPUT is.  [default: what it looks like]",
)
@click.option(
    "--overlap",
    type=int,
    help="Overlap of neighbouring predictions over long regions, bp.  [default: such that each bin "
    "has a quarter of the model's length on either side]",
)
@click.option("--strict", is_flag=True, help="Stop if a row cannot be predicted.")
@click.option("--batch-size", default=1, show_default=True, help="Sequences to run at a time.")
@model_options_without("genome", "adapter")
@guarded
def command(params: Path, weights: Path, source: Path, **options: Any) -> None:
    """Predict the tracks of the regions, sequences or variants of INPUT."""
    from whelp.genome.fasta import Fasta
    from whelp.predicting.regions import check_letters, kind_of

    existing(options)
    if options["adapter"] and options["replicate"]:
        raise click.UsageError(
            "--adapter and --replicate exclude each other: give several adapters"
        )
    kind = options["kind"] or kind_of(source)
    if kind == "fasta":
        check_letters(source)
    elif options["genome"] is None:
        raise click.UsageError(f"{source.name} holds places in a genome: give it with -g genome.fa")
    with Fasta(source if kind == "fasta" else options["genome"]) as fasta:
        _predict(params, weights, source, {**options, "kind": kind, "fasta": fasta})


def _predict(params: Path, weights: Path, source: Path, options: dict[str, Any]) -> None:
    from whelp.predicting.tracks import OutputTracks
    from whelp.scoring.untransform import is_old
    from whelp.specs import TargetsTable

    settings = _settings(options)
    models = _models(params, weights, options)
    targets = TargetsTable.read(options["targets"])
    tracks = OutputTracks(
        targets,
        stride=models[0].stride,
        old=is_old(models[0].spec, settings.old),
        patterns=settings.tracks,
        merge=settings.merge_strands,
    )
    say_transform(models[0].spec, settings.old)
    run = _described(params, weights, source, options)
    if options["kind"] == "vcf":
        _predict_variants(models, tracks, source, {**options, "run": run})
    else:
        _predict_windows(models, tracks, source, {**options, "run": run})


def _settings(options: dict[str, Any]) -> PredictSettings:
    from whelp.predicting.settings import PredictSettings

    return PredictSettings(
        tracks=options["tracks"],
        merge_strands=options["merge_strands"],
        rc=options["rc"],
        shifts=tuple(options["shifts"]),
        overlap=options["overlap"],
        old=options["transform_old"],
        batch_size=options["batch_size"],
    )


def _models(params: Path, weights: Path, options: dict[str, Any]) -> list[Any]:
    """Load the replicates."""
    ways = [(weights, adapter) for adapter in options["adapter"]]
    ways = ways or [(file, None) for file in (weights, *options["replicate"])]
    return [load_model(params, file, {**options, "adapter": adapter}) for file, adapter in ways]


def _described(
    params: Path, weights: Path, source: Path, options: dict[str, Any]
) -> dict[str, Any]:
    """Say what the predictions depend on."""
    from whelp.scoring.run import describe_run

    files = {"params": params, "weights": weights, "input": source, "targets": options["targets"]}
    if options["genome"] is not None and options["kind"] != "fasta":
        files["genome"] = options["genome"]
    for name in ("adapter", "replicate"):
        files |= {f"{name} {at}": path for at, path in enumerate(options[name])}
    arithmetic = {name: options[name] for name in ("head", "precision", "tf32", "kind")}
    return describe_run(_settings(options), files, **arithmetic)


def _predict_windows(
    models: list[Any], tracks: OutputTracks, source: Path, options: dict[str, Any]
) -> None:
    from whelp.predicting.forward import Forward, common_extent
    from whelp.predicting.run import predict_windows

    forward = Forward.of_tracks(models, tracks, _settings(options))
    fasta: Fasta = options["fasta"]
    windows, unplaced = _windows(source, fasta, common_extent(models), options)
    with ScoreBar("windows") as bar:
        summary = predict_windows(
            forward,
            tracks,
            windows,
            fasta,
            output=_output(options),
            unplaced=unplaced,
            progress=bar.show,
        )
    _say_end(summary, "windows")


def _windows(
    source: Path, fasta: Fasta, extent: Extent, options: dict[str, Any]
) -> tuple[Windows, list[Any]]:
    """Lay windows over regions or sequences; give the regions that cannot be predicted."""
    from whelp.predicting.regions import bed_windows, fasta_windows

    lengths, overlap = fasta.lengths, options["overlap"]
    if options["kind"] == "bed":
        strict = options["strict"]
        return bed_windows(source, lengths, extent, overlap=overlap, strict=strict)
    windows, short = fasta_windows(lengths, extent, overlap=overlap)
    if short:
        warn(
            f"{count(len(short))} sequences are shorter than the {count(extent.length)} bp of the "
            f"model's, and stand among N: with their real surroundings predictions are better"
        )
    return windows, []


def _predict_variants(
    models: list[Any], tracks: OutputTracks, source: Path, options: dict[str, Any]
) -> None:
    from whelp.predicting.variants import AllelePredictor, predict_variants
    from whelp.scoring.census import VariantFile

    predictor = AllelePredictor(models, tracks, options["fasta"], settings=_settings(options))
    variants = VariantFile(source, options["fasta"], predictor.alleles.longest)
    with ScoreBar() as bar:
        summary = predict_variants(
            predictor,
            variants,
            output=_output(options),
            strict=options["strict"],
            progress=bar.show,
        )
    _say_end(summary, "variants")


def _output(options: dict[str, Any]) -> Output:
    from whelp.predicting.run import Output

    return Output(options["out_dir"], options["form"], options["run"], existing(options))


def _say_end(summary: PredictSummary, what: str) -> None:
    if summary.resumed:
        say(f"{count(summary.resumed)} {what} had been predicted before")
    if summary.rejected:
        rejected = summary.folder / "rejected.tsv"
        warn(f"{count(summary.rejected)} rows cannot be predicted; {rejected} says why")
    say(
        f"{count(summary.predicted)} {what} predicted into {summary.folder} "
        f"({count(len(summary.files))} files)"
    )
