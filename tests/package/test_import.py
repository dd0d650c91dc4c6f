"""`import whelp`: light, with lazy names, a backend, and classes that Keras finds."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import whelp

HEAVY = ("keras", "tensorflow", "jax", "torch", "numpy", "pandas", "matplotlib", "pydantic")


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**inherited, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _hide(*names: str) -> str:
    """Code after which `names` cannot be imported, as if they were not installed."""
    return textwrap.dedent(
        f"""
        import sys
        class Absent:
            def find_spec(self, name, path, target=None):
                if name.partition(".")[0] in {names!r}:
                    raise ModuleNotFoundError(name)
        sys.meta_path.insert(0, Absent())
        """
    )


def test_import_is_light() -> None:
    done = _python(f"import sys, whelp; print([n for n in {HEAVY!r} if n in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_specs_need_no_keras() -> None:
    done = _python("import sys, whelp; whelp.load_params; print('keras' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        whelp.laod  # noqa: B018
    assert "load" in dir(whelp)


@pytest.mark.parametrize("name", whelp.__all__)
def test_public_name_exists(name: str) -> None:
    assert getattr(whelp, name) is not None


@pytest.mark.parametrize(
    ("code", "environment", "backend"),
    [
        (_hide("tensorflow"), {}, "jax"),
        ("", {"KERAS_BACKEND": "jax"}, "jax"),
    ],
)
def test_backend_is_an_installed_one(
    tmp_path: Path, code: str, environment: dict[str, str], backend: str
) -> None:
    code += "import whelp, keras; print(keras.backend.backend())"
    # Keras writes its own choice into its home on first use: the second run starts from a file.
    for _ in range(2):
        done = _python(code, KERAS_HOME=str(tmp_path), **environment)
        assert done.stdout.strip() == backend, done.stderr


def test_configured_backend_is_kept_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    code = "from whelp._keras_setup import choose_backend; print(choose_backend())"
    done = _python(code, KERAS_HOME=str(tmp_path))
    assert done.stdout.strip() == "jax", done.stderr


def test_no_backend_is_told_with_a_remedy(tmp_path: Path) -> None:
    code = _hide("tensorflow", "jax", "torch") + "import whelp, keras"
    done = _python(code, KERAS_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "pip install whelp[tensorflow]" in done.stderr
