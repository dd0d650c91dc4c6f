"""The miniature project of tests/fitting, and commands run in this process or in their own."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from whelp.genome import dna

_FITTING = Path(__file__).parent.parent / "fitting"


def _module(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_shared = _module("fitting_conftest", _FITTING / "conftest.py")
tiny = _shared.tiny
shared_project = _shared.shared_project
project = _shared.project


@pytest.fixture
def own_data(project: Any) -> Any:
    """The same, with a copy of the data that the test may break."""
    copied = project.folder / "own_data"
    shutil.copytree(project.data, copied)
    return type(project)(project.folder, copied, project.other, project.trunk, project.whole)


@pytest.fixture
def whelp() -> Callable[..., Result]:
    """Runs `whelp` in this process."""
    from whelp.cli.main import main

    def run(*arguments: Any) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def start_whelp() -> Callable[..., "subprocess.Popen[str]"]:
    """Starts `whelp` in a process of its own, with both of its outputs in a pipe."""

    def start(*arguments: Any, **options: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "whelp.cli.main", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            **options,
        )

    return start


@pytest.fixture
def drop_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Any]:
    """Runs a command with Baskerville's name in this process: exit code, and what it printed."""
    text = (_FITTING.parents[1] / "pyproject.toml").read_text()
    scripts = tomllib.loads(text)["project"]["scripts"]

    def run(name: str, *arguments: Any) -> tuple[int, str, str]:
        module, function = scripts[name].split(":")
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            getattr(importlib.import_module(module), function)()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def hound_snp(drop_in: Callable[..., Any]) -> Callable[..., tuple[int, str, str]]:
    """Runs hound_snp.py."""
    return partial(drop_in, "hound_snp.py")


_SCORED = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\tgroup
0\tup+\tx.bw\t384\t320\t0.5\tsum_sqrt\t1\tRNA:up\tT cell
1\tup-\tx.bw\t384\t320\t0.5\tsum_sqrt\t0\tRNA:up\tT cell
2\topen\tx.bw\t32\t32\t1\tmean\t2\tATAC:open\tliver
"""


@pytest.fixture
def score_line(tiny: Any, project: Any, tmp_path: Path) -> list[Any]:
    """The words of `whelp score` without a folder, and its files; 4 variants, one of them unfit."""
    rng = np.random.default_rng(4)
    bases = dna.decode(rng.integers(0, 4, 9000).astype("uint8"))
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases}\n")
    (tmp_path / "targets.txt").write_text(_SCORED)
    lines = ["chr1\t9001\toutside\tA\tC\n"]
    for at in (3000, 3500, 4000):
        lines.append(f"chr1\t{at + 1}\tv{at}\t{bases[at]}\t{'ACGT'['CATG'.index(bases[at])]}\n")
    (tmp_path / "variants.vcf").write_text("".join(lines))
    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 5}})
    files = ["variants.vcf", "-g", "genome.fa", "-t", "targets.txt"]
    paths = [word if word.startswith("-") else tmp_path / word for word in files]
    return ["score", params, project.whole, *paths]
