"""Small data sets, made from the inputs of the golden set or from nothing."""

import argparse
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from whelp.data.example import parse_example
from whelp.data.tfrecord import read_frames
from whelp.genome.bigwig import write_bigwig_values
from whelp.making.options import DataSettings
from whelp.making.settings import WindowSettings

_TYPES = {"sequence": np.uint8, "target": np.float16, "umap": np.bool_}
_CHROMS = {"chr1": 9000, "chr2": 5000}


class Run(NamedTuple):
    """A run of the reference's hound_data.py, as whelp would be asked for it."""

    genome: Path
    targets: Path
    settings: DataSettings


class Project(NamedTuple):
    """A genome, three BigWigs over it, and their table."""

    folder: Path
    genome: Path
    targets: Path
    settings: DataSettings


@pytest.fixture
def reference_run(golden: Path) -> Callable[[str], Run]:
    """Reads the command of a golden run."""
    index = json.loads((golden / "data" / "index.json").read_text())
    return lambda name: _parse(index[name]["command"])


@pytest.fixture
def in_golden_inputs(golden: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the inputs, which is also where one is: tables name files without folders."""
    monkeypatch.chdir(golden / "data" / "inputs")
    return golden / "data" / "inputs"


@pytest.fixture
def read_records() -> Callable[[Path, str], dict[str, np.ndarray]]:
    """Reads all records of a split: feature -> one row a window."""

    def read(folder: Path, split: str) -> dict[str, np.ndarray]:
        files = sorted(folder.glob(f"tfrecords/{split}-*.tfr"), key=lambda p: (len(p.name), p.name))
        rows = [parse_example(payload) for path in files for payload in read_frames(path)]
        return {
            name: np.stack([np.frombuffer(row[name], _TYPES[name]) for row in rows])
            for name in rows[0]
        }

    return read


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two chromosomes, three tracks with everything there: NaN, zeros, large values."""
    draw = np.random.default_rng(5)
    genome = tmp_path / "genome.fa"
    genome.write_text(
        "".join(f">{c}\n{''.join(draw.choice(list('ACGTN'), n))}\n" for c, n in _CHROMS.items())
    )
    rows = ["\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription"]
    for track in range(3):
        arrays = [(c, draw.gamma(0.5, 2.0, n).astype(np.float32)) for c, n in _CHROMS.items()]
        for _, array in arrays:
            array[draw.random(len(array)) < 0.2] = np.nan
        write_bigwig_values(tmp_path / f"t{track}.bw", _CHROMS, arrays)
        rows.append(f"{track}\ttrack{track}\tt{track}.bw\t384\t64\t1.0\tsum_sqrt\t{track}\tRNA:t")
    targets = tmp_path / "targets.txt"
    targets.write_text("\n".join(rows) + "\n")
    windows = WindowSettings(
        seq_length=512, crop_bp=64, pool_width=32, valid=0.2, test=0.2, break_length=1024
    )
    return Project(tmp_path, genome, targets, DataSettings(windows, seqs_per_tfr=4, processes=1))


def _parse(command: str) -> Run:
    args = _parser().parse_args(shlex.split(command)[1:])
    windows = WindowSettings(
        seq_length=args.l,
        crop_bp=args.c,
        pool_width=args.w,
        stride_train=args.stride_train,
        stride_test=args.stride_test,
        snap=args.snap,
        break_length=args.break_length,
        folds=args.f,
        test=_share(args.t),
        valid=_share(args.v),
        gaps=args.g,
        peaks_only=args.peaks,
        sample=args.s,
        seed=args.seed,
        unmappable=args.u,
        unmappable_fraction=args.umap_t,
        as_reference=True,
    )
    settings = DataSettings(
        windows,
        blacklist=args.b,
        interp_nan=args.i,
        transform_old=args.transform_old,
        decimals=args.d,
        umap_clip=args.umap_clip,
        umap_tfr=args.umap_tfr,
        seqs_per_tfr=args.r,
        keep_coverage=True,
        processes=1,
    )
    return Run(args.genome, args.targets, settings)


def _share(text: str) -> float | str:
    return text if text.startswith("ctg") else float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add: Any = parser.add_argument
    for flag in ("-i", "--local", "--peaks", "--umap_tfr", "--transform_old"):
        add(flag, action="store_true")
    for flag in ("-b", "-g", "-u", "-o"):
        add(flag, type=Path)
    for flag, default in (("-d", None), ("-f", None), ("-p", 1), ("--seed", 44), ("--snap", 1)):
        add(flag, type=int, default=default)
    for flag, default in (("-c", 0), ("-l", 131_072), ("-r", 256), ("-w", 32)):
        add(flag, type=int, default=default)
    add("--break", dest="break_length", type=int, default=786_432)
    for flag in ("-s", "--stride_train", "--stride_test", "--umap_clip"):
        add(flag, type=float, default=1.0)
    add("--umap_t", type=float, default=0.5)
    for flag in ("-t", "-v"):
        add(flag, default="0.05")
    for name in ("genome", "targets"):
        add(name, type=Path)
    return parser
