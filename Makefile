# make study   the whole study: data, models, policies, reports  -> reports/build/
# make test    the tests
# Both need only Python >= 3.11 and make: they create .venv and install the locked dependencies first.
PYTHON ?= python3
VENV   := .venv
ifeq ($(OS),Windows_NT)
BIN    := $(VENV)/Scripts
else
BIN    := $(VENV)/bin
endif
READY  := $(VENV)/.ready
EXTRAS := report cluster formats jupyter docs test dev

.PHONY: study test test-slow lint bench lab notebooks docs lock clean help

help:
	@sed -n '1,3p' Makefile

study: $(READY)
	$(BIN)/cbecmodel run analysis/study.yaml

test: $(READY)
	$(BIN)/python -m pytest -q -n auto -m "not slow"

test-slow: $(READY)
	$(BIN)/python -m pytest -q -n auto -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m pytest -q benchmarks --benchmark-only --benchmark-disable-gc --benchmark-columns=min,median,max,rounds
	$(BIN)/python benchmarks/structure_fit.py
	$(BIN)/python benchmarks/structure_bootstrap.py

notebooks: $(READY)
	mkdir -p reports/build/notebooks
	set -e; for notebook in analysis/notebooks/*.py; do \
	    $(BIN)/python -m jupytext --quiet --to ipynb --execute --output reports/build/notebooks/$$(basename $$notebook .py).ipynb $$notebook; done

lab: $(READY)
	$(BIN)/python -m jupytext --to ipynb --update analysis/notebooks/*.py
	$(BIN)/jupyter lab --notebook-dir analysis/notebooks 01_study.ipynb

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# the lock covers every extra, for every platform, with hashes; the second file holds the oldest versions setup.cfg admits
lock: $(READY)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" \
	    $(addprefix --extra ,$(EXTRAS)) setup.cfg -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" \
	    --resolution lowest-direct --extra report --extra formats --extra test --extra cluster setup.cfg -o .ci/requirements-minimum.lock

clean:
	rm -rf reports/build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .benchmarks

$(READY): requirements.lock setup.cfg setup.py pyproject.toml $(wildcard cbecmodel/structure/resampling/kernel/*)
	@$(PYTHON) -c 'import sys; sys.exit("cbecmodel needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12 ..." % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import pathlib; pathlib.Path("$(READY)").touch()'
