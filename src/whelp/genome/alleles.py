"""Variants against the genome: names of chromosomes, alleles, and which of the two it has."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.genome.variants import Rejected, Variant

_READ_AHEAD = 1 << 14
_MITOCHONDRIA = {"MT": "chrM", "chrMT": "chrM", "M": "MT", "chrM": "MT"}
_SHOWN = 12

# Gives letters of a stretch of a chromosome, upper case, N beyond its ends.
_Letters = Callable[[str, int, int], str]


def genome_name(chrom: str, lengths: Container[str]) -> str:
    """Find what a genome calls a chromosome: 1 or chr1, MT or chrM.

    Args:
        chrom: Name in another file.
        lengths: The genome's chromosomes.

    Returns:
        The genome's name; `chrom` itself if it has none such.
    """
    for name in (chrom, f"chr{chrom}", chrom.removeprefix("chr"), _MITOCHONDRIA.get(chrom, chrom)):
        if name in lengths:
            return name
    return chrom


def check_alleles(
    fasta: Fasta, variant: Variant, *, flip: bool = True, longest: int | None = None
) -> bool | Rejected:
    """Compare a variant with the genome.

    Args:
        fasta: The genome.
        variant: A variant whose chromosome is called as in the genome.
        flip: Accept a variant if its alternate allele, not its reference allele, is what the genome
            has; as in Baskerville, the reference allele is tried first.
        longest: The most bp that an allele may have; None for no limit.

    Returns:
        Whether the alleles are flipped, or the variant with the reason why it cannot be scored.

    Raises:
        FastaError: The genome cannot be read.
    """

    def letters(chrom: str, start: int, end: int) -> str:
        return dna.decode(fasta.fetch(chrom, start, end))

    return _judge(variant, fasta.lengths, letters, flip=flip, longest=longest)


def checked_variants(
    items: Iterable[Variant | Rejected],
    fasta: Fasta,
    *,
    flip: bool = True,
    longest: int | None = None,
) -> Iterator[Variant | Rejected]:
    """Compare variants with the genome as they come; those in its order are looked up quickest.

    A chromosome may be called 1 or chr1, MT or chrM, whatever the genome calls it.

    Args:
        items: What `read_variants` gives; rejected ones pass through.
        fasta: The genome.
        flip: As in `check_alleles`.
        longest: As in `check_alleles`.

    Yields:
        One item for each: variants with the genome's name of the chromosome and with `flipped` set,
        others rejected.

    Raises:
        FastaError: The genome cannot be read.
    """
    letters = _ReadAhead(fasta).letters
    names: dict[str, str] = {}
    for item in items:
        if isinstance(item, Rejected):
            yield item
            continue
        chrom = names.get(item.chrom)
        if chrom is None:
            chrom = names[item.chrom] = genome_name(item.chrom, fasta.lengths)
        named = item if chrom == item.chrom else item._replace(chrom=chrom)
        verdict = _judge(named, fasta.lengths, letters, flip=flip, longest=longest)
        if isinstance(verdict, Rejected):
            yield verdict._replace(chrom=item.chrom)
        else:
            yield named._replace(flipped=True) if verdict else named


def _judge(
    variant: Variant,
    lengths: Mapping[str, int],
    letters: _Letters,
    *,
    flip: bool,
    longest: int | None,
) -> bool | Rejected:
    chrom, start, ref, alt = variant[:4]
    length = lengths.get(chrom)
    if length is None:
        return variant.rejected("the genome has no such chromosome")
    if start + len(ref) > length:
        return variant.rejected(f"it reaches beyond the end of the chromosome ({length} bp)")
    size = max(len(ref), len(alt))
    if longest is not None and size > longest:
        return variant.rejected(f"an allele is {size} bp long; the longest allowed is {longest}")
    found = letters(chrom, start, start + size)
    if found.startswith(ref):
        other, flipped = alt, False
    elif flip and start + len(alt) <= length and found.startswith(alt):
        other, flipped = ref, True
    else:
        neither = ", which is neither of the alleles" if flip else ", not the reference allele"
        return variant.rejected(f"the genome has {_short(found[: len(ref)])} there{neither}")
    if "N" in other:
        return variant.rejected("the allele that the genome does not have holds an N")
    return flipped


def _short(letters: str) -> str:
    if len(letters) <= _SHOWN:
        return letters
    return f"{letters[:_SHOWN]}... ({len(letters)} bp)"


class _ReadAhead:
    """Letters of a genome; what follows a look-up is kept for the next."""

    def __init__(self, fasta: Fasta) -> None:
        self._fasta = fasta
        self._chrom = ""
        self._start = 0
        self._kept = ""

    def letters(self, chrom: str, start: int, end: int) -> str:
        first = start - self._start
        if chrom != self._chrom or first < 0 or end - self._start > len(self._kept):
            last = max(end, min(start + _READ_AHEAD, self._fasta.lengths[chrom]))
            self._kept = dna.decode(self._fasta.fetch(chrom, start, last))
            self._chrom, self._start, first = chrom, start, 0
        return self._kept[first : first + end - start]
