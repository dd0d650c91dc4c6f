"""`whelp data`."""

from __future__ import annotations

import functools
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.cluster_options import check_cluster, chosen_runner, cluster_options
from whelp.cli.common import command_line, guarded
from whelp.cli.console import count, say, show_facts, warn
from whelp.cli.data_display import DataBar, say_tracks, say_windows
from whelp.cli.data_options import data_options, settings_of

if TYPE_CHECKING:
    from whelp.making import DataSettings, DataSummary, WindowPlan, WindowSettings

_HELP = """\
Make a data set from a GENOME (FASTA, plain or bgzip) and the tracks of a TARGETS table.

Windows are laid over the genome and shared out between training, validation and test; BigWig, w5,
BED or narrowPeak files are read over them; and everything is written as TFRecords, which `whelp
transfer` and Baskerville read. `whelp targets` makes the table. With --model the lengths are those
of a model. With --windows the windows and labels are those that a model was pretrained with, so
that it is tested where it was never trained.

A run that was stopped goes on with --resume. With --cluster, Dask's workers do it, track by track
and stretch by stretch of the windows. With --part I/N several jobs share it that know nothing of
each other: each reads its tracks, called again its records, and `whelp gather OUT` ends the work.

\b
OUT then holds
  tfrecords/          the windows: sequence and targets
  targets.txt, sequences.bed, contigs.bed, statistics.json
  report.html         windows along the genome, coverage and clipping of each track

\b
Example:
  whelp data hg38.fa targets.txt --out data --model params.json
  whelp data hg38.fa targets.txt --out data --model params.json --test chr8 --valid chr9 \\
      --gaps gaps.bed --blacklist blacklist.bed --unmappable umap.bed --umap-clip 0.5
  whelp data hg38.fa targets.txt --out data --model params.json \\
      --windows sequences_human.bed --test fold3 --valid fold4
  whelp data hg38.fa targets.txt --out parted --model params.json --part 1/2
"""


@click.command("data", help=_HELP)
@data_options
@cluster_options
@functools.partial(guarded, backend=False)
def command(genome: Path, targets: Path, out_dir: Path, **options: Any) -> None:
    """Make a data set from a genome and tracks."""
    if options["resume"] and options["overwrite"]:
        raise click.UsageError("--resume and --overwrite exclude each other")
    check_cluster(options)
    settings = settings_of(options)
    if options["plan_only"]:
        _say_plan(genome, targets, settings)
        return
    if options["part"] is not None:
        _make_part(genome, targets, out_dir, settings, part=options["part"])
        return
    from whelp.making import make_data

    if options["overwrite"] or options["cluster"] is not None:
        # Nothing is removed, and no worker asked for, before the input is known to be good.
        _plan(genome, targets, settings)
    if options["overwrite"]:
        _remove(out_dir)
    with chosen_runner(options, gpus=False) as runner, DataBar() as bar:
        summary = make_data(
            genome,
            targets,
            out_dir,
            settings,
            resume=options["resume"],
            runner=runner,
            progress=bar,
        )
    say_data(summary, genome, report=not options["no_report"])


def _make_part(
    genome: Path, targets: Path, out_dir: Path, settings: DataSettings, *, part: tuple[int, int]
) -> None:
    from whelp.making.parts import make_part

    number, parts = part
    with DataBar() as bar:
        made = make_part(genome, targets, out_dir, settings, part=part, progress=bar)
    for note in made.notes:
        warn(note)
    done = f"{count(made.tracks)} tracks read, or stretches of them"
    say(f"part {number} of {parts}: {done}; {count(made.records)} record files written")
    if made.waiting:
        say(
            f"{count(len(made.waiting))} tracks of other parts are not read yet. When they are, "
            f"the same command writes this part's records; `whelp gather {out_dir}` would write all"
        )
    else:
        say(f"when all parts are made, `whelp gather {out_dir}` ends the data set")


def gather(out_dir: Path) -> None:
    """Ends a data set whose parts were made, as `whelp gather` does."""
    from whelp.making.parts import gather_data, read_order

    genome = read_order(out_dir).genome
    with DataBar() as bar:
        summary = gather_data(out_dir, progress=bar)
    say_data(summary, genome, report=True)


def _plan(genome: Path, targets: Path, settings: DataSettings) -> WindowPlan:
    """Check input, but for the contents of the tracks, and lay the windows; nothing is written."""
    from whelp.genome.fasta import chromosome_lengths
    from whelp.making import plan_windows
    from whelp.making.inputs import check_contigs, plan_tracks
    from whelp.specs import TargetsTable

    settings.check()
    table = TargetsTable.read(targets)
    jobs = plan_tracks(table, settings).jobs
    plan = plan_windows(genome, table, settings.windows)
    told = check_contigs(jobs, plan.windows, chromosome_lengths(genome), settings)
    return replace(plan, notes=[*plan.notes, *told])


def _say_plan(genome: Path, targets: Path, settings: DataSettings) -> None:
    plan = _plan(genome, targets, settings)
    for note in plan.notes:
        warn(note)
    _say_lengths(settings.windows)
    say_windows(plan.windows)


def _say_lengths(windows: WindowSettings) -> None:
    bins = f"{count(windows.target_length)} bins of {windows.pool_width} bp"
    crop = f"after a crop of {count(windows.crop_bp)} bp a side"
    show_facts(
        [
            ("sequence", f"{count(windows.seq_length)} bp"),
            ("targets", f"{bins} = {count(windows.target_bp)} bp, {crop}"),
        ]
    )


def say_data(summary: DataSummary, genome: Path, *, report: bool) -> None:
    """Prints what a finished data set holds, and writes its report."""
    from whelp.genome.fasta import chromosome_lengths
    from whelp.making import read_windows_bed

    for note in summary.notes:
        warn(note)
    say_windows(read_windows_bed(summary.path / "sequences.bed"))
    say()
    say_tracks(summary)
    say()
    facts = [("took", f"{summary.seconds:.1f} s"), ("written to", str(summary.path))]
    if report:
        from whelp.making.page import write_page

        shown = {"command": command_line(), "genome": str(genome)}
        page = write_page(summary, lengths=chromosome_lengths(genome), facts=shown)
        facts.append(("report", str(page)))
    show_facts(facts)


def _remove(folder: Path) -> None:
    """Remove a data set that whelp made; nothing else is removed."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    from whelp.making.folder import is_data_folder

    if not is_data_folder(folder):
        raise ValueError(
            f"{folder}: the folder holds something that whelp did not make, and is not replaced; "
            "choose another folder"
        )
    shutil.rmtree(folder)
