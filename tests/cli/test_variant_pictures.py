"""The pictures that `whelp score` ends with: both alleles' coverage, exons, and logos."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import whelp as package
from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.interpreting.measures import GeneStatistics, TrackStatistics
from whelp.interpreting.mutagenesis import Mutagenesis, MutationSettings
from whelp.interpreting.variant_pictures import with_pictures
from whelp.interpreting.variant_report import variant_tables
from whelp.scoring.gene_scores import GeneScorer
from whelp.scoring.gene_windows import GeneSettings
from whelp.scoring.grid import Grid
from whelp.scoring.run import VariantFile, score_to_file
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.variant_scores import VariantScorer
from whelp.specs import TargetsTable

GTF = 'chr1\tt\texon\t2901\t3100\t.\t-\t.\tgene_id "G1"; gene_name "one";\n'


@pytest.mark.parametrize("by_gene", [False, True])
def test_pictures(score_line: list[Any], tmp_path: Path, by_gene: bool) -> None:
    _, params, weights, vcf, _, genome, _, table = score_line
    model, targets = package.load(params, weights), TargetsTable.read(table)
    settings = ScoreSettings(("logSED",))
    annotation = tmp_path / "genes.gtf"
    annotation.write_text(GTF)
    with Fasta(genome) as fasta:
        scorer: Any = VariantScorer(model, targets, fasta, settings=settings)
        measure = TrackStatistics(targets, ["logSED"], old=False)
        if by_gene:
            genes = GeneSettings(annotation)
            scorer = GeneScorer(model, targets, fasta, settings=settings, genes=genes)
            measure = GeneStatistics(targets, ["logSED"], old=False, grid=Grid.of(model))
        predictor = scorer.alleles.predictor
        mutagenesis = Mutagenesis(predictor, fasta, measure=measure, settings=MutationSettings())
        source = VariantFile(vcf, fasta, scorer.alleles.longest)
        summary = score_to_file(scorer, source, tmp_path / "out", run={})
        tables = variant_tables(summary.path, "logSED")
        picture = with_pictures(tables, scorer, mutagenesis, fasta, number=1).pictures[0]
    first = tables.best.iloc[0]
    assert (picture.name, picture.position) == (first["id"], first["pos"])
    assert picture.gene == ("one" if by_gene else "")
    assert list(picture.exons) == ([(2900, 3100)] if by_gene else [])

    bins = slice(None)
    if by_gene:
        width = picture.bin_width
        bins = slice((2900 - picture.start) // width, -(-(3100 - picture.start) // width))
    for change in picture.tracks:
        track = tables.tracks["identifier"].tolist().index(change.identifier)
        sums = [np.log2(1 + values[bins].sum()) for values in (change.ref, change.alt)]
        assert change.score == pytest.approx(sums[1] - sums[0], rel=1e-3, abs=1e-6)
        assert change.score == pytest.approx(tables.scores[0, track])

    # The alleles' logos are of the sequences that they are said to be of.
    ref, alt = picture.logos
    at = picture.position - 1 - ref.start
    assert "ACGT"[ref.bases[at]] == first["ref"] and "ACGT"[alt.bases[at]] == first["alt"]
    assert (np.delete(ref.bases, at) == np.delete(alt.bases, at)).all()
    assert len(ref.values) == 51 and np.isfinite(ref.values).all() and ref.values.any()


def test_the_base_that_a_track_hangs_on_is_the_largest_letter(
    whelp: Callable[..., Any], score_line: list[Any], tmp_path: Path
) -> None:
    """What a base contributes is less the mean of what its mutations do: worked out by hand."""
    _, params, weights, vcf, _, genome, _, table = score_line
    model, targets = package.load(params, weights), TargetsTable.read(table)
    with Fasta(genome) as fasta:
        scorer = VariantScorer(model, targets, fasta, settings=ScoreSettings(("SUM",)))
        mutagenesis = Mutagenesis(
            scorer.alleles.predictor,
            fasta,
            measure=TrackStatistics(targets, ["SUM"], old=False),
            settings=MutationSettings(),
        )
        source = VariantFile(vcf, fasta, scorer.alleles.longest)
        summary = score_to_file(scorer, source, tmp_path / "out", run={})
        tables = variant_tables(summary.path, "SUM")
        picture = with_pictures(tables, scorer, mutagenesis, fasta, number=1).pictures[0]
        logo = picture.logos[0]
        start = picture.start - model.crop * model.stride
        bases = fasta.fetch("chr1", start, start + model.spec.seq_length)
        place = logo.start + 7 - start
        sums = []
        for base in range(4):
            changed = bases.copy()
            changed[place] = base
            squashed = model.predict(dna.one_hot(changed)[None], verbose=0)[0, :, :3]
            linear = np.asarray(squashed, float)
            linear[:, :2] = (linear[:, :2] + 1) ** 2 - 1
            of = picture.tracks[0].identifier
            sums.append(linear[:, 2].sum() if of == "open" else linear[:, :2].sum())
    expected = sums[logo.bases[7]] - np.mean(sums)
    assert logo.values[7] == pytest.approx(expected, rel=0.02, abs=1e-4)
