"""The command hound_data.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.cluster_options import chosen_runner
from whelp.cli.console import say, show_notes, warn
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import run_guarded

if TYPE_CHECKING:
    from whelp.making import DataSettings, WindowSettings

_NOTES = """\
Flags, files and defaults are those of Baskerville's command of this name. Jobs that it gives to
Slurm run here side by side, -p at a time, with and without --local, or with --cluster on Dask's
workers; no bedtools is needed. With --restart it goes on with a data set that was begun, and takes
windows that lie in -o as sequences.bed.

The same windows come out, byte for byte, which means that two faults are kept: the longest contig
is lost, and so are windows that end with their contig. `whelp data` has all windows. Unlike the
original, a job that fails fails the command, and statistics.json counts the windows that are in
the records.

example:
  hound_data.py --local -l 524288 -c 163840 -w 32 -t chr8 -v chr9 -o data hg38.fa targets.txt
"""


def main() -> None:
    """Runs hound_data.py on the command line of this process."""
    args = _parser().parse_args()
    show_notes()
    sys.exit(run_guarded(lambda: _run(args)))


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser("hound_data.py", "Make a data set from a genome and tracks.", _NOTES)
    _add_flags(parser)
    parser.add_argument("fasta_file", type=Path)
    parser.add_argument("targets_file", type=Path)
    return parser


def _add_flags(parser: argparse.ArgumentParser) -> None:
    add: Any = parser.add_argument
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    add("-b", dest="blacklist", type=Path, help="BED of regions to be set to a baseline")
    add("--break", dest="break_t", default=786432, type=int, help=f"break contigs above{default}")
    add("-c", "--crop", dest="crop_bp", default=0, type=int, help=f"crop from each end{default}")
    add("-d", dest="decimals", type=int, help=f"round values to given decimals{default}")
    add("-f", dest="folds", type=int, help=f"make a cross-fold split{default}")
    add("-g", dest="gaps", type=Path, help="BED of assembly gaps")
    add("-i", dest="interp_nan", **flag, help="interpolate NaNs")
    add("-l", dest="seq_length", default=131072, type=int, help=f"sequence length{default}")
    add("--limit", type=Path, help="BED of regions to which contigs are cut")
    add("--local", **flag, help="accepted: jobs run here in any case")
    add("-o", dest="out_dir", default="data_out", type=Path, help=f"output directory{default}")
    add("-p", dest="processes", type=int, help="processes  [default: one a core]")
    add("--peaks", **flag, help="make contigs only from peaks")
    add("-r", dest="seqs_per_tfr", default=256, type=int, help=f"windows in a file{default}")
    add("--restart", **flag, help="go on with what was begun, or with windows that are given")
    add("-s", dest="sample", default=1.0, type=float, help=f"down-sample the windows{default}")
    add("--seed", default=44, type=int, help=f"random seed{default}")
    add("--snap", default=1, type=int, help=f"snap windows to multiples of this{default}")
    add("--st", "--split_test", dest="split_test", **flag, help="exit after the split")
    add("--stride_train", "--stride", default=1.0, type=float, help=f"step of windows{default}")
    add("--stride_test", default=1.0, type=float, help="step of validation and test windows")
    add("-t", dest="test", default="0.05", help=f"share or chromosomes for testing{default}")
    add("-u", dest="umap", type=Path, help="BED of unmappable regions")
    add("--umap_t", default=0.5, type=float, help=f"most unmappable bins of a window{default}")
    add("--umap_clip", default=1.0, type=float, help=f"clip unmappable bins to{default}")
    add("--umap_tfr", **flag, help="save what is unmappable into TFRecords")
    add("-w", dest="pool_width", default=32, type=int, help=f"width of a bin{default}")
    add("-v", dest="valid", default="0.05", help=f"share or chromosomes to validate on{default}")
    add("--transform_old", **flag, help="apply the old target transforms")
    add("--cluster", help="local, the address of a Dask scheduler, or a YAML file of dask-jobqueue")
    add("--workers", type=int, help="workers of --cluster")


def _run(args: argparse.Namespace) -> None:
    from whelp.making import make_data

    if args.out_dir.is_dir() and not args.restart:
        raise FileExistsError(f"Remove output directory {args.out_dir} or use --restart option.")
    settings = _settings(args)
    settings.check()
    _say_strides(settings.windows)
    said = [] if settings.windows.regions is not None else _say_division(args, settings.windows)
    if args.split_test:
        return
    with chosen_runner(vars(args), gpus=False) as runner:
        files = args.fasta_file, args.targets_file, args.out_dir
        summary = make_data(*files, settings, resume=args.restart, runner=runner)
    for track in summary.tracks:
        say(f"Targets sum: {track.sum:.3f}")
    for note in summary.notes:
        if note not in said:
            warn(note)


def _settings(args: argparse.Namespace) -> DataSettings:
    from whelp.making import DataSettings, WindowSettings

    windows = WindowSettings(
        seq_length=args.seq_length,
        crop_bp=args.crop_bp,
        pool_width=args.pool_width,
        stride_train=args.stride_train,
        stride_test=args.stride_test,
        snap=args.snap,
        break_length=args.break_t,
        folds=args.folds,
        test=args.test,
        valid=args.valid,
        gaps=args.gaps,
        limit=args.limit,
        peaks_only=args.peaks,
        sample=args.sample,
        seed=args.seed,
        unmappable=args.umap,
        unmappable_fraction=args.umap_t,
        as_reference=True,
    )
    if args.restart:
        windows = _given_windows(args, windows)
    return DataSettings(
        windows=windows,
        blacklist=args.blacklist,
        interp_nan=args.interp_nan,
        transform_old=args.transform_old,
        decimals=args.decimals,
        umap_clip=args.umap_clip,
        umap_tfr=args.umap_tfr,
        seqs_per_tfr=args.seqs_per_tfr,
        keep_coverage=True,
        processes=args.processes,
    )


def _given_windows(args: argparse.Namespace, windows: WindowSettings) -> WindowSettings:
    """Take the windows that are in the folder, and with -u the mask beside them."""
    given = args.out_dir / "sequences.bed"
    if not given.exists():
        return windows
    mask = args.out_dir / "mseqs_unmap.npy"
    unmappable = mask if args.umap is not None and mask.exists() else args.umap
    return replace(windows, regions=given, unmappable=unmappable)


def _say_strides(windows: WindowSettings) -> None:
    """Prints strides that were given as shares, as the original does."""
    strides = {"stride_train": windows.stride_train}
    if windows.folds is None:
        strides["stride_test"] = windows.stride_test
    for name, stride in strides.items():
        if stride <= 1:
            say(f"{name} {stride:.0f} converted to {stride * windows.seq_length:f}")


def _say_division(args: argparse.Namespace, windows: WindowSettings) -> list[str]:
    """Prints how contigs are shared out, and what is lost; with --st it is all that is written."""
    from whelp.genome.fasta import chromosome_lengths
    from whelp.making import write_windows_bed
    from whelp.making.division import divide_genome
    from whelp.specs import TargetsTable

    targets = TargetsTable.read(args.targets_file)
    division = divide_genome(chromosome_lengths(args.fasta_file), targets, windows)
    total = sum(part.bp for part in division.parts)
    say("Contigs divided into")
    for part in division.parts:
        name = f"{part.label.capitalize()}:"
        width = 6 if windows.folds is None else 0
        share = f"{part.bp:10d} nt ({part.bp / total:.4f})"
        say(f" {name:<{width}} {part.pieces:5d} contigs, {share}")
    for note in division.notes:
        warn(note)
    if args.split_test:
        write_windows_bed(args.out_dir / "contigs.bed", division.contigs)
    return division.notes
