"""What a report of scored variants shows: the ranking, and pictures of the first of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.genome.alleles import checked_variants
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import cluster_variants
from whelp.genome.variants import Variant
from whelp.interpreting.mutagenesis import Mutagenesis
from whelp.interpreting.mutations import signed_contributions
from whelp.interpreting.regions import Flanks, variant_regions
from whelp.report import Contributions, TrackChange, VariantPicture, VariantTables
from whelp.report.variant_picture import short_allele
from whelp.scoring.alleles import Pair
from whelp.scoring.score_table import top_scores
from whelp.scoring.variant_scores import VariantScorer

_BLOCK = 1 << 14
_SHOWN_TRACKS = 3
_AROUND = 25


def variant_tables(
    scores: Path,
    statistic: str,
    *,
    best: int = 20,
    rejected: int = 0,
    facts: Mapping[str, str] | None = None,
) -> VariantTables:
    """Read from a file of scores what its report shows.

    Args:
        scores: A `scores.h5` with at least one variant.
        statistic: Which of its statistics counts.
        best: How many variants are listed.
        rejected: Number of variants that could not be scored.
        facts: How they were scored.

    Returns:
        The tables, without pictures.
    """
    ranking = top_scores(scores, statistic, number=best)
    ranking["place"] = [
        f"{row.chrom}:{row.pos:,}" for row in ranking[["chrom", "pos"]].itertuples()
    ]
    with h5py.File(scores) as file:
        data = file[statistic]
        largest = np.concatenate(
            [_farthest(data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK)]
        )
        rows = np.stack([data[at] for at in ranking.index]).astype(np.float64)
        tracks = pd.DataFrame(
            {
                "identifier": [text.decode() for text in file["target_ids"][:]],
                "description": [text.decode() for text in file["target_labels"][:]],
            }
        )
    return VariantTables(
        statistic,
        ranking,
        rows,
        tracks,
        largest,
        len(largest),
        rejected,
        facts=facts or {},
    )


def _farthest(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Of each row the score farthest from zero, NaN left out."""
    known = np.nan_to_num(scores.astype(np.float32))
    places = np.abs(known).argmax(axis=1)[:, None]
    return np.take_along_axis(known, places, axis=1)[:, 0]


def with_pictures(
    tables: VariantTables,
    scorer: VariantScorer,
    mutagenesis: Mutagenesis,
    fasta: Fasta,
    *,
    number: int = 3,
) -> VariantTables:
    """Add pictures of the first variants of a ranking, in the tracks that they change most.

    Each variant stands in the middle of its window, whatever windows it was scored in.

    Args:
        tables: The ranking.
        scorer: What scored the variants, with the tracks of the tables.
        mutagenesis: What says which bases around a variant matter, by the tables' statistic and
            with the same tracks.
        fasta: The genome.
        number: How many variants.

    Returns:
        The tables with pictures.
    """
    chosen = list(_variants(tables.best[:number]))
    known = checked_variants(chosen, fasta, longest=scorer.alleles.longest)
    variants = [one for one in known if isinstance(one, Variant)]
    windows = list(cluster_variants(variants, length=scorer.alleles.predictor.length, share=0))
    pictures = []
    for pair, scores in zip(scorer.alleles.pairs(windows), tables.scores, strict=False):
        picture, track = _picture(pair, tables, scorer, scores)
        logos = _logos(pair.variant, mutagenesis, track, fasta)
        pictures.append(replace(picture, logos=logos))
    return replace(tables, pictures=pictures)


def _logos(
    variant: Variant, mutagenesis: Mutagenesis, track: int, fasta: Fasta
) -> list[Contributions]:
    """What the bases around a variant contribute to a track, with either allele."""
    (statistic,) = mutagenesis.measure.names
    length, logos = mutagenesis.predictor.length, []
    flanks = Flanks(_AROUND, _AROUND + 1)
    names = ("reference", "alternate")
    regions = variant_regions([variant], length=length, flanks=flanks)
    for name, allele, region in zip(names, (variant.ref, variant.alt), regions, strict=True):
        made = np.concatenate(list(mutagenesis.scores(region)))
        values = signed_contributions(made["seqs"], made[statistic][..., track], statistic)
        bases = region.sequence(fasta)[region.first : region.first + region.length]
        shown = Contributions(
            name=f"{name} allele {short_allele(allele)}",
            chrom=variant.chrom,
            start=region.start,
            bases=bases,
            values=(values * made["seqs"]).sum(axis=-1),
            unit=statistic,
            marks=(variant.start,),
        )
        logos.append(shown)
    return logos


def _variants(rows: pd.DataFrame) -> Iterator[Variant]:
    for at, row in enumerate(rows.to_dict("records")):
        yield Variant(row["chrom"], row["pos"] - 1, row["ref"], row["alt"], row["id"], at)


def _picture(
    pair: Pair, tables: VariantTables, scorer: VariantScorer, scores: Sequence[float]
) -> tuple[VariantPicture, int]:
    """Also the first of its tracks."""
    predictor = scorer.alleles.predictor
    order = np.argsort(-np.abs(np.nan_to_num(scores)), kind="stable")[:_SHOWN_TRACKS]
    ref, alt = (allele.values.mean(axis=0) for allele in (pair.ref, pair.alt))
    changes = [
        TrackChange(
            tables.tracks["identifier"][track],
            tables.tracks["description"][track],
            ref[:, track],
            alt[:, track],
            float(scores[track]),
        )
        for track in order
    ]
    variant = pair.variant
    picture = VariantPicture(
        name=variant.name,
        chrom=variant.chrom,
        position=variant.start + 1,
        ref=variant.ref,
        alt=variant.alt,
        start=pair.window.start + predictor.crop,
        bin_width=predictor.stride,
        statistic=tables.statistic,
        tracks=changes,
    )
    return picture, int(order[0])
