"""How `whelp score` runs: in this process, by workers, or a part of the variants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.cluster_options import chosen_runner
from whelp.cli.console import count, say, show_table
from whelp.cli.errors import import_backend
from whelp.cli.recorded import forget_options, record_options
from whelp.cli.score_display import ScoreBar, say_scored, say_transform
from whelp.cli.score_files import write_score_files
from whelp.cli.scorers import Candidate, load_candidates, load_scorer, model_files, one_scorer
from whelp.cli.variant_report import write_variant_report

if TYPE_CHECKING:
    from whelp.scoring.divided import Division
    from whelp.scoring.settings import ScoreSettings
    from whelp.workers import Runner


@dataclass(frozen=True)
class ScoreCommand:
    """What is scored, and how.

    Attributes:
        params: Parameters of the model.
        weights: Its weights.
        variants: The variants.
        options: Of the command.
    """

    params: Path
    weights: Path
    variants: Path
    options: dict[str, Any]

    @property
    def settings(self) -> ScoreSettings:
        """How variants are scored."""
        from whelp.scoring.settings import ScoreSettings

        return ScoreSettings(
            statistics=self.options["statistics"],
            shifts=tuple(self.options["shifts"]),
            rc=self.options["rc"],
            cluster=self.options["share"],
            old=self.options["transform_old"],
            batch_size=self.options["batch_size"],
        )

    @property
    def files(self) -> dict[str, Path]:
        """What scores depend on, by name."""
        files = {"params": self.params, "weights": self.weights, "variants": self.variants}
        more = {name: self.options[name] for name in ("genome", "genes") if self.options[name]}
        return files | model_files(self.options) | more

    @property
    def run(self) -> dict[str, Any]:
        """What scores depend on, to be compared."""
        from whelp.scoring.run import describe_run

        by_gene = ("center", "overlap", "span") if self.options["genes"] is not None else ()
        known = ("head", "precision", "tf32", *by_gene)
        return describe_run(
            self.settings, self.files, **{name: self.options[name] for name in known}
        )


@dataclass(frozen=True)
class _Opened:
    """A command with its models loaded."""

    candidates: list[Candidate]
    division: Division
    bar: ScoreBar
    fasta: Any


def run_scores(command: ScoreCommand) -> None:
    """Scores in this process, by a cluster's workers, or a part of the variants."""
    options = command.options
    if options["part"] is not None:
        _run_part(command)
        return
    with chosen_runner(options) as runner:
        import_backend(cpu=runner is not None)
        with _opened(command) as opened:
            before = None if runner is None else _run_pieces(command, opened, runner)
            _finish(command, opened, before=before)


def gather_scores(recorded: Mapping[str, Any]) -> None:
    """Ends what `_run_part` began, by the options of one of the jobs."""
    from whelp.scoring.divided import check_gathered

    command = ScoreCommand(**recorded)
    import_backend()
    with _opened(command) as opened:
        check_gathered(opened.division, command.options["part"][1])
        _finish(command, opened)


def _run_part(command: ScoreCommand) -> None:
    from whelp.scoring.divided import score_part

    options = command.options
    number, parts = options["part"]
    import_backend()
    with _opened(command) as opened:
        rest = {"resume": True, "existing": "resume"}
        record_options(options["out_dir"], {**vars(command), "options": {**options, **rest}})
        made = score_part(
            opened.division,
            options["part"],
            strict=options["strict"],
            progress=opened.bar.show,
        )
    say(f"part {number} of {parts}: {count(made)} rows of scores made; when all parts are done:")
    say(f"  whelp gather {options['out_dir']}")


def _run_pieces(command: ScoreCommand, opened: _Opened, runner: Runner) -> int:
    """Have workers score; give how many rows were there before."""
    from whelp.scoring.divided import score_on

    # Workers may be at home in another folder.
    options = {name: _absolute(value) for name, value in command.options.items()}
    paths = (command.params.absolute(), command.weights.absolute())
    return score_on(
        runner,
        opened.division,
        partial(load_scorer, *paths, settings=command.settings, options=options),
        existing=options["existing"],
        strict=options["strict"],
        progress=opened.bar.show,
    )


@contextmanager
def _opened(command: ScoreCommand) -> Iterator[_Opened]:
    """Load the models, and say what they are."""
    from whelp.genome.fasta import Fasta
    from whelp.scoring.census import VariantFile
    from whelp.scoring.divided import Division

    options = command.options
    what = "variants" if options["genes"] is None else "variants by gene"
    with Fasta(options["genome"]) as fasta, ScoreBar(what) as bar:
        candidates = load_candidates(
            command.params, command.weights, fasta, settings=command.settings, options=options
        )
        say_transform(candidates[0].model.spec, command.settings.old)
        say(candidates[0].scorer.alleles.predictor.describe())
        scorer = one_scorer(candidates, options)
        if options["replicates"]:
            say(f"Scores are averaged over {len(candidates)} models, with their standard deviation")
        elif len(candidates) > 1:
            say(scorer.describe())
        source = VariantFile(command.variants, fasta, scorer.alleles.longest)
        division = Division(scorer, source, options["out_dir"], command.run)
        yield _Opened(candidates, division, bar, fasta)


def _finish(command: ScoreCommand, opened: _Opened, *, before: int | None = None) -> None:
    """Score what is missing, write all files, and print the largest scores."""
    from whelp.scoring.run import score_to_file

    options, division = command.options, opened.division
    summary = score_to_file(
        division.scorer,
        division.variants,
        options["out_dir"],
        run=division.run,
        existing=options["existing"] if before is None else "resume",
        strict=options["strict"],
        progress=opened.bar.show if before is None else None,
    )
    opened.bar.close()
    if before is not None:
        summary = summary._replace(resumed=before)
    several = opened.candidates[:1] if options["replicates"] else opened.candidates
    for one in several:
        own = summary._replace(path=options["out_dir"] / one.folder / summary.path.name)
        write_score_files(own.path, division.variants, options)
        if options["report"]:
            _report(command, own, one, opened.fasta)
        _say_end(own, options)
    forget_options(options["out_dir"])


def _absolute(value: Any) -> Any:
    if isinstance(value, Path):
        return value.absolute()
    return tuple(_absolute(one) for one in value) if isinstance(value, tuple) else value


def _report(command: ScoreCommand, summary: Any, one: Candidate, fasta: Any) -> None:
    page = write_variant_report(
        summary, one.scorer, fasta, model=one.model, targets=one.targets, files=command.files
    )
    say(f"report written to {page}" if page else "no report: there is nothing to rank")


def _say_end(summary: Any, options: dict[str, Any]) -> None:
    from whelp.scoring.score_table import top_scores
    from whelp.scoring.statistics import STATISTICS
    from whelp.scoring.table import SPREAD

    ranking = [name for name in options["statistics"] if not STATISTICS[name].is_coverage]
    if ranking and summary.variants and options["top"] > 0:
        best = top_scores(summary.path, ranking[0], number=options["top"])
        genes = ["gene_name"] if "gene_name" in best else []
        numbers = [name for name in (ranking[0], ranking[0] + SPREAD) if name in best]
        rows = [
            [row["id"], f"{row['chrom']}:{row['pos']}", row["ref"], row["alt"]]
            + [row[name] for name in [*genes, "track", "description"]]
            + [f"{row[name]:.4g}" for name in numbers]
            for row in best.to_dict("records")
        ]
        headings = ["variant", "place", "ref", "alt", *(["gene"] if genes else [])]
        headings += ["track", "description", *numbers]
        name = f"{summary.path.parent.name}: " if len(options["adapters"]) > 1 else ""
        title = f"{name}Largest {ranking[0]}, in the track where it is"
        show_table(title, headings, rows, numbers=numbers)
    say_scored(summary)
