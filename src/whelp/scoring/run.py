"""From a file of variants to a file of scores, in steps that can be taken up again."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from whelp.files import atomic_path
from whelp.genome.alleles import checked_variants
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window, cluster_variants
from whelp.genome.variants import Rejected, Variant, VariantError, read_variants
from whelp.scoring.errors import ScoreError
from whelp.scoring.existing import SCORES, UNFINISHED, Existing, is_finished
from whelp.scoring.rows import RowFolder
from whelp.scoring.statistics import as_half
from whelp.scoring.table import Widths, write_scores
from whelp.scoring.variant_scores import VariantScorer

REJECTED = "rejected.tsv"
_COLUMNS = ("chrom", "pos", "id", "ref", "alt", "reason")
_PIECE = 1 << 20
_CHUNK = 32

Progress = Callable[[int, int], None]


class ScoreSummary(NamedTuple):
    """What a run did.

    Attributes:
        path: The file of scores.
        variants: Variants in it.
        rejected: Variants that could not be scored; `rejected.tsv` beside it says why.
        resumed: Of the variants, those that an earlier run had scored.
    """

    path: Path
    variants: int
    rejected: int
    resumed: int


@dataclass(frozen=True)
class VariantFile:
    """The variants of a file, or one job's part of them.

    Attributes:
        path: VCF or table.
        fasta: The genome.
        longest: The most bp of an allele.
        part: Number of this part, from 0, and how many there are.
    """

    path: Path
    fasta: Fasta
    longest: int
    part: tuple[int, int] = (0, 1)

    def items(self) -> Iterator[Variant | Rejected]:
        """Read the variants, each compared with the genome."""
        items: Iterator[Variant | Rejected] = read_variants(self.path)
        number, parts = self.part
        if parts > 1:
            total = sum(1 for _ in read_variants(self.path))
            bounds = np.linspace(0, total, parts + 1, dtype=int)
            items = islice(items, int(bounds[number]), int(bounds[number + 1]))
        return checked_variants(items, self.fasta, longest=self.longest)

    def variants(self) -> Iterator[Variant]:
        """Read those that can be scored."""
        return (item for item in self.items() if isinstance(item, Variant))


class _Census(NamedTuple):
    variants: int
    rejected: int
    widths: Widths


def score_to_file(
    scorer: VariantScorer,
    variants: VariantFile,
    out_dir: Path,
    *,
    run: Mapping[str, Any],
    existing: Existing = "continue",
    strict: bool = False,
    progress: Progress | None = None,
) -> ScoreSummary:
    """Score variants and write `scores.h5`, and `rejected.tsv` if some cannot be scored.

    A run that was stopped, however it was, goes on when it is called again with the same `run`, and
    ends with the same scores; the file appears when it is whole. Memory does not grow with the
    number of variants.

    Args:
        scorer: Scores.
        variants: The variants.
        out_dir: Folder of the results.
        run: What the scores depend on, from `describe_run`.
        existing: What to do with scores that are in the folder, see `is_finished`.
        strict: Stop at a variant that cannot be scored, before any is.
        progress: Called with the number of variants that are done, and of all.

    Returns:
        What was done.

    Raises:
        VariantError: The file of variants cannot be read, or with `strict` has one that cannot be
            scored.
        ScoreError: The folder holds scores that are not to be replaced, or another process writes
            into it.
        OSError: Something cannot be read or written.
    """
    note = json.dumps(dict(run), sort_keys=True)
    if is_finished(out_dir, existing, note):
        return _summary(out_dir)
    other = "refuse" if existing == "resume" else "replace"
    with RowFolder(out_dir / UNFINISHED, scorer.layout(), run, other=other) as rows:
        if existing == "replace":
            rows.keep(0)
        census = _take_census(variants, out_dir, strict=strict)
        windows = cluster_variants(
            variants.variants(),
            length=scorer.alleles.predictor.length,
            share=scorer.settings.cluster,
        )
        before = _score_rest(
            scorer,
            windows,
            rows,
            lambda done: progress(done, census.variants) if progress is not None else None,
        )
        if rows.finished != census.variants:
            raise ScoreError(f"{variants.path}: the file has changed while it was read; run again")
        write_scores(
            out_dir / SCORES,
            variants.variants(),
            rows.read(),
            widths=census.widths,
            tracks=scorer.tracks(),
            note=note,
        )
        rows.remove()
    return ScoreSummary(out_dir / SCORES, census.variants, census.rejected, before)


def _summary(out_dir: Path) -> ScoreSummary:
    """What was done in a folder whose scores are finished."""
    with h5py.File(out_dir / SCORES) as file:
        number = len(file["pos"])
    rejected = out_dir / REJECTED
    lines = sum(1 for _ in rejected.open(encoding="utf-8")) - 1 if rejected.exists() else 0
    return ScoreSummary(out_dir / SCORES, number, lines, number)


def _take_census(variants: VariantFile, out_dir: Path, *, strict: bool) -> _Census:
    """Count the variants, and write down those that cannot be scored."""
    number = rejected = 0
    widths = Widths()
    path = out_dir / REJECTED
    with atomic_path(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(_COLUMNS)
        for item in variants.items():
            if isinstance(item, Variant):
                number += 1
                widths = widths.with_(item)
                continue
            if strict:
                raise VariantError(
                    f"{variants.path}: {item.id} ({item.chrom}:{item.position} {item.ref}>"
                    f"{item.alt}) cannot be scored: {item.reason}"
                )
            rejected += 1
            table.writerow(item[1:])
    if not rejected:
        path.unlink()
    return _Census(number, rejected, widths)


def _score_rest(
    scorer: VariantScorer,
    windows: Iterator[Window],
    rows: RowFolder,
    progress: Callable[[int], object],
) -> int:
    """Score the chunks that are not finished; give how many variants were."""
    done, before, begun = 0, rows.finished, False
    for chunk in in_chunks(windows):
        number = sum(len(window.variants) for window in chunk)
        if not begun and done + number > before:
            # A chunk is one piece of work: of one that was begun nothing is taken over.
            begun, before = True, done
            rows.keep(done)
        if begun:
            made = np.empty(number, scorer.layout())
            for place, scores in enumerate(scorer.scores(chunk)):
                for name, values in scores.items():
                    made[name][place] = as_half(values) if scorer.settings.half else values
            rows.append(made)
        done += number
        progress(done)
    return min(before, done)


def in_chunks(windows: Iterable[Window], *, variants: int = _CHUNK) -> Iterator[list[Window]]:
    """Divide windows into chunks that are scored together.

    What is computed together depends on the variants alone, so that a run that was stopped ends
    with the same bytes as one that was not. So a window with many variants comes in pieces, each
    alone: its reference does not depend on the piece that it is predicted for.

    Args:
        windows: Windows with variants.
        variants: The most variants of a chunk.

    Yields:
        Windows that are scored together.
    """
    chunk: list[Window] = []
    number = 0
    for window in windows:
        size = len(window.variants)
        if chunk and number + size > variants:
            yield chunk
            chunk, number = [], 0
        if size > variants:
            for first in range(0, size, variants):
                yield [window._replace(variants=window.variants[first : first + variants])]
            continue
        chunk.append(window)
        number += size
    if chunk:
        yield chunk


def describe_run(settings: Any, files: Mapping[str, Path], **more: Any) -> dict[str, Any]:
    """Say what scores depend on, so that unfinished ones are taken up by the same run only.

    Args:
        settings: How variants are scored; any data class.
        files: Name -> file whose contents count; that of the genome counts by size and time.
        **more: What else matters.

    Returns:
        What can be written as JSON.
    """
    described: dict[str, Any] = {**asdict(settings), **more}
    for name, path in files.items():
        if name == "genome":
            facts = path.stat()
            described[name] = [str(path.resolve()), facts.st_size, facts.st_mtime_ns]
        else:
            described[name] = _digest(path)
    return described


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sha.update(piece)
    return sha.hexdigest()
