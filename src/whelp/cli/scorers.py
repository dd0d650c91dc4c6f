"""Which models `whelp score` runs: one, adapters on one trunk, or replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from whelp.cli.model_options import load_model

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.models import SequenceModel
    from whelp.scoring.gene_scores import GeneScorer
    from whelp.scoring.settings import ScoreSettings
    from whelp.scoring.variant_scores import VariantScorer
    from whelp.specs import TargetsTable


class Candidate(NamedTuple):
    """A model, and what its scores are called.

    Attributes:
        folder: Where its scores go, in the folder of the results; "" for that folder itself.
        targets: Its tracks.
        model: The model.
        scorer: What scores by it.
    """

    folder: str
    targets: TargetsTable
    model: SequenceModel
    scorer: VariantScorer | GeneScorer


def check_models(options: Mapping[str, Any]) -> None:
    """Refuses adapters and tables that do not go together.

    Raises:
        click.UsageError: They do not.
    """
    adapters, targets = options["adapters"], options["targets"]
    if len(targets) not in (1, max(1, len(adapters))):
        raise click.UsageError(
            f"-t is given once, or as often as -a: {len(targets)} tables and {len(adapters)} "
            "adapters"
        )
    names = _folders(adapters)
    if len(set(names)) < len(names):
        raise click.UsageError(
            "scores of several adapters go to folders of their names, and two are alike: "
            + ", ".join(names)
        )
    if adapters and options["replicates"]:
        raise click.UsageError("-a and --replicate exclude each other")


def _folders(adapters: Sequence[Path]) -> list[str]:
    """Names of adapters: their files', or their folders' where all files are called alike."""
    if len(adapters) < 2:
        return [""] * len(adapters)
    names = [path.stem for path in adapters]
    return names if len(set(names)) > 1 else [path.absolute().parent.name for path in adapters]


def model_files(options: Mapping[str, Any]) -> dict[str, Path]:
    """Names the files that scores depend on because of the models."""
    files = {}
    for name in ("targets", "adapters", "replicates"):
        for number, path in enumerate(options[name]):
            files[f"{name.removesuffix('s')}{number or ''}"] = path
    return files


def load_candidates(
    params: Path,
    weights: Path,
    fasta: Fasta,
    *,
    settings: ScoreSettings,
    options: Mapping[str, Any],
) -> list[Candidate]:
    """Loads the models: those of adapters, or of replicates, or the one.

    Args:
        params: Parameters of the model.
        weights: Its weights, or those of the adapters' base.
        fasta: The genome.
        settings: How variants are scored.
        options: Of the command.
    """
    from whelp.specs import TargetsTable

    adapters: Sequence[Path | None] = options["adapters"] or (None,)
    tables = [TargetsTable.read(path) for path in options["targets"]]
    tables *= len(adapters) if len(tables) == 1 else 1
    folders = _folders(options["adapters"]) or [""]
    models = [(weights, *one) for one in zip(adapters, tables, folders, strict=True)]
    models += [(replicate, None, tables[0], "") for replicate in options["replicates"]]
    candidates = []
    for path, adapter, targets, folder in models:
        model = load_model(params, path, {**options, "adapter": adapter})
        scorer = _scorer(model, targets, fasta, settings=settings, options=options)
        candidates.append(Candidate(folder, targets, model, scorer))
    return candidates


def one_scorer(candidates: Sequence[Candidate], options: Mapping[str, Any]) -> Any:
    """Gives one scorer of all models."""
    from whelp.scoring.several import Adapters, Replicates

    scorers = [one.scorer for one in candidates]
    if len(scorers) == 1:
        return scorers[0]
    if options["replicates"]:
        return Replicates(scorers)
    return Adapters({one.folder: one.scorer for one in candidates})


def load_scorer(
    params: Path, weights: Path, *, settings: ScoreSettings, options: Mapping[str, Any]
) -> Any:
    """Loads one scorer of all models in a process of its own, whose end closes the genome."""
    from whelp.cli.errors import import_backend

    import_backend()
    from whelp.genome.fasta import Fasta

    fasta = Fasta(options["genome"])
    candidates = load_candidates(params, weights, fasta, settings=settings, options=options)
    return one_scorer(candidates, options)


def _scorer(
    model: SequenceModel,
    targets: TargetsTable,
    fasta: Fasta,
    *,
    settings: ScoreSettings,
    options: Mapping[str, Any],
) -> VariantScorer | GeneScorer:
    from whelp.scoring.gene_scores import GeneScorer
    from whelp.scoring.gene_windows import GeneSettings
    from whelp.scoring.variant_scores import VariantScorer

    if options["genes"] is None:
        return VariantScorer(model, targets, fasta, settings=settings)
    genes = GeneSettings(
        options["genes"], options["center"], overlap=options["overlap"], span=options["span"]
    )
    return GeneScorer(model, targets, fasta, settings=settings, genes=genes)
