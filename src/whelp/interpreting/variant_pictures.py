"""Pictures of variants: both alleles' coverage, and what the bases around them contribute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from whelp.genome.alleles import checked_variants
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Variant
from whelp.interpreting.mutagenesis import Mutagenesis
from whelp.interpreting.mutations import signed_contributions
from whelp.interpreting.regions import Region
from whelp.report import Contributions, TrackChange, VariantPicture, VariantTables
from whelp.report.variant_picture import short_allele
from whelp.scoring.alleles import Pair
from whelp.scoring.gene_scores import GeneScorer
from whelp.scoring.variant_scores import VariantScorer

_SHOWN_TRACKS = 3
_AROUND = 25


def with_pictures(
    tables: VariantTables,
    scorer: VariantScorer | GeneScorer,
    mutagenesis: Mutagenesis,
    fasta: Fasta,
    *,
    number: int = 3,
) -> VariantTables:
    """Add pictures of the first variants of a ranking, in the tracks that they change most.

    Where they are scored by gene, each is shown for its gene, on the gene's strand.

    Args:
        tables: The ranking.
        scorer: What scored the variants, with the tracks of the tables.
        mutagenesis: What says which bases around a variant matter, by the tables' statistic and
            with the same tracks (and genes, where there are any).
        fasta: The genome.
        number: How many variants.

    Returns:
        The tables with pictures.
    """
    best = tables.best[:number]
    pictures = []
    for window, scores in zip(_windows(best, scorer, fasta), tables.scores, strict=False):
        (pair,) = scorer.alleles.pairs([window])
        sizes = -np.abs(np.nan_to_num(scores))
        order = np.argsort(sizes, kind="stable")[:_SHOWN_TRACKS].tolist()
        changes = _changes(pair, tables, scorer, scores, order)
        logos = _logos(window, mutagenesis, order[0], fasta)
        pictures.append(replace(_picture(pair, tables, scorer), tracks=changes, logos=logos))
    return replace(tables, pictures=pictures)


def _windows(
    best: pd.DataFrame, scorer: VariantScorer | GeneScorer, fasta: Fasta
) -> Iterator[Window]:
    """Find the window of each variant; with its gene where there is one."""
    for row in best.to_dict("records"):
        given = Variant(row["chrom"], row["pos"] - 1, row["ref"], row["alt"], row["id"], 0)
        known = checked_variants([given], fasta, longest=scorer.alleles.longest)
        for window in scorer.windows(one for one in known if isinstance(one, Variant)):
            if not isinstance(window, Window):
                continue
            if "gene" not in row:
                yield window
                continue
            for gene in window.genes:
                if gene.identifier == row["gene"]:
                    yield window._replace(genes=(gene,))


def _changes(
    pair: Pair,
    tables: VariantTables,
    scorer: VariantScorer | GeneScorer,
    scores: Sequence[float],
    order: Sequence[int],
) -> list[TrackChange]:
    ref, alt = (scorer.shown(allele.values, pair.window) for allele in (pair.ref, pair.alt))
    return [
        TrackChange(
            tables.tracks["identifier"][track],
            tables.tracks["description"][track],
            ref[:, track],
            alt[:, track],
            float(scores[track]),
        )
        for track in order
    ]


def _picture(
    pair: Pair, tables: VariantTables, scorer: VariantScorer | GeneScorer
) -> VariantPicture:
    variant, predictor = pair.variant, scorer.alleles.predictor
    gene = pair.window.genes[0] if pair.window.genes else None
    return VariantPicture(
        name=variant.name,
        chrom=variant.chrom,
        position=variant.start + 1,
        ref=variant.ref,
        alt=variant.alt,
        start=pair.window.start + predictor.crop,
        bin_width=predictor.stride,
        statistic=tables.statistic,
        tracks=(),
        gene=gene.name if gene else "",
        exons=[(int(start), int(end)) for start, end in gene.exons] if gene else (),
    )


def _logos(
    window: Window, mutagenesis: Mutagenesis, track: int, fasta: Fasta
) -> list[Contributions]:
    """What the bases around a variant contribute to a track, with either allele."""
    (variant,), (statistic,) = window.variants, mutagenesis.measure.names
    first = max(variant.start - _AROUND, window.start)
    last = min(variant.start + _AROUND + 1, window.end)
    logos = []
    for name, allele in (("reference", variant.ref), ("alternate", variant.alt)):
        altered = variant if allele == variant.other_allele else None
        region = Region(window, first, last, variant=altered)
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
