"""hound_snpgene.py: scores by gene next to the reference's, and what the reference gets wrong.

Within 1% of a statistic's largest value and one step of 16-bit floats, and with a correlation
above 0.9999: scores are small differences of large sums.
"""

import importlib.resources
import optparse
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from whelp.genome.genes import read_genes
from whelp.genome.variant_windows import gene_windows

Hound = Callable[..., tuple[int, str, str]]
ALL = "SUM,logSUM,logSED,sqrtSUM,SAX,D1,logD1,sqrtD1,D2,logD2,sqrtD2"
FLAGS = (
    *("-c", "-f", "--float16", "-g", "--indel_stitch", "-o", "-p", "--rc", "--shifts", "--span"),
    *("--stats", "-t", "-u", "--gcs", "--require_gpu", "--tensorrt"),
)


@pytest.fixture
def hound(drop_in: Callable[..., Any]) -> Hound:
    """Runs hound_snpgene.py."""
    return partial(drop_in, "hound_snpgene.py")


@pytest.fixture
def mini(golden: Path) -> tuple[Any, ...]:
    """Options and files of the pretrained mini model, before the variants."""
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    inputs = golden / "snp/inputs"
    targets = Path(__file__).parents[1] / "data" / "hg38" / "targets.txt"
    genes = ("-f", inputs / "hg38_1m.fa.gz", "-g", inputs / "genes.gtf", "-t", targets)
    return (*genes, folder / "params.json", folder / "model.h5")


@pytest.fixture
def tiny_files(score_line: list[Any], tmp_path: Path) -> tuple[Any, ...]:
    """The same of a tiny model and two genes of a random genome; its windows show 1024 bp."""
    genes = tmp_path / "genes.gtf"
    write_genes(genes, ("A", "+", 2900, 3000), ("A", "+", 3080, 3200), ("B", "-", 3420, 3560))
    _, params, weights, _, _, genome, _, targets = score_line
    return ("-f", genome, "-g", genes, "-t", targets, params, weights)


def write_genes(path: Path, *exons: tuple[str, str, int, int]) -> None:
    """Write exons: gene, strand, start and end, bp from 0, half-open."""
    lines = [
        f'chr1\tx\texon\t{start + 1}\t{end}\t.\t{strand}\t.\tgene_id "{gene}"; gene_name "N{gene}";'
        for gene, strand, start, end in exons
    ]
    path.write_text("\n".join(lines) + "\n")


def write_variants(folder: Path, *places: tuple[str, int], path: str = "genes.vcf") -> Path:
    """Write substitutions of the tiny genome: ID and position, bp from 0."""
    bases = (folder / "genome.fa").read_text().splitlines()[1]
    rows = [
        f"chr1\t{at + 1}\t{name}\t{bases[at]}\t{'ACGT'['CATG'.index(bases[at])]}\n"
        for name, at in places
    ]
    (folder / path).write_text("".join(rows))
    return folder / path


def read(folder: Path) -> dict[str, np.ndarray]:
    """Read a file of scores, with names as in the golden runs."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(folder / "scores.h5") as file:
        file.visititems(
            lambda name, data: (
                found.update({name.replace("/", "|"): data[()]})
                if isinstance(data, h5py.Dataset)
                else None
            )
        )
    return found


def assert_same_scores(made: dict, wanted: dict, statistics: Iterable[str]) -> None:
    """Compare the scores of each statistic: the same variants and genes, nearly equal numbers."""
    for statistic in statistics:
        names = [name for name in wanted if name.startswith(f"{statistic}|")]
        assert names and names == sorted(n for n in made if n.startswith(f"{statistic}|"))
        assert {made[name].dtype for name in names} == {np.dtype("float16")}
        ours = np.stack([made[name] for name in names]).astype(float)
        theirs = np.stack([wanted[name] for name in names])
        largest = np.abs(theirs).max()
        limit = 0.01 * float(largest) + float(np.spacing(largest))
        np.testing.assert_allclose(ours, theirs.astype(float), rtol=0, atol=limit)
        assert np.corrcoef(ours.ravel(), theirs.astype(float).ravel())[0, 1] > 0.9999, statistic


def assert_same_run(made: dict, wanted: dict, statistics: Iterable[str]) -> None:
    assert_same_scores(made, wanted, statistics)
    # The reference also lists a gene none of whose exons lies in its window.
    scored = {name.split("|")[2] for name in wanted if "|" in name}
    assert made["gene"].tolist() == [one for one in wanted["gene"] if one.decode() in scored]
    for name, values in wanted.items():
        if "|" not in name and name != "gene":
            assert made[name].tolist() == values.tolist(), name
            assert made[name].dtype.kind == values.dtype.kind, name


def leave_out_joined_at_the_end(made: dict, wanted: dict, annotation: Path) -> None:
    """Take out indels to the left of all bins of a window.

    The reference counts their bin from the end, and compares most bins with ones that the indel has
    moved: what it gives is larger than the change. Here all bins are moved back.
    """
    starts = {
        window.genes[0].identifier: window.start + 32768
        for window in gene_windows(read_genes(annotation), length=131072)
    }
    places = dict(zip(wanted["snp"], wanted["pos"], strict=True))
    sizes: list[tuple[float, float]] = []
    for name in [name for name in wanted if "|" in name]:
        _, variant, gene = name.split("|")
        if places[variant.encode()] <= starts[gene] and not variant.startswith("snp"):
            ours, theirs = made.pop(name), wanted.pop(name)
            if name.startswith("D2|"):
                sizes.append((np.linalg.norm(ours), np.linalg.norm(theirs)))
    assert len(sizes) == 4 and all(ours < theirs / 2 for ours, theirs in sizes)


@pytest.mark.parametrize(
    ("name", "flags", "source"),
    [
        ("g_snps", (), "snps_gene"),
        ("g_cluster", ("-c", "0.2"), "snps_gene"),
        ("g_indels", (), "indels"),
        ("g_indels_stitch", ("--indel_stitch",), "indels"),
    ],
)
def test_scores_are_the_reference_s(
    hound: Hound, mini: tuple, golden: Path, tmp_path: Path, name: str, flags: tuple, source: str
) -> None:
    vcf = golden / f"snp/inputs/{source}.vcf"
    code, out, err = hound(*flags, "--stats", ALL, "-o", tmp_path, *mini, vcf)
    assert code == 0, err
    made, wanted = read(tmp_path), dict(np.load(golden / f"snp/{name}.npz"))
    if name == "g_indels_stitch":
        leave_out_joined_at_the_end(made, wanted, golden / "snp/inputs/genes.gtf")
    assert_same_run(made, wanted, ALL.split(","))
    assert "1 of 7 genes are left out" in err and "(GE)" in err
    rejected = tmp_path / "rejected.tsv"
    if source == "snps_gene":
        assert "8 variants scored, by gene in 14 rows" in out and not rejected.exists()
    else:
        lines = [line.split("\t") for line in rejected.read_text().splitlines()]
        assert {line[5] for line in lines[1:]} == {"it lies in no gene's window"}
        scored = {key.split("|")[1] for key in read(tmp_path) if "|" in key}
        assert len(scored) + len(lines) - 1 == 12


def test_both_strands_and_shifts(hound: Hound, mini: tuple, golden: Path, tmp_path: Path) -> None:
    """With the JS that zeroes everything in the reference."""
    vcf = tmp_path / "two.vcf"
    lines = (golden / "snp/inputs/snps_gene.vcf").read_text().splitlines(keepends=True)
    vcf.write_text("".join([lines[0], lines[3], lines[8]]))
    flags = ("--rc", "--shifts", "0,1,-1", "--stats", f"{ALL},JS")
    code, _, err = hound(*flags, "-o", tmp_path, *mini, vcf)
    assert code == 0, err
    made, wanted = read(tmp_path), dict(np.load(golden / "snp/g_snps_rc_shifts.npz"))
    assert made["snp"].tolist() == [b"g205100", b"g640222"]
    ids = {name.decode() for name in made["snp"]}
    chosen = {name: wanted[name] for name in wanted if ids & {*name.split("|")}}
    assert len(chosen) == 3 * 11
    assert_same_scores(made, chosen, ALL.split(","))
    assert all((made[name] > 0).any() for name in made if name.startswith("JS|"))


def test_change_of_shape(hound: Hound, mini: tuple, golden: Path, tmp_path: Path) -> None:
    """The reference's logJS is normalised over shifts, and so 0 throughout."""
    vcf = golden / "snp/inputs/snps_gene.vcf"
    code, _, err = hound("--stats", "logSUM,JS,logJS", "-o", tmp_path, *mini, vcf)
    assert code == 0, err
    made, wanted = read(tmp_path), dict(np.load(golden / "snp/g_js.npz"))
    assert_same_scores(made, wanted, ["logSUM", "JS"])
    names = [name for name in wanted if name.startswith("logJS")]
    assert len(names) == 14 and not any(wanted[name].any() for name in names)
    assert any((made[name] > 0).any() for name in names)


def test_span(hound: Hound, mini: tuple, golden: Path, tmp_path: Path) -> None:
    """The reference does not pass --span on; here introns count, from one exon's start on."""
    vcf = golden / "snp/inputs/snps_gene.vcf"
    wanted = dict(np.load(golden / "snp/g_span.npz"))
    without = dict(np.load(golden / "snp/g_snps.npz"))
    names = [name for name in wanted if name.startswith("logSUM|")]
    assert all(np.array_equal(wanted[name], without[name]) for name in names)
    code, _, err = hound("--span", "--stats", "logSUM,REF", "-o", tmp_path, *mini, vcf)
    assert code == 0, err
    made = read(tmp_path)
    assert sorted(names) == sorted(name for name in made if name.startswith("logSUM|"))
    # GC and GG have one exon, whose ends are borders of bins; GA has introns.
    limit = 0.01 * max(np.abs(wanted[name]).max() for name in names)
    for name in names:
        same = np.abs(made[name].astype(float) - wanted[name]).max() <= limit
        assert same == ("ENSG03" in name or "ENSG07" in name) or "g180123" in name, name
    # From 200,000 to 210,600 in bins of 32 bp, ends rounded.
    assert made["REF|g205100|ENSG01.1"].shape == (1, 331, 47)


def test_coverage_of_each_bin(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """REF and ALT by bin and shift, of the prediction in place where an indel is not joined."""
    vcf = write_variants(tmp_path, ("a", 2950), ("b", 3450))
    bases = (tmp_path / "genome.fa").read_text().splitlines()[1]
    with vcf.open("a") as file:
        file.write(f"chr1\t3501\tdel\t{bases[3500:3503]}\t{bases[3500]}\n")
    stats = ("--stats", "SUM,REF,ALT", "--shifts", "0,1")
    code, _, err = hound(*stats, "-o", tmp_path / "out", *tiny_files, vcf)
    assert code == 0, err
    made = read(tmp_path / "out")
    # Exons of A lie at 362 to 462 and 542 to 662 bp of what its window shows, those of B at 442.
    assert made["REF|a|A"].shape == (2, 7 + 9, 2)
    assert made["REF|b|B"].shape == made["REF|del|B"].shape == (2, 10, 2)
    for name in ("a|A", "b|A", "a|B", "b|B"):
        change = (made[f"ALT|{name}"].astype(float) - made[f"REF|{name}"]).sum(axis=1).mean(axis=0)
        size = np.abs(made[f"REF|{name}"].astype(float)).sum(axis=1).max()
        np.testing.assert_allclose(change, made[f"SUM|{name}"], atol=1e-3 * size)


def test_no_two_variants_have_one_name(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """IDs that stand twice, none at one position, two alternates, slashes; as alone in a file."""
    vcf = write_variants(
        tmp_path, ("rs1", 2950), ("rs1", 3100), (".", 3150), ("up/down", 3450), ("rs1", 3500)
    )
    rows = [line.split("\t") for line in vcf.read_text().splitlines()]
    rows[2][4] += "," + "ACGT"["GCTA".index(rows[2][3])]
    vcf.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    code, _, err = hound("-o", tmp_path / "out", *tiny_files, vcf)
    assert code == 0, err
    made = read(tmp_path / "out")
    names = [b"rs1", b"rs1#2", b"chr1:3151", b"chr1:3151#4", b"up|down", b"rs1#6"]
    assert made["snp"].tolist() == names
    assert made["pos"].tolist() == [2951, 3101, 3151, 3151, 3451, 3501]
    groups = {name.split("|", 1)[1] for name in made if name.startswith("logSUM|")}
    assert groups == {f"{name.decode()}|{gene}" for name in names for gene in "AB"}
    single = write_variants(tmp_path, ("rs1", 3100), path="one.vcf")
    assert hound("-o", tmp_path / "one", *tiny_files, single)[0] == 0
    np.testing.assert_allclose(
        made["logSUM|rs1#2|A"].astype(float),
        read(tmp_path / "one")["logSUM|rs1|A"].astype(float),
        rtol=2e-3,
    )


def test_genes_of_one_identifier(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    write_genes(tmp_path / "genes.gtf", ("A", "+", 2900, 3000), ("A", "-", 3420, 3560))
    vcf = write_variants(tmp_path, ("v", 3200))
    assert hound("-o", tmp_path / "out", *tiny_files, vcf)[0] == 0
    made = read(tmp_path / "out")
    assert made["gene"].tolist() == [b"A:chr1:2901+", b"A:chr1:3421-"]
    assert {"logSUM|v|A:chr1:2901+", "logSUM|v|A:chr1:3421-"} < set(made)


_KILLED = """
import os, signal, sys
from whelp.cli import hound_snpgene
from whelp.scoring.rows import RowFolder

append = RowFolder.append
made = []

def append_and_stop(self, rows):
    append(self, rows)
    self.flush()
    made.append(len(rows))
    if len(made) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

RowFolder.append = append_and_stop
hound_snpgene.main()
"""


def test_killed_and_called_again(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """The same bytes come out as of a run that nothing happened to."""
    places = [(f"v{at}", at) for at in range(2600, 3800, 15)]
    vcf = write_variants(tmp_path, ("far", 30), *places)
    options = ("--indel_stitch", "--stats", "logSED,D2")
    line = [*options, "-o", tmp_path / "killed", *tiny_files, vcf]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *map(str, line)], timeout=300)
    assert killed.returncode == -9
    folder = tmp_path / "killed"
    assert not (folder / "scores.h5").exists()
    with (folder / ".scores.unfinished/rows").open("ab") as file:
        file.write(b"half a row")
    code, out, err = hound(*line)
    assert code == 0 and "scores by gene had been made before" in out, err
    assert hound(*options, "-o", tmp_path / "whole", *tiny_files, vcf)[0] == 0
    whole = (tmp_path / "whole/scores.h5").read_bytes()
    assert (folder / "scores.h5").read_bytes() == whole
    assert sorted(path.name for path in folder.iterdir()) == ["rejected.tsv", "scores.h5"]
    assert "far\t" in (folder / "rejected.tsv").read_text()


def test_jobs_share_the_variants(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    vcf = write_variants(tmp_path, *((f"v{at}", at) for at in (2800, 2900, 3300, 3500, 3550)))
    flags, files = tiny_files[:6], tiny_files[6:]
    values = {"genome_fasta": str(flags[1]), "genes_gtf": str(flags[3]), "processes": 2}
    values |= {"targets_file": str(flags[5]), "out_dir": str(tmp_path / "jobs")}
    options = tmp_path / "options.pkl"
    options.write_bytes(pickle.dumps(optparse.Values({**values, "shifts": "0"})))
    for job in (0, 1):
        code, _, err = hound(options, *files, vcf, job)
        assert code == 0, err
    parts = [read(tmp_path / f"jobs/job{job}") for job in (0, 1)]
    assert [part["snp"].tolist() for part in parts] == [
        [b"v2800", b"v2900"],
        [b"v3300", b"v3500", b"v3550"],
    ]


def test_no_variants(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """Also where the strands of a pair are of two groups, which only whelp's own files hold."""
    targets = tmp_path / "targets.txt"
    targets.write_text(targets.read_text().replace("T cell", "B cell", 1))
    (tmp_path / "none.vcf").write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n")
    code, out, err = hound("-o", tmp_path / "out", *tiny_files, tmp_path / "none.vcf")
    assert code == 0 and "0 variants scored" in out, err
    made = read(tmp_path / "out")
    assert made["snp"].shape == made["gene"].shape == (0,)
    assert not any(name.startswith("logSUM|") for name in made)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gcs",), "whelp reads and writes local files"),
        (("--tensorrt",), "give the .h5 weights"),
        (("--stats", "logSAD"), "'logSAD' is not a statistic"),
        (("-c", "-1"), "a share of its length, from 0 to less than 1; received -1"),
    ],
)
def test_refused(
    hound: Hound, tiny_files: tuple, tmp_path: Path, arguments: tuple, message: str
) -> None:
    vcf = write_variants(tmp_path, ("v", 3000))
    code, _, err = hound(*arguments, "-o", tmp_path / "out", *tiny_files, vcf)
    assert code == 1 and message in err and "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_the_reference_s_flags(
    hound: Hound, tiny_files: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HG38", raising=False)
    code, out, _ = hound("--help")
    assert code == 0
    for flag in FLAGS:
        assert f"  {flag}" in out, flag
    without = [word for word in tiny_files if word not in tiny_files[2:4]]
    code, _, err = hound(*without, "x.vcf")
    assert code == 2 and "genes are needed: -g genes.gtf" in err
    monkeypatch.setenv("HG38", "/human")
    code, _, err = hound(*without, write_variants(tmp_path, ("v", 3000)))
    assert code == 1 and "/human/genes/gencode41/gencode41_basic_nort.gtf" in err
