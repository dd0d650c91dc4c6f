"""Predictions of windows together, in pieces and of some bins, against one window at a time."""

from pathlib import Path

import numpy as np
import pytest
from incremental_cases import ATTENTION, CROP, LENGTH, ON_TENSORFLOW, TOWER, UNET, build

from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window, cluster_variants
from whelp.genome.variants import Variant
from whelp.scoring.alleles import AlleleCoverage, Pair
from whelp.scoring.settings import ScoreSettings
from whelp.specs import TargetsTable

TARGETS = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription
0\tup+\tx.bw\t384\t320\t1\tsum\t1\tup
1\tup-\tx.bw\t384\t320\t1\tsum\t0\tup
2\topen\tx.bw\t32\t32\t1\tsum\t2\topen
"""


@pytest.fixture(scope="module")
def model():
    return build([*TOWER, ATTENTION, UNET, UNET, CROP], dtype="float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genome")
    bases = dna.decode(np.random.default_rng(1).integers(0, 4, 4000).astype("uint8"))
    (folder / "genome.fa").write_text(f">chr1\n{bases}\n")
    (folder / "targets.txt").write_text(TARGETS)
    return folder


def alleles(model, folder: Path, **options) -> AlleleCoverage:
    options = {"shifts": (0, 1), "batch_size": 4 if ON_TENSORFLOW else 1} | options
    return AlleleCoverage(
        model,
        TargetsTable.read(folder / "targets.txt"),
        Fasta(folder / "genome.fa"),
        settings=ScoreSettings(**options),
        coverage=lambda predictions: predictions,
    )


def variants(folder: Path, number: int, *, step: int = 61) -> list[Variant]:
    """Substitutions and, every third, a deletion or an insertion."""
    text = (folder / "genome.fa").read_text().split()[1]
    found = []
    for row in range(number):
        at = 300 + step * row
        ref = text[at : at + (4 if row % 3 == 1 else 1)]
        alt = {0: "ACGT"["CATG".index(ref[0])], 1: ref[0], 2: ref + "GA"}[row % 3]
        found.append(Variant("chr1", at, ref, alt, f"v{row}", row))
    return found


def close(one: Pair, other: Pair) -> None:
    assert (one.window, one.variant) == (other.window, other.variant)
    for made, wanted in ((one.ref, other.ref), (one.alt, other.alt)):
        np.testing.assert_allclose(made.values, wanted.values, rtol=0, atol=2e-5)


@pytest.mark.parametrize("rc", [False, True] if ON_TENSORFLOW else [False])
def test_windows_together(model, folder, rc):
    """Order is kept; what goes together changes no more than rounding."""
    windows = list(cluster_variants(variants(folder, 7), length=LENGTH))
    together = alleles(model, folder, rc=rc, batch_size=16 if ON_TENSORFLOW else 1)
    alone = alleles(model, folder, rc=rc)
    found = list(together.pairs(windows))
    for one, window in zip(found, windows, strict=True):
        (wanted,) = alone.pairs([window])
        close(one, wanted)
    changes = [np.abs(one.alt.values - one.ref.values).max() for one in found]
    assert min(changes) > 1e-3


def test_bins_of_a_window(model, folder):
    windows = list(cluster_variants(variants(folder, 4), length=LENGTH, share=0.2))
    assert 1 < len(windows) < 4 and windows[0].shared
    scorer = alleles(model, folder, stitch=False)
    bins = {window: np.array([0, 3, 5 + at]) for at, window in enumerate(windows)}
    some = scorer.pairs(windows, bins_of=bins.__getitem__)
    for part, whole in zip(some, scorer.pairs(windows), strict=True):
        for made, wanted in ((part.ref, whole.ref), (part.alt, whole.alt)):
            np.testing.assert_allclose(
                made.values, wanted.values[:, bins[part.window]], rtol=0, atol=2e-5
            )


def test_pieces_do_not_depend_on_earlier_ones(model, folder):
    """A run that was stopped behind a piece of a window ends with the same bytes."""
    held = tuple(variants(folder, 9, step=20))
    window = Window("chr1", 300, 300 + LENGTH, held, shared=True)
    pieces = [window._replace(variants=held[:4]), window._replace(variants=held[4:])]
    whole, stopped = alleles(model, folder), alleles(model, folder)
    first = list(whole.pairs(pieces[:1]))
    found = list(whole.pairs(pieces[1:]))
    assert found[2].ref is first[0].ref
    for one, other in zip(found, stopped.pairs(pieces[1:]), strict=True):
        np.testing.assert_array_equal(one.ref.values, other.ref.values)
        np.testing.assert_array_equal(one.alt.values, other.alt.values)


def test_what_is_held_at_a_time(model, folder):
    """As many windows as fill a batch; those of one variant go in pairs of alleles by default."""
    asked = [(window, None) for window in cluster_variants(variants(folder, 6), length=LENGTH)]
    for size, wanted in ((None, [1] * 6), (4, [2, 2, 2]), (6, [3, 3]), (1, [1] * 6)):
        scorer = alleles(model, folder, batch_size=size, shifts=(0,))
        assert [len(group) for group in scorer._groups(asked)] == wanted
