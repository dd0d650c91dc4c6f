"""`whelp convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, NEW_FILE, guarded
from whelp.cli.console import count, say
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

\b
Example:
  whelp convert trunk.h5 trunk.keras --params params.json --trunk
  whelp convert tuned.keras tuned.h5 --merge --params-out params.json
  whelp convert trunk.h5 tuned.keras --params params.json --adapter adapter.safetensors
"""


@click.command("convert", help=_HELP)
@click.argument("source", type=EXISTING_FILE)
@click.argument("target", type=NEW_FILE)
@click.option("-p", "--params", type=EXISTING_FILE, help="params.json of a .h5.")
@click.option(
    "-a", "--adapter", type=EXISTING_FILE, help="Adapter file to put on the .h5 or .keras base."
)
@click.option("--head", default="0", help="Head of a .h5, by index or name.  [default: 0]")
@click.option("--trunk", is_flag=True, help="Convert the trunk only.")
@click.option("--merge", "fold", is_flag=True, help="Fold adapters into the weights.")
@click.option("--params-out", type=NEW_FILE, help="Also write the model's params.json.")
@guarded
def command(source: Path, target: Path, **options: Any) -> None:
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

        text = load_params({"model": model.spec.given()}).to_json()
        write_text(options["params_out"], text)
        say(f"{options['params_out']}: its parameters")


def _read(source: Path, params: Path | None, *, head: str, trunk: bool) -> SequenceModel:
    from whelp.fitting import load_keras, read_weights
    from whelp.loading import load

    if source.suffix == ".keras":
        return load_keras(source)
    if source.suffix == ".safetensors":
        raise click.UsageError(
            "an adapter file holds no base: give the base's .h5 or .keras as SOURCE and this file "
            "as --adapter"
        )
    if params is None:
        raise click.UsageError("a .h5 has no description of its model: give --params params.json")
    wanted: int | str = "trunk" if trunk else int(head) if head.isdigit() else head
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
