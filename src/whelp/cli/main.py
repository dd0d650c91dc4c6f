"""The command `whelp`."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

import whelp

COMMANDS = {
    "fit": "From BigWigs to an evaluated model, in one call.",
    "transfer": "Adapt a pretrained model to new tracks.",
    "train": "Train a whole model, from random or given weights.",
    "folds": "Train and evaluate replicates on the folds of a data set.",
    "evaluate": "Measure the accuracy of weights on held-out windows.",
    "score": "Score what variants change in predicted tracks.",
    "gather": "Put together what jobs with --part have made.",
    "sbatch": "Write scripts that give a command to Slurm, in parts or as one job.",
    "eqtl": "Benchmark scores by expression QTLs: causal variants, signs, effects.",
    "predict": "Predict tracks of regions, sequences or variants, as BigWig or HDF5.",
    "ism": "Replace every base of stretches of DNA, and score the change.",
    "attribute": "Say by gradients what each base does to predicted coverage.",
    "merge": "Fold an adapter into its base, as weights that Baskerville loads.",
    "convert": "Convert weights between .h5, .keras and adapter files.",
    "data": "Make a data set from a genome and BigWigs: windows, folds, records.",
    "targets": "Write the targets table of BigWig files.",
    "pseudobulk": "Make BigWigs of groups of single cells from a BAM file.",
    "inspect": "Show a model's layers, parameters and memory; or check a targets table.",
    "demo": "Adapt a pretrained mini Borzoi to real mouse tracks, by five methods.",
}
"""Name -> what it does. The module of a command is imported when it is used."""

_MODULES = {
    "fit": "fitting_tracks",
    "transfer": "transferring",
    "train": "training",
    "folds": "folding",
    "evaluate": "evaluating",
    "score": "scoring",
    "gather": "gathering",
    "sbatch": "submitting",
    "eqtl": "benchmarking_eqtls",
    "predict": "predicting",
    "ism": "mutating",
    "attribute": "attributing",
    "merge": "merging",
    "convert": "converting",
    "data": "making_data",
    "targets": "targeting",
    "pseudobulk": "pseudobulking",
    "inspect": "inspecting",
    "demo": "demonstration",
}


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order in which a project meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"whelp.cli.{_MODULES[cmd_name]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest command when one is misspelt."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], list(COMMANDS), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `whelp demo`; `whelp COMMAND --help` explains a command with an example.",
)
@click.version_option(whelp.__version__, prog_name="whelp")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Fine-tune pretrained sequence-to-function models of DNA on new tracks."""
    ctx.obj = {"debug": debug}


def run() -> Any:
    """Runs `whelp` on the command line of this process."""
    return main(prog_name="whelp")


if __name__ == "__main__":
    sys.exit(run())
