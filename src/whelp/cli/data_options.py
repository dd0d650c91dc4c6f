"""The options of `whelp data`, and the settings that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, NEW_FOLDER
from whelp.cli.errors import import_backend

if TYPE_CHECKING:
    from whelp.making import DataSettings, WindowSettings

_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.argument("genome", type=EXISTING_FILE),
    click.argument("targets", type=EXISTING_FILE),
    click.option(
        "-o",
        "--out",
        "--out-dir",
        "out_dir",
        type=NEW_FOLDER,
        required=True,
        help="Folder of the data set.",
    ),
    click.option(
        "--model",
        type=EXISTING_FILE,
        help="params.json of the model that is to be trained: its lengths, crop and bins.",
    ),
    click.option("-l", "--seq-length", type=int, help="Sequence, bp.  [default: 131072]"),
    click.option(
        "-c", "--crop", "crop_bp", type=int, help="Crop from both sides, bp.  [default: 0]"
    ),
    click.option("-w", "--pool-width", type=int, help="Width of a bin, bp.  [default: 32]"),
    click.option("-f", "--folds", type=int, help="Folds of cross-validation, in their place."),
)
_TRACK_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option(
        "-t", "--test", help="Test: share of the genome, chromosomes, or labels.  [default: 0.05]"
    ),
    click.option("-v", "--valid", help="Validation, in the same way.  [default: 0.05]"),
    click.option(
        "--windows",
        "--pretrained-split",
        "regions",
        type=EXISTING_FILE,
        help="sequences.bed, whose windows and labels are taken.",
    ),
    click.option("-g", "--gaps", type=EXISTING_FILE, help="BED of assembly gaps."),
    click.option("--limit", type=EXISTING_FILE, help="BED of what windows are limited to."),
    click.option("--peaks-only", is_flag=True, help="Limit windows to the peaks in BED tracks."),
    click.option(
        "--stride",
        "stride_train",
        type=float,
        help="Step between training windows, bp, or up to 1 a share of the sequence.  [default: "
        "targets side by side]",
    ),
    click.option("--stride-test", type=float, help="Step of validation and test windows."),
    click.option("--snap", type=int, help="Begin windows at multiples of this, bp."),
    click.option(
        "--break-length",
        type=int,
        help="Break longer contigs, bp.  [default: 786432; less in small genomes]",
    ),
    click.option("-s", "--sample", type=float, help="Share of the windows that is kept."),
    click.option("--seed", type=int, help="Seed of the split and the order.  [default: 44]"),
    click.option("-u", "--unmappable", type=EXISTING_FILE, help="BED of unmappable regions."),
    click.option(
        "--unmappable-fraction",
        type=float,
        help="Leave out windows with this share of unmappable bins or more.  [default: 0.5]",
    ),
    click.option("--umap-clip", type=float, help="Clip unmappable bins to this quantile."),
    click.option("--umap-tfr", is_flag=True, help="Store in the records what is unmappable."),
    click.option("-b", "--blacklist", type=EXISTING_FILE, help="BED of untrustworthy regions."),
    click.option("-i", "--interp-nan", is_flag=True, help="Interpolate where there is no value."),
    click.option("--transform-old", is_flag=True, help="The targets of the Borzoi paper."),
    click.option("-d", "--decimals", type=int, help="Round targets, for smaller files."),
    click.option("-r", "--seqs-per-tfr", type=int, help="Windows in a file.  [default: 256]"),
    click.option("--chr-prepend", is_flag=True, help="Tracks say 1 where the genome says chr1."),
    click.option("--chr-strip", is_flag=True, help="Tracks say chr1 where the genome says 1."),
    click.option(
        "--missing-contigs",
        type=click.Choice(("error", "zeros")),
        help="What tracks mean that lack a contig.  [default: error]",
    ),
    click.option("--keep-coverage", is_flag=True, help="Keep the binned tracks in seqs_cov/."),
    click.option("-p", "--processes", type=int, help="Processes.  [default: one a core]"),
)
_RUN_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option("--plan", "plan_only", is_flag=True, help="Show the windows and stop."),
    click.option("--resume", is_flag=True, help="Go on with the data set that is in the folder."),
    click.option("--overwrite", is_flag=True, help="Replace the data set that is in the folder."),
    click.option("--no-report", is_flag=True, help="Write no report.html."),
)
_WINDOW_NAMES = (
    "seq_length",
    "crop_bp",
    "pool_width",
    "stride_train",
    "stride_test",
    "snap",
    "break_length",
    "folds",
    "test",
    "valid",
    "gaps",
    "limit",
    "peaks_only",
    "sample",
    "seed",
    "unmappable",
    "unmappable_fraction",
    "regions",
)
_DATA_NAMES = (
    "blacklist",
    "interp_nan",
    "transform_old",
    "decimals",
    "umap_clip",
    "umap_tfr",
    "seqs_per_tfr",
    "chr_prepend",
    "chr_strip",
    "missing_contigs",
    "keep_coverage",
    "processes",
)


def data_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the arguments and options of `whelp data`."""
    return _with(function, (*_OPTIONS, *_TRACK_OPTIONS, *_RUN_OPTIONS))


def track_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say how windows are laid and tracks are read."""
    return _with(function, _TRACK_OPTIONS)


def _with(
    function: Callable[..., Any], options: Sequence[Callable[[Any], Any]]
) -> Callable[..., Any]:
    for option in reversed(options):
        function = option(function)
    return function


def settings_of(options: dict[str, Any]) -> DataSettings:
    """Makes settings of the options that were given; with a model, by its lengths.

    Raises:
        ValueError: Other lengths were asked for than the model's.
        whelp.specs.SpecError: The model's parameters are wrong.
        OSError: They cannot be read.
    """
    from whelp.making import DataSettings

    return DataSettings(windows=_window_settings(options), **_given(options, _DATA_NAMES))


def track_settings(options: dict[str, Any]) -> DataSettings:
    """Makes settings of the options that were given; lengths are left to the model."""
    from whelp.making import DataSettings, WindowSettings

    windows = WindowSettings(**_given(options, _WINDOW_NAMES))
    return DataSettings(windows=windows, **_given(options, _DATA_NAMES))


def _given(options: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the options that were given; 0 is a value."""
    chosen = {name: options.get(name) for name in names}
    return {
        name: value for name, value in chosen.items() if value is not None and value is not False
    }


def _window_settings(options: dict[str, Any]) -> WindowSettings:
    from whelp.making import WindowSettings

    given = _given(options, _WINDOW_NAMES)
    if options["model"] is not None:
        given = _model_lengths(options["model"], given)
    settings = WindowSettings(**given)
    for name in ("stride_train", "stride_test"):
        if name not in given:
            # Side by side, or as training windows are.
            step = given.get("stride_train", settings.target_bp)
            settings = replace(settings, **{name: step})
    return settings


def _model_lengths(params: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Add a model's lengths; others that were given must be the same."""
    import_backend()
    from whelp.inspection import model_facts, skeleton
    from whelp.specs import load_params

    facts = model_facts(skeleton(load_params(params).model))
    own = {
        "seq_length": facts.seq_length,
        "crop_bp": facts.crop * facts.stride,
        "pool_width": facts.stride,
    }
    for name, value in own.items():
        if given.get(name, value) != value:
            raise ValueError(
                f"{params}: the model's {name} is {value}, and {given[name]} was asked for; leave "
                "out one of them"
            )
    return {**given, **own}
