"""`whelp convert`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, NEW_FILE, guarded
from whelp.cli.console import count, say, warn
from whelp.cli.merging import write_text

if TYPE_CHECKING:
    from whelp.models import SequenceModel

ENDINGS = (".h5", ".keras", ".safetensors")


_HELP = """\
Convert the model of SOURCE to the format that TARGET's ending names.

\b
  .h5            weights as Baskerville reads and writes them; needs --params to be read
  .keras         a whole Keras model with its spec and adapters; read by keras.models.load_model
  .safetensors   an adapter with its head, without its base

SOURCE can also be a file of enformer-pytorch or borzoi-pytorch (.safetensors, .bin, .pt), of whose
code nothing is run; DeepMind's checkpoint of Enformer, by its .index, its name without that, or its
folder; or the name of a model on the Hugging Face hub, such as hf:johahi/flashzoi-replicate-0. Each
needs --params, such as one of json_configs/models. What is known of the file stands in TARGET;
`whelp inspect TARGET` shows it.

\b
Example:
  whelp convert enformer.safetensors enformer.keras --params enformer.json --head all
  whelp convert trunk.h5 trunk.keras --params params.json --trunk
  whelp convert tuned.keras tuned.h5 --merge --params-out params.json
  whelp convert trunk.h5 tuned.keras --params params.json --adapter adapter.safetensors
"""


class _Source(click.Path):
    """An existing file or folder, a checkpoint by its name, or a name on a hub."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Checks a path and leaves other names alone."""
        if isinstance(value, str) and value.startswith("hf:"):
            return value
        checkpoint = Path(f"{value}.index").is_file()
        return Path(value) if checkpoint else super().convert(value, param, ctx)


@click.command("convert", help=_HELP)
@click.argument("source", type=_Source(exists=True, path_type=Path))
@click.argument("target", type=NEW_FILE)
@click.option(
    "-p", "--params", type=EXISTING_FILE, help="params.json of a SOURCE other than a .keras."
)
@click.option(
    "-a", "--adapter", type=EXISTING_FILE, help="Adapter file to put on the .h5 or .keras base."
)
@click.option("--head", default="0", help="Head, by index or name, or 'all'.  [default: 0]")
@click.option("--trunk", is_flag=True, help="Convert the trunk only.")
@click.option("--merge", "fold", is_flag=True, help="Fold adapters into the weights.")
@click.option("--params-out", type=NEW_FILE, help="Also write the model's params.json.")
@guarded
def command(source: Path | str, target: Path, **options: Any) -> None:
    """Convert the model of SOURCE to the format that TARGET's ending names."""
    if target.suffix not in ENDINGS:
        raise click.UsageError(f"TARGET must end in {', '.join(ENDINGS)}; got {target.name!r}")
    trunk, adapter = options["trunk"], options["adapter"]
    model = _read(source, options["params"], head=options["head"], trunk=trunk or bool(adapter))
    if adapter is not None:
        from whelp.adapters import load_adapter

        model = load_adapter(model, adapter)
    if options["fold"]:
        from whelp.adapters import merge

        model = merge(model)
    _write(model, target, trunk=trunk)
    say(f"{target}: {count(model.count_params())} parameters, head {model.head}")
    if options["params_out"] is not None:
        from whelp.specs import load_params

        section = model.spec.unlocated(options["params_out"].parent).given()
        text = load_params({"model": section}).to_json()
        write_text(options["params_out"], text)
        say(f"{options['params_out']}: its parameters")


def _read(source: Path | str, params: Path | None, *, head: str, trunk: bool) -> SequenceModel:
    from whelp.adapters import is_adapter_file
    from whelp.fitting import load_keras, read_weights
    from whelp.loading import load
    from whelp.weights import is_port

    if isinstance(source, Path) and source.suffix == ".keras":
        return load_keras(source)
    if isinstance(source, Path) and is_adapter_file(source):
        raise click.UsageError(
            "an adapter file holds no base: give the base's .h5 or .keras as SOURCE and this file "
            "as --adapter"
        )
    if params is None:
        raise click.UsageError("SOURCE has no description of its model: give --params params.json")
    wanted: int | str = "trunk" if trunk else int(head) if head.isdigit() else head
    if is_port(source):
        with warnings.catch_warnings(record=True) as caught:
            model = load(params, source, head=wanted, trunk=trunk or None)
        for warning in caught:
            warn(str(warning.message))
        return model
    model = load(params, head=wanted)
    read_weights(model, source, trunk=trunk)
    return model


def _write(model: SequenceModel, target: Path, *, trunk: bool) -> None:
    from whelp.adapters import save_adapter
    from whelp.files import atomic_path
    from whelp.loading import save_weights

    if target.suffix == ".safetensors":
        save_adapter(model, target)
    elif target.suffix == ".h5":
        save_weights(model, target, trunk=trunk)
    else:
        with atomic_path(target) as temporary:
            model.save(temporary)
