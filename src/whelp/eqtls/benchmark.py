"""The benchmark of eQTLs: tissue by tissue, against the distance to the start of the gene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.eqtls.accuracy import areas, signs
from whelp.eqtls.errors import EqtlError
from whelp.eqtls.forest import ForestSettings, forest_accuracy
from whelp.eqtls.gathering import by_variant, gather, missing_fields
from whelp.eqtls.records import Eqtl, InfoTags, Unused
from whelp.eqtls.score_files import ScoreFiles
from whelp.eqtls.tissues import read_tissues, tissue_tracks
from whelp.eqtls.tss import StartSites
from whelp.wording import listed

Floats = npt.NDArray[Any]

# Shares of variants with a score from whose difference on users are told.
_UNLIKE = 0.05


@dataclass(frozen=True)
class EqtlSettings:
    """How the benchmark is done.

    Attributes:
        statistic: The statistic of the scores; see `ScoreFiles`.
        tags: Names of the fields of INFO.
        genes: Annotation for distances that INFO does not give, GTF or GFF3.
        least: The fewest causal variants of a tissue.
        forest: How random forests are validated; None for none.
    """

    statistic: str | None = None
    tags: InfoTags = field(default_factory=InfoTags)
    genes: str | Path | None = None
    least: int = 32
    forest: ForestSettings | None = field(default_factory=ForestSettings)


@dataclass(frozen=True)
class EqtlBenchmark:
    """What came of the benchmark.

    Attributes:
        metrics: A row a tissue; see `benchmark_eqtls`.
        variants: A row for each tissue and variant: tissue, variant, chrom, pos, ref, alt, gene,
            label (pos or neg), coef (the effect), pred (the score), measured (whether it has one),
            tss_dist (bp), and perhaps forest (predicted probability).
        statistic: The statistic.
        is_signed: Whether it says which way a variant acts.
        left_out: Tissue -> why it was left out.
        unused: Records that could not be used.
        notes: What a user should be told.
    """

    metrics: pd.DataFrame
    variants: pd.DataFrame
    statistic: str
    is_signed: bool
    left_out: dict[str, str]
    unused: list[Unused]
    notes: list[str] = field(default_factory=list)


def benchmark_eqtls(
    causal: str | Path,
    negatives: str | Path,
    tissues: str | Path,
    scores: str | Path | Sequence[str | Path],
    *,
    settings: EqtlSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EqtlBenchmark:
    """Measure how well scores tell causal eQTLs from matched negatives, and the sign of effects.

    A variant's score in a tissue is the mean over the tissue's tracks, of the alternate against the
    reference allele: the effect is turned where the effect allele is the reference, the score where
    the scored file has the alleles the other way round. With scores by gene each variant has that
    of the gene that it names; else several genes of a variant are united (see `by_variant`). What
    has no score, for the model does not see it, has 0.

    The benchmark follows calico/westminster, whose columns the tables have. It tells causal
    variants by the score's absolute value; `auroc_distance` does so by minus the distance to the
    transcription start site, and `auroc_forest` by random forests on the scores of all tracks, in
    cross-validation.

    Args:
        causal: Causal variants: VCF whose INFO names tissue, gene, effect and effect allele (see
            `InfoTags`), or a folder of TISSUE_pos.vcf.
        negatives: Matched negatives, the same without effects, or a folder of TISSUE_neg.vcf.
        tissues: Table of tissues and their tracks; see `read_tissues`.
        scores: Files of scores, by track or by gene, that hold both kinds of variants.
        settings: How.
        progress: Called with the number of tissues that are done, and of all.

    Returns:
        The numbers. `metrics` has a row a tissue: tissue, variants (causal), negatives, tracks;
        auroc_sign, auprc_sign, spearmanr; auroc_class, auprc_class, auroc_distance, auprc_distance,
        perhaps auroc_forest, auroc_forest_sem, auprc_forest; measured and negatives_measured
        (shares of causal variants and of negatives that have a score), and measured_auroc_sign,
        measured_auprc_sign, measured_spearmanr, measured_auroc_class, measured_auprc_class over
        what has one.

    Raises:
        EqtlError: Variants, scores and tissues do not go together; or no tissue is left.
        whelp.genome.variants.VariantError: A VCF cannot be read.
        whelp.genome.genes.GenesError: The annotation cannot be read.
    """
    chosen = settings or EqtlSettings()
    paths = [scores] if isinstance(scores, str | Path) else list(scores)
    table = read_tissues(tissues)
    sites = None if chosen.genes is None else StartSites.read(chosen.genes)
    with ScoreFiles(paths, chosen.statistic) as files:
        tracks = tissue_tracks(table, files.tracks, tissues)
        how: dict[str, Any] = {"needs_gene": files.by_gene, "sites": sites}
        members = gather(causal, chosen.tags, causal=True, **how)
        others = gather(negatives, chosen.tags, causal=False, **how)
        left_out = {
            name: "the table of tissues has no row for it"
            for name in members.tissues
            if name not in table
        }
        done = []
        for number, (tissue, own) in enumerate(tracks.items(), start=1):
            both = _both(members.of(tissue), others.of(tissue), files.by_gene)
            if why := _too_few(both, chosen.least):
                left_out[tissue] = why
            else:
                done.append(_tissue(tissue, both, files, own, chosen))
            if progress is not None:
                progress(number, len(tracks))
        unused = [*members.unused, *others.unused]
        _check(done, left_out, unused, paths=paths)
        metrics = pd.DataFrame([numbers for numbers, _ in done])
        return EqtlBenchmark(
            metrics,
            pd.concat([variants for _, variants in done], ignore_index=True),
            files.statistic,
            files.is_signed,
            left_out,
            unused,
            [*missing_fields(members, others, chosen.tags), *_unlike(metrics)],
        )


def _both(
    causal: list[Eqtl], negatives: list[Eqtl], by_gene: bool
) -> tuple[list[Eqtl], list[Eqtl]]:
    """Unite genes where scores are not by gene; negatives that are causal are none."""
    if not by_gene:
        causal, negatives = by_variant(causal), by_variant(negatives)
    known = {_identity(one, by_gene) for one in causal}
    return causal, [one for one in negatives if _identity(one, by_gene) not in known]


def _identity(one: Eqtl, by_gene: bool) -> tuple[str, int, str, str, str]:
    first, second = sorted((one.ref, one.alt))
    return one.chrom.removeprefix("chr"), one.position, first, second, one.gene if by_gene else ""


def _too_few(both: tuple[list[Eqtl], list[Eqtl]], least: int) -> str:
    causal, negatives = both
    if len(causal) < least:
        return f"it has {len(causal)} causal variants, and at least {least} are asked for"
    return "" if negatives else "it has no negatives"


def _tissue(
    tissue: str,
    both: tuple[list[Eqtl], list[Eqtl]],
    files: ScoreFiles,
    tracks: list[int],
    settings: EqtlSettings,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure one tissue: a row of the metrics, and its variants."""
    variants = [*both[0], *both[1]]
    rows = files.find(variants)
    table = _variants(tissue, both)
    table["pred"] = files.read(rows, tracks).mean(axis=1, dtype=np.float64)
    table["measured"] = rows.found
    numbers = {
        "tissue": tissue,
        "variants": len(both[0]),
        "negatives": len(both[1]),
        "tracks": len(tracks),
        **_signs(table, files.is_signed),
        **_classes(table),
    }
    causal = (table["label"] == "pos").to_numpy()
    distances = -table["tss_dist"].to_numpy()
    numbers["auroc_distance"], numbers["auprc_distance"] = areas(causal, distances)
    if settings.forest is not None:
        numbers |= _forest(table, files.read(rows, range(len(files.tracks))), settings.forest)
    seen = table[table["measured"]]
    numbers["measured"] = float(table["measured"][causal].mean())
    numbers["negatives_measured"] = float(table["measured"][~causal].mean())
    for name, value in {**_signs(seen, files.is_signed), **_classes(seen)}.items():
        numbers[f"measured_{name}"] = value
    return numbers, table


def _variants(tissue: str, both: tuple[list[Eqtl], list[Eqtl]]) -> pd.DataFrame:
    variants = [*both[0], *both[1]]
    return pd.DataFrame(
        {
            "tissue": tissue,
            "variant": [one.id for one in variants],
            "chrom": [one.chrom for one in variants],
            "pos": [one.position for one in variants],
            "ref": [one.ref for one in variants],
            "alt": [one.alt for one in variants],
            "gene": [one.gene for one in variants],
            "label": ["pos"] * len(both[0]) + ["neg"] * len(both[1]),
            "coef": [one.effect for one in variants],
            "tss_dist": [one.distance for one in variants],
        }
    )


def _signs(table: pd.DataFrame, is_signed: bool) -> dict[str, float]:
    causal = table[table["label"] == "pos"]
    # A norm says nothing of the sign.
    effects = causal["coef"].to_numpy() if is_signed else np.full(len(causal), np.nan)
    found = signs(effects, causal["pred"].to_numpy())
    return {"auroc_sign": found.auroc, "auprc_sign": found.auprc, "spearmanr": found.spearmanr}


def _classes(table: pd.DataFrame) -> dict[str, float]:
    found = areas((table["label"] == "pos").to_numpy(), table["pred"].abs().to_numpy())
    return {"auroc_class": found.auroc, "auprc_class": found.auprc}


def _forest(table: pd.DataFrame, features: Floats, settings: ForestSettings) -> dict[str, float]:
    found = forest_accuracy(features, (table["label"] == "pos").to_numpy(), settings)
    if found is None:
        return {}
    table["forest"] = found.predicted
    names = ("auroc_forest", "auroc_forest_sem", "auprc_forest")
    return dict(zip(names, found[:3], strict=True))


def _unlike(metrics: pd.DataFrame) -> list[str]:
    """Tell where a score of 0, of what has none, is much commoner in one kind of variants."""
    causal, negatives = metrics[["measured", "negatives_measured"]].mean()
    if abs(causal - negatives) < _UNLIKE:
        return []
    return [
        f"{causal:.0%} of causal variants have a score, and {negatives:.0%} of negatives; the "
        "others count as 0, which tells the two apart by itself. metrics.tsv has the same numbers "
        f"without these: the mean of measured_auroc_class is "
        f"{metrics['measured_auroc_class'].mean():.3f}"
    ]


def _check(
    done: list[tuple[dict[str, Any], pd.DataFrame]],
    left_out: dict[str, str],
    unused: Sequence[Unused],
    *,
    paths: Sequence[str | Path],
) -> None:
    """Refuse a benchmark without tissues, or without scores of both kinds of variants.

    Raises:
        EqtlError: It is one.
    """
    if not done:
        reasons = listed(f"{tissue}: {why}" for tissue, why in left_out.items())
        often = Counter(each.reason for each in unused).most_common(1)
        why = "".join(f"; {number:,} records cannot be used, for {text}" for text, number in often)
        raise EqtlError(f"no tissue can be measured ({reasons or 'there are no variants'}{why})")
    for name, kind in (("measured", "causal variants"), ("negatives_measured", "negatives")):
        if not any(numbers[name] for numbers, _ in done):
            raise EqtlError(
                f"none of the {kind} has scores in {listed(map(str, paths))}: score both files "
                "with `whelp score`, and if by gene, by the genes that INFO names"
            )
