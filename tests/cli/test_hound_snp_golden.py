"""hound_snp.py: every run of the reference with the pretrained mini model, some of its variants.

Within 1% of a statistic's largest value and one step of 16-bit floats, and with a correlation
above 0.9999: scores are small differences of large sums. Variants of runs with the same options
are scored together, for a command takes seconds to begin.
"""

import importlib.resources
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

Hound = Callable[..., tuple[int, str, str]]
Arrays = dict[str, np.ndarray]
ALL = "SUM,logSUM,logSED,sqrtSUM,SAX,D1,logD1,sqrtD1,D2,logD2,sqrtD2"
_TARGETS = Path(__file__).parents[1] / "data" / "hg38"


@pytest.fixture
def mini(golden: Path) -> tuple[Any, ...]:
    """Options and files of the pretrained mini model, before the variants."""
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    genome = golden / "snp/inputs/hg38_1m.fa.gz"
    files = (folder / "params.json", folder / "model.h5")
    return ("-f", genome, "-t", _TARGETS / "targets.txt", *files)


def read(path: Path) -> Arrays:
    with h5py.File(path / "scores.h5") as file:
        return {name: data[:] for name, data in file.items()}


def reference(golden: Path, name: str) -> Arrays:
    return dict(np.load(golden / f"snp/{name}.npz"))


def assert_close(made: np.ndarray, wanted: np.ndarray, name: str) -> None:
    assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape), name
    ours, theirs = made.astype(float), wanted.astype(float)
    largest = np.abs(wanted).max()
    limit = 0.01 * float(largest) + float(np.spacing(largest))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit, err_msg=name)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9999, name


def assert_same_run(made: Arrays, wanted: Arrays) -> None:
    """Compare everything: names and types of data sets, texts exactly, scores nearly."""
    assert set(wanted) <= set(made)
    for name, values in wanted.items():
        if values.dtype.kind in "Su":
            assert made[name].tolist() == values.tolist(), name
        elif name == "percentiles":
            np.testing.assert_array_equal(made[name], values)
        else:
            assert_close(made[name], values, name)


def records(golden: Path, name: str) -> list[str]:
    lines = (golden / f"snp/inputs/{name}.vcf").read_text().splitlines(keepends=True)
    return [line for line in lines if not line.startswith("#")]


def test_snps_and_the_layout(hound_snp: Hound, mini: tuple, golden: Path, tmp_path: Path) -> None:
    """Runs eqtl_all, bench8, refalt, sad."""
    stats = f"{ALL},JS,logJS,SAD,REF,ALT"
    vcf = golden / "snp/inputs/eqtl.vcf"
    code, out, err = hound_snp("--stats", stats, "-o", tmp_path, *mini, vcf)
    assert code == 0, err
    assert "8 variants scored" in out
    wanted = reference(golden, "eqtl_all")
    made = read(tmp_path)
    assert {*wanted, "SAD", "SAD_pct", "REF", "ALT"} == set(made)
    # The reference's is 0 throughout, and so are its SAD, and REF and ALT, which were not kept.
    assert not wanted.pop("logJS").any() and not wanted.pop("logJS_pct").any()
    assert (made["logJS"] > 0).all()
    assert_same_run(made, wanted)
    assert_same_run(made, reference(golden, "bench8"))
    assert_same_run(made, reference(golden, "refalt"))
    assert not reference(golden, "sad")["SAD"].any()
    np.testing.assert_array_equal(made["SAD"], made["SUM"])
    assert made["REF"].shape == made["ALT"].shape == (8, 1, 2048, 47)
    change = (made["ALT"].astype(float) - made["REF"]).sum(axis=(1, 2))
    np.testing.assert_allclose(change, made["SUM"], atol=0.05 * np.abs(made["SUM"]).max())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.h5"]


_WHOLE = slice(None)
_CLUSTERS = {"eqtl_cluster": "eqtl", "flip_cluster": "eqtl_flip", "indels_cluster": "indels"}
_OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, slice]]]] = {
    "none": (
        (),
        {
            "flip_all": ("eqtl_flip", slice(0, 8, 3)),
            "indels": ("indels", slice(0, 12, 3)),
            "indels_flip": ("indels_flip", slice(1, 12, 3)),
            "edge": ("edge", _WHOLE),
            "bench64": ("snps64", slice(3, 64, 12)),
        },
    ),
    "rc": (("--rc",), {"eqtl_rc": ("eqtl", slice(1, 3))}),
    "rc, shifts": (
        ("--rc", "--shifts", "0,1,-1"),
        {
            "eqtl_rc_shifts": ("eqtl", slice(0, 1)),
            "indels_rc_shifts": ("indels", slice(3, 5)),
        },
    ),
    "stitch": (("--indel_stitch",), {"indels_stitch": ("indels", slice(2, 12, 3))}),
    "stitch, shifts": (
        ("--indel_stitch", "--shifts", "0,1,-1"),
        {"indels_stitch_shifts": ("indels", slice(7, 9))},
    ),
    "cluster": (("-c", "0.1"), {name: (vcf, _WHOLE) for name, vcf in _CLUSTERS.items()}),
    "cluster, stitch": (
        ("-c", "0.1", "--indel_stitch"),
        {"indels_cluster_stitch": ("indels", slice(0, 5))},
    ),
    "old": (("-u",), {"eqtl_old": ("eqtl", slice(5, 7))}),
    "rna": (("-t", str(_TARGETS / "targets_rna.txt")), {"rna": ("eqtl", slice(0, 8, 4))}),
}
"""Options -> the reference's runs with them: the file of variants, and which of them."""


@pytest.mark.parametrize("name", _OPTIONS)
def test_runs(hound_snp: Hound, mini: tuple, golden: Path, tmp_path: Path, name: str) -> None:
    options, runs = _OPTIONS[name]
    lines = [line for vcf, rows in runs.values() for line in records(golden, vcf)[rows]]
    (tmp_path / "some.vcf").write_text("".join(lines))
    words = ("--stats", ALL, "-o", tmp_path / "out", *mini[:4], *options, *mini[4:])
    code, _, err = hound_snp(*words, tmp_path / "some.vcf")
    assert code == 0, err
    made, first = read(tmp_path / "out"), 0
    assert len(made["snp"]) == len(lines)
    for run, (_, rows) in runs.items():
        wanted = reference(golden, run)
        number = len(wanted["snp"])
        # JS, which one of the runs has, and percentiles are compared in the run above.
        wanted = {key: values for key, values in wanted.items() if key in made}
        part = {
            key: values if key.startswith(("target", "perc")) else values[rows]
            for key, values in wanted.items()
        }
        last = first + len(part["snp"])
        ours = {
            key: values[first:last] if len(wanted.get(key, ())) == number else values
            for key, values in made.items()
        }
        widths = {"ref_allele", "alt_allele", "snp"}
        for key in widths:
            ours[key] = ours[key].astype(part[key].dtype)
        assert_same_run(ours, part)
        first = last


def test_several_shifts(hound_snp: Hound, mini: tuple, golden: Path, tmp_path: Path) -> None:
    """Runs eqtl_shifts, _js, _logjs: there JS takes logSUM along to 0, and logJS is wrong.

    Their right values are near to those of one shift, for a base more or less changes little.
    """
    (tmp_path / "some.vcf").write_text("".join(records(golden, "eqtl")[:2]))
    words = ("--shifts", "0,1,-1", "--stats", f"{ALL},JS,logJS", "-o", tmp_path)
    code, _, err = hound_snp(*words, *mini, tmp_path / "some.vcf")
    assert code == 0, err
    made = read(tmp_path)
    for name in ALL.split(","):
        assert_close(made[name], reference(golden, "eqtl_shifts")[name][:2], name)
    assert_close(made["logSUM"], reference(golden, "eqtl_shifts_logjs")["logSUM"][:2], "logSUM")
    wrong = reference(golden, "eqtl_shifts_js")
    assert not wrong["JS"].any() and not wrong["logSUM"].any()
    one, many = (js.astype(float) for js in (reference(golden, "eqtl_all")["JS"][:2], made["JS"]))
    assert (many > 0).all() and (made["logJS"] > 0).all()
    assert np.corrcoef(one.ravel(), many.ravel())[0, 1] > 0.9
    assert 0.5 < np.median(many / one) < 2


def test_half_precision(hound_snp: Hound, mini: tuple, golden: Path, tmp_path: Path) -> None:
    """The reference ignores the flag on a CPU; here it is obeyed, and costs 2% of the largest."""
    (tmp_path / "some.vcf").write_text("".join(records(golden, "eqtl")[:4]))
    words = ("--float16", "--stats", "logSUM,logD2", "-o", tmp_path)
    code, _, err = hound_snp(*words, *mini, tmp_path / "some.vcf")
    assert code == 0, err
    made, wanted, exact = read(tmp_path), reference(golden, "float16"), reference(golden, "bench8")
    for name in ("logSUM", "logD2"):
        np.testing.assert_array_equal(wanted[name], exact[name])
        ours, theirs = made[name].astype(float), wanted[name][:4].astype(float)
        assert (ours != theirs).mean() > 0.5
        assert np.abs(ours - theirs).max() < 0.04 * np.abs(theirs).max()
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.998


def test_what_the_reference_gets_wrong(
    hound_snp: Hound, mini: tuple, golden: Path, tmp_path: Path
) -> None:
    """Runs odd and badref: several bases for others, the second alternate, other first bases.

    And a variant that is not of this genome, with which the reference stops.
    """
    one = "chr1\t180500\ta\tC\tT\n"
    lines = [*records(golden, "odd"), *records(golden, "badref"), one]
    (tmp_path / "odd.vcf").write_text("".join(lines))
    code, _, err = hound_snp("--stats", ALL, "-o", tmp_path, *mini, tmp_path / "odd.vcf")
    assert code == 0 and "1 variants cannot be scored" in err
    assert "bad\tA\tG\tthe genome has C there" in (tmp_path / "rejected.tsv").read_text()
    made, wanted = read(tmp_path), reference(golden, "odd")
    ids = [b"mnv2", b"multiallelic", b"multiallelic", b"del_firstnt_mismatch", b"nochr"]
    assert made["snp"].tolist() == [*ids, b"chr1:188500", b"a"]
    assert made["alt_allele"].tolist() == [b"TT", b"A", b"C", b"A", b"A", b"A", b"T"]
    for name in ALL.split(","):
        # Equal in the rows that the reference has right ...
        assert_close(made[name][[1, 4, 5]], wanted[name][[1, 3, 4]], name)
        # ... and CT to TT is what C to T is; the reference predicts it as N.
        assert (
            np.abs(made[name][0].astype(float) - wanted[name][0]).max() > 0.1 * made[name][0].max()
        )
        np.testing.assert_allclose(made[name][0], made[name][6], rtol=0.01, atol=1e-4)


def test_a_statistic_that_is_not_known(
    hound_snp: Hound, mini: tuple, golden: Path, tmp_path: Path
) -> None:
    """Run unknownstat: 0 with exit code 0 in the reference."""
    assert not reference(golden, "unknownstat")["nope"].any()
    vcf = golden / "snp/inputs/eqtl.vcf"
    code, _, err = hound_snp("--stats", "nope", "-o", tmp_path / "out", *mini, vcf)
    assert code == 1 and "'nope' is not a statistic; expected one or more of SUM" in err
    assert not (tmp_path / "out").exists()
