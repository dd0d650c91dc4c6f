"""Make this set: variants of three tissues, their scores, and what westminster's scripts answer.

python make_files.py WESTMINSTER SCRATCH, with h5py, joblib, matplotlib, pandas, pybedtools,
scikit-learn, seaborn, tqdm and xgboost; WESTMINSTER is a clone of calico/westminster.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
TISSUES = {"Liver": "liver", "Brain_Cortex": "brain", "Whole_Blood": "blood"}
LABELS = [f"RNA:{word} {n}" for word in TISSUES.values() for n in "ab"]
LABELS += ["RNA:lung a", "CAGE:liver cells"]
TRACKS = [*(f"GTEX-{number}" for number in range(7)), "CNhs1"]
GENES = [f"ENSG{number:011d}" for number in range(30)]
VARIANTS = 44


def main(westminster: Path, scratch: Path) -> None:
    """Write the set beside this file."""
    rng = np.random.default_rng(7)
    sites = rng.integers(1_000_000, 9_000_000, len(GENES))
    kinds = [(tissue, kind) for tissue in TISSUES for kind in ("pos", "neg")]
    made = {key: [_variant(rng, key[1]) for _ in range(VARIANTS)] for key in kinds}
    for (tissue, kind), rows in made.items():
        _write_vcf(HERE / f"{tissue}_{kind}.vcf", rows)
    lines = [f"{tissue}\tRNA:{word}*\n" for tissue, word in TISSUES.items()]
    (HERE / "tissues.tsv").write_text("".join(["tissue\ttracks\n", *lines]))
    rows = [row for some in made.values() for row in some]
    flipped, hidden = rng.random(len(rows)) < 0.3, rng.random(len(rows)) < 0.2
    _write_whelp(rows, flipped, hidden)
    for at, key in enumerate(kinds):
        part = slice(at * VARIANTS, (at + 1) * VARIANTS)
        _write_theirs(scratch, "_".join(key), rows[part], flipped[part], hidden[part])
    bed = [f"chr1\t{t}\t{t + 1}\tENST/{g}.1/X\n" for g, t in zip(GENES, sites, strict=True)]
    (scratch / "tss.bed").write_text("".join(bed))
    answers = _answers(westminster, scratch)
    (HERE / "westminster.json").write_text(json.dumps(answers, indent=1) + "\n")


def _variant(rng: np.random.Generator, kind: str) -> tuple:
    position = int(rng.integers(1_000_000, 9_000_000))
    ref, alt = rng.choice(list("ACGT"), 2, replace=False)
    if rng.random() < 0.15:
        alt = ref + alt
    gene, effect = int(rng.integers(0, len(GENES))), float(np.round(rng.normal(), 3))
    distance = int(abs(rng.normal() * (30_000 if kind == "pos" else 60_000)))
    distance = -distance if rng.random() < 0.5 else distance
    info = f"GENE={GENES[gene]}.{gene % 4 + 1};TSSD={distance}"
    if kind == "pos":
        info += f";AFC={effect};PIP=0.95"
    strength = effect if kind == "pos" else rng.normal() * 0.25
    by_track = np.float32(0.4 * strength + rng.normal(size=len(TRACKS)) * 0.5)
    by_gene = np.float32(0.5 * strength + rng.normal(size=len(TRACKS)) * 0.4)
    return position, f"chr1_{position}_{ref}_{alt}_b38", ref, alt, info, by_track, gene, by_gene


def _write_vcf(path: Path, rows: list[tuple]) -> None:
    lines = ["##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"]
    for position, name, ref, alt, info, *_ in rows:
        lines.append(f"chr1\t{position}\t{name}\t{ref}\t{alt}\t.\t.\t{info}\n")
    path.write_text("".join(lines))


def _describe(file: h5py.File, rows: list[tuple], flipped: np.ndarray) -> None:
    ways = [
        (row[3], row[2]) if way else (row[2], row[3])
        for row, way in zip(rows, flipped, strict=True)
    ]
    file["snp"], file["chr"] = _texts(row[1] for row in rows), _texts(["chr1"] * len(rows))
    file["pos"] = np.array([row[0] for row in rows], "u4")
    file["ref_allele"], file["alt_allele"] = (_texts(way[at] for way in ways) for at in (0, 1))
    file["target_ids"], file["target_labels"] = _texts(TRACKS), _texts(LABELS)


def _texts(texts) -> np.ndarray:
    return np.array(list(texts), "S")


def _scores(rows: list[tuple], at: int, flipped: np.ndarray) -> np.ndarray:
    return np.stack([row[at] for row in rows]) * np.where(flipped, -1, 1)[:, None].astype("f4")


def _write_whelp(rows: list[tuple], flipped: np.ndarray, hidden: np.ndarray) -> None:
    with h5py.File(HERE / "scores.h5", "w") as file:
        _describe(file, rows, flipped)
        file["logSUM"] = _scores(rows, 5, flipped)
    seen = np.flatnonzero(~hidden)
    with h5py.File(HERE / "genes.h5", "w") as file:
        _describe(file, rows, flipped)
        file["gene"] = _texts(f"{gene}.9" for gene in GENES)
        file["gene_name"] = _texts(f"G{number}" for number in range(len(GENES)))
        file["gene_chr"], file["gene_strand"] = (_texts([x] * len(GENES)) for x in ("chr1", "+"))
        file["si"], file["share"] = seen.astype("u4"), np.ones(len(seen), "f4")
        file["gi"] = np.array([rows[at][6] for at in seen], "u4")
        file["logSED"] = _scores(rows, 7, flipped)[seen]


def _write_theirs(
    scratch: Path, name: str, rows: list[tuple], flipped: np.ndarray, hidden: np.ndarray
) -> None:
    targets = pd.DataFrame({"identifier": TRACKS, "description": LABELS})
    tracks, genes = scratch / "tracks" / name, scratch / "genes" / name
    for folder in (tracks, genes):
        folder.mkdir(parents=True, exist_ok=True)
    targets.to_csv(tracks / "targets_cov.txt", sep="\t")
    targets.to_csv(genes / "targets_covgene.txt", sep="\t")
    for file_name, ways in (("scores.h5", flipped), ("plain.h5", flipped & False)):
        with h5py.File(tracks / file_name, "w") as file:
            _describe(file, rows, ways)
            file["logSUM"] = _scores(rows, 5, ways)
    seen = np.flatnonzero(~hidden)
    with h5py.File(genes / "scores.h5", "w") as file:
        _describe(file, rows, flipped)
        file["gene_ids"], file["snp_idx"] = _texts(GENES), seen
        file["gene_idx"] = np.array([rows[at][6] for at in seen])
        file["covgene/logSED"] = _scores(rows, 7, flipped)[seen]


def _answers(westminster: Path, scratch: Path) -> dict:
    def run(script: str, *words) -> None:
        path = westminster / "src/westminster/scripts" / script
        env = {**os.environ, "PYTHONPATH": str(westminster / "src"), "HG38": "."}
        subprocess.run([sys.executable, path, *map(str, words)], env=env, check=True)

    def metrics(kind: str) -> list[dict]:
        return pd.read_table(scratch / f"metrics_{kind}" / "metrics.tsv").to_dict("records")

    more = ("-g", HERE, "-o")
    run("westminster_eqtl_gtex.py", *more, scratch / "metrics_tracks", scratch / "tracks")
    genes = (scratch / "metrics_genes", "-b", scratch / "tss.bed", "-s", "covgene/logSED")
    run("westminster_eqtl_gtexg.py", *more, *genes, scratch / "genes")
    forest = {}
    for tissue in TISSUES:
        out = scratch / f"forest_{tissue}"
        both = [scratch / "tracks" / f"{tissue}_{kind}" / "plain.h5" for kind in ("pos", "neg")]
        how = ("-f", 8, "-i", 2, "-n", 128, "--stat", "logSUM", "-o", out)
        run("westminster_classify.py", *how, *both)
        forest[tissue] = np.load(out / "aurocs.npy").tolist()
    return {"tracks": metrics("tracks"), "genes": metrics("genes"), "forest": forest}


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
