"""The ninth column of GTF and GFF3: which gene a line belongs to."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

_GTF_FIRST = b'gene_id "'
_GTF_GENE = re.compile(rb'(?:^|[; ])gene_id "?([^";]+)')
_GTF_NAME = re.compile(rb'(?:^|[; ])gene_name "?([^";]+)')
_GTF_KIND = re.compile(rb'(?:^|[; ])gene_(?:bio)?type "?([^";]+)')
_GFF_GENE = re.compile(rb"(?:^|;)\s*gene_id=([^;]+)")
_GFF_PARENT = re.compile(rb"(?:^|;)\s*Parent=([^;,]+)")
_GFF_ID = re.compile(rb"(?:^|;)\s*ID=([^;]+)")
_GFF_NAME = re.compile(rb"(?:^|;)\s*(?:gene_name|gene|Name)=([^;]+)")
_GFF_GENE_NAME = re.compile(rb"(?:^|;)\s*(?:gene_name|gene)=([^;]+)")
_GFF_KIND = re.compile(rb"(?:^|;)\s*(?:gene_type|gene_biotype|biotype)=([^;]+)")
_ROOT_PREFIX = re.compile(rb"^gene[:-]")
_DEEPEST = 10
"""Parents above an exon at most; a chain that is longer runs in a circle."""


class Attributes(NamedTuple):
    """What a line says about its gene.

    Attributes:
        gene: Identifier.
        name: Name; empty where there is none.
        kind: Biotype; empty where there is none.
    """

    gene: bytes
    name: bytes = b""
    kind: bytes = b""


class GtfExons:
    """How exons of a GTF file name their genes."""

    def gene(self, column: bytes) -> bytes:
        """The exon's gene; empty if it names none."""
        if column.startswith(_GTF_FIRST):
            return column[len(_GTF_FIRST) : column.find(b'"', len(_GTF_FIRST))]
        match = _GTF_GENE.search(column)
        return match[1].strip() if match is not None else b""

    def attributes(self, column: bytes) -> Attributes:
        """What the exon says about its gene."""
        name, kind = _found(_GTF_NAME, column), _found(_GTF_KIND, column)
        return Attributes(self.gene(column), name, kind)


class GffExons:
    """How exons of a GFF3 file name their genes: themselves, or by way of their parents."""

    def __init__(self) -> None:
        self._parent: dict[bytes, bytes] = {}
        self._root: dict[bytes, Attributes] = {}

    def feature(self, column: bytes) -> None:
        """Remember a line that is no exon."""
        identifier = _GFF_ID.search(column)
        if identifier is None:
            return
        parent = _GFF_PARENT.search(column)
        if parent is not None:
            self._parent[identifier[1]] = parent[1]
        elif identifier[1] not in self._root:
            gene = _found(_GFF_GENE, column) or _ROOT_PREFIX.sub(b"", _plain(identifier[1]))
            name, kind = _found(_GFF_NAME, column), _found(_GFF_KIND, column)
            self._root[identifier[1]] = Attributes(gene, name, kind)

    def knows(self, column: bytes) -> bool:
        """Whether the lines read so far lead from an exon to its gene."""
        parent = _GFF_PARENT.search(column)
        return (
            _GFF_GENE.search(column) is not None
            or parent is None
            or parent[1] in self._parent
            or parent[1] in self._root
        )

    def gene(self, column: bytes) -> bytes:
        """The exon's gene, named by itself or found over its parents; empty if there is none."""
        return _found(_GFF_GENE, column) or self.attributes(column).gene

    def attributes(self, column: bytes) -> Attributes:
        """What is known about an exon's gene."""
        named = _found(_GFF_GENE, column)
        if named:
            return Attributes(named, _found(_GFF_GENE_NAME, column), _found(_GFF_KIND, column))
        parent = _GFF_PARENT.search(column)
        if parent is None:
            return Attributes(b"")
        top = parent[1]
        for _ in range(_DEEPEST):
            if top not in self._parent:
                break
            top = self._parent[top]
        return self._root.get(top, Attributes(_ROOT_PREFIX.sub(b"", _plain(top))))


def _found(pattern: re.Pattern[bytes], column: bytes) -> bytes:
    match = pattern.search(column)
    return _plain(match[1].strip()) if match is not None else b""


def _plain(text: bytes) -> bytes:
    """GFF3 writes special characters as %XX."""
    return unquote_to_bytes(text) if b"%" in text else text
