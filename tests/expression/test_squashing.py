"""Which way targets were squashed: by the word of the data, the model and the user."""

import json
from pathlib import Path

import pytest

from whelp.expression import ExpressionError
from whelp.expression.evaluation import squashed_old
from whelp.scoring.errors import ScoreError
from whelp.specs import ModelSpec

_STATISTICS = {"seq_length": 64, "target_length": 4, "num_targets": 1, "pool_width": 16}


def write(folder: Path, said: str | None) -> Path:
    transform = {} if said is None else {"target_transform": said}
    (folder / "statistics.json").write_text(json.dumps(_STATISTICS | transform))
    return folder


def model(said: str | None) -> ModelSpec:
    head = {"name": "final", "units": 1}
    values = {"seq_length": 64, "activation": "gelu", "trunk": [{"name": "conv_dna"}], "head": head}
    return ModelSpec.parse(values | ({} if said is None else {"target_transform": said}))


@pytest.mark.parametrize("said", [None, "old", "new"])
def test_who_says_what(tmp_path: Path, said: str | None) -> None:
    is_old = said == "old"
    assert squashed_old(write(tmp_path, said), None, None) == is_old
    assert squashed_old(write(tmp_path, said), model(said), None) == is_old
    assert squashed_old(write(tmp_path, None), model(said), None) == is_old
    assert squashed_old(write(tmp_path, said), model(None), None) == is_old
    assert squashed_old(write(tmp_path, None), model(None), True)


def test_contradictions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExpressionError, match="squashed in the new way .* the old was asked"):
        squashed_old(write(tmp_path, "new"), model(None), True)
    with pytest.raises(ScoreError, match="squashed in the new way"):
        squashed_old(write(tmp_path, None), model("new"), True)
    with pytest.raises(ScoreError, match="squashed in the new way"):
        squashed_old(write(tmp_path, "old"), model("new"), None)
