"""The variants of the benchmark, tissue by tissue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from whelp.eqtls.errors import EqtlError
from whelp.eqtls.records import Eqtl, InfoTags, Unused, read_eqtls
from whelp.eqtls.tss import StartSites

_ENDINGS = (".vcf", ".vcf.gz", ".vcf.bgz")


@dataclass
class Gathered:
    """Variants of a kind, causal or negative.

    Attributes:
        tissues: Tissue -> its variants, in the order of the files; "" those of every tissue.
        unused: Records that cannot be used.
    """

    tissues: dict[str, list[Eqtl]] = field(default_factory=dict)
    unused: list[Unused] = field(default_factory=list)

    def of(self, tissue: str) -> list[Eqtl]:
        """Give the variants of a tissue."""
        return [*self.tissues.get(tissue, []), *self.tissues.get("", [])]


def gather(
    path: str | Path,
    tags: InfoTags,
    *,
    causal: bool,
    needs_gene: bool,
    sites: StartSites | None = None,
) -> Gathered:
    """Read the causal variants, or the negatives.

    Args:
        path: VCF whose INFO names tissues (negatives without serve for all); or a folder of
            `TISSUE_pos.vcf` or `TISSUE_neg.vcf`, plain or gzipped, as westminster has them.
        tags: Names of the fields of INFO.
        causal: Which of the two.
        needs_gene: Whether scores are by gene, so that variants without one are of no use.
        sites: What gives distances that INFO does not.

    Returns:
        The variants.

    Raises:
        EqtlError: A folder has no such files, or a file has no INFO.
        whelp.genome.variants.VariantError: A file cannot be read.
    """
    made = Gathered()
    for file, tissue in _files(Path(path), "pos" if causal else "neg"):
        for item in read_eqtls(file, tags, tissue=tissue, causal=causal):
            if isinstance(item, Eqtl) and needs_gene and not item.gene:
                reason = f"INFO has no {tags.gene}, and scores are by gene"
                item = Unused(str(file), item.chrom, str(item.position), item.id, reason)
            if isinstance(item, Unused):
                made.unused.append(item)
                continue
            if sites is not None and np.isnan(item.distance):
                item = item._replace(distance=sites.distance(item))
            made.tissues.setdefault(item.tissue, []).append(item)
    return made


def missing_fields(causal: Gathered, negatives: Gathered, tags: InfoTags) -> list[str]:
    """Say which fields INFO never has, as with names that are not the file's.

    Args:
        causal: The causal variants.
        negatives: The negatives.
        tags: Names of the fields.
    """
    own = [one for variants in causal.tissues.values() for one in variants]
    others = [one for variants in negatives.tissues.values() for one in variants]
    found = []
    if all(np.isnan(one.effect) for one in own):
        found.append(f"INFO of no causal variant has {tags.effect}: effects are not compared")
    elif not any(one.allele for one in own):
        found.append(
            f"INFO of no causal variant has {tags.allele}: effects are taken to be those of the "
            "alternate allele"
        )
    found += [
        f"INFO of no {kind} has {tags.distance}, and no annotation gives distances: there is no "
        "baseline to compare with"
        for kind, variants in (("causal variant", own), ("negative", others))
        if all(np.isnan(one.distance) for one in variants)
    ]
    return found


def by_variant(variants: list[Eqtl]) -> list[Eqtl]:
    """Unite the genes of each variant, where scores are not by gene.

    Returns:
        A record for each variant: the mean of its effects, NaN where their signs differ; the
        shortest distance; and its genes with commas.
    """
    groups: dict[tuple[str, int, str, str], list[Eqtl]] = {}
    for one in variants:
        groups.setdefault((one.chrom, one.position, one.ref, one.alt), []).append(one)
    return [_united(group) for group in groups.values()]


def _united(group: list[Eqtl]) -> Eqtl:
    if len(group) == 1:
        return group[0]
    effects = np.array([one.effect for one in group])
    agree = len(set(np.sign(effects))) == 1
    distances = [one.distance for one in group if not np.isnan(one.distance)]
    return group[0]._replace(
        gene=",".join(dict.fromkeys(one.gene for one in group if one.gene)),
        effect=float(effects.mean()) if agree else np.nan,
        distance=min(distances, default=np.nan),
    )


def _files(path: Path, kind: str) -> Iterator[tuple[Path, str | None]]:
    """Give the files of one kind, with the tissue that each one's name tells."""
    if not path.is_dir():
        yield path, None
        return
    found = False
    for file in sorted(path.iterdir()):
        for ending in _ENDINGS:
            if file.name.endswith(f"_{kind}{ending}"):
                found = True
                yield file, file.name.removesuffix(f"_{kind}{ending}")
    if not found:
        raise EqtlError(f"{path}: expected files TISSUE_{kind}.vcf in the folder, found none")
