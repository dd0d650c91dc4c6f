# Everything here sets itself up: a machine with Python 3.11 to 3.13 and a network is enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# PyTorch and the packages that ported models are compared with have an environment of their own.
PARITY_VENV ?= .venv-parity
PARITY_STAMP := $(PARITY_VENV)/.installed
# A clone serves as well; where there is neither, tests that want Baskerville are skipped.
BASKERVILLE ?= git+https://github.com/calico/baskerville@544073b87245d9f43ba63442c75bdbf32a9f8720
BASKERVILLE_STAMP := $(PARITY_VENV)/.baskerville
DEMO_OUT ?= demo_out
PYTEST_ARGS ?=
# Test files that run at a time; 0 for one after the other in one process.
WORKERS ?= 2
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

export TF_CPP_MIN_LOG_LEVEL ?= 3
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONNOUSERSITE = 1

# What the JAX run covers: all that promises to work without TensorFlow.
JAX_TESTS ?= $(wildcard tests/layers tests/models tests/data tests/weights tests/adapters \
	tests/training tests/fitting tests/package tests/scoring \
	tests/interpreting tests/predicting tests/expression tests/eqtls \
	tests/cli/test_score.py tests/cli/test_variant_pictures.py)

.PHONY: help venv test test-tensorflow test-jax test-parity demo check format lock clean

help:
	@echo "make venv    virtual environment in $(VENV), from requirements.lock"
	@echo "make test    tests on TensorFlow, and on JAX with TensorFlow out of reach"
	@echo "make test-parity  models against the PyTorch packages and Baskerville, which it installs"
	@echo "make demo    adapt a pretrained mini Borzoi to mouse tracks; report in $(DEMO_OUT)"
	@echo "make check   ruff, mypy, import-linter"
	@echo "make lock    pin the newest allowed versions anew (needs uv)"

venv: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# The longest run comes last, so that the output ends with its summary.
test: test-jax test-tensorflow

test-tensorflow: $(STAMP)
	KERAS_BACKEND=tensorflow $(PYTEST) $(PYTEST_ARGS)

test-jax: $(STAMP)
	KERAS_BACKEND=jax PYTHONPATH=tests/plugins $(PYTEST) -p no_tensorflow \
		$(PYTEST_ARGS) $(JAX_TESTS)

# One process at a time: a model of each framework is in memory.
test-parity: $(PARITY_STAMP) $(BASKERVILLE_STAMP)
	for backend in jax tensorflow; do \
		KERAS_BACKEND=$$backend $(PARITY_VENV)/bin/python -m pytest $(PYTEST_ARGS) \
			tests/parity tests/weights/test_hub.py || exit 1; \
	done

$(PARITY_STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(PARITY_VENV)
	$(PARITY_VENV)/bin/python -m pip install --quiet --editable '.[dev,jax,parity,tensorflow-cpu]'
	@touch $@

# Without dependencies: Baskerville asks for TensorFlow 2.15, tf-keras for TensorFlow with its GPU.
$(BASKERVILLE_STAMP): $(PARITY_STAMP)
	version=$$($(PARITY_VENV)/bin/python -c 'import tensorflow as t; \
		print(t.__version__.rsplit(".", 1)[0])') && \
	$(PARITY_VENV)/bin/python -m pip install --quiet --no-deps "tf-keras==$$version.*" && \
	$(PARITY_VENV)/bin/python -m pip install --quiet natsort google-cloud-storage && \
	$(PARITY_VENV)/bin/python -m pip install --quiet --no-deps '$(BASKERVILLE)' && touch $@ || \
	echo "Baskerville cannot be installed from $(BASKERVILLE): its tests are skipped"

demo: $(STAMP)
	$(BIN)/whelp demo --out-dir $(DEMO_OUT)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:
	uv pip compile pyproject.toml --extra dev --extra tensorflow-cpu --extra jax --universal \
		--python-version 3.11 --no-header --no-annotate --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) $(PARITY_VENV) build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
