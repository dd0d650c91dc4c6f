"""`whelp merge`."""

from __future__ import annotations

from pathlib import Path

import click

from whelp.cli.common import EXISTING_FILE, NEW_FILE, guarded
from whelp.cli.console import count, say

_HELP = """\
Fold ADAPTER into the base WEIGHTS: plain weights, with the adapter's head.

PARAMS describes the base (its head does not matter). LoRA, DoRA, IA3 and Locon fold, and
predict the same afterwards; Houlsby and squeeze-excite adapters do not fold. An adapter that
was trained on another base is refused.

\b
Example:
  whelp merge params.json trunk.h5 out/lora/adapter.safetensors -o merged.h5
"""


@click.command("merge", help=_HELP)
@click.argument("params", type=EXISTING_FILE)
@click.argument("weights", type=EXISTING_FILE)
@click.argument("adapter", type=EXISTING_FILE)
@click.option("-o", "--out", type=NEW_FILE, required=True, help="The merged .h5 to write.")
@click.option(
    "--params-out", type=NEW_FILE, help="Also write the params.json that loads the merged weights."
)
@guarded
def command(params: Path, weights: Path, adapter: Path, out: Path, params_out: Path | None) -> None:
    """Fold ADAPTER into the base WEIGHTS: plain weights, with the adapter's head."""
    from whelp.adapters import load_adapter, merge
    from whelp.fitting import read_weights
    from whelp.loading import load, save_weights
    from whelp.specs import load_params

    base = load(params, head="trunk")
    read_weights(base, weights, trunk=True)
    merged = merge(load_adapter(base, adapter))
    save_weights(merged, out)
    say(f"{out}: {count(merged.count_params())} parameters, head {merged.head}")
    same = load_params(params).model.given() == merged.spec.given()
    if params_out is not None:
        whole = {**load_params(params).to_dict(), "model": merged.spec.given()}
        write_text(params_out, load_params(whole).to_json())
        say(f"{params_out}: the parameters that load it")
    elif not same:
        say("The adapter has a head of its own: --params-out writes the params.json that fits it.")


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    from whelp.files import atomic_path

    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
