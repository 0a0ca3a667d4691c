# Every command makes the environment that it needs: .venv, once.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SPHINX := $(BIN)/sphinx-build --quiet --fresh-env --nitpicky --fail-on-warning --keep-going
CODE := src tests benchmarks tools docs

.PHONY: setup demo tutorial docs docs-check test faults lint

setup: $(READY)

$(READY): requirements/torch.txt requirements/constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq -r requirements/torch.txt
	$(BIN)/python -m pip install -qq -c requirements/constraints.txt -e ".[dev,docs,all]"
	touch $@

demo: $(READY)
	$(BIN)/trisect demo --out demo

# The notebooks anew from their pages; with outputs in build/tutorials.
tutorial: $(READY)
	$(BIN)/python tools/notebook.py make
	$(BIN)/python tools/notebook.py run --out build/tutorials

# The site. The tutorial runs when its cells changed since the last build; remove build/jupyter-cache to run it anyway.
docs: $(READY)
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(SPHINX) docs build/docs

# The same without running the tutorial.
docs-check: $(READY)
	$(SPHINX) -D nb_execution_mode=off docs build/docs-check

lint: $(READY)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread per process: two test processes share two cores.
test: lint
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

# Kills, full disks, missing permissions and flipped bits, all of them: an hour or two. It can be stopped and continued;
# remove build/faults.jsonl to begin anew.
faults: $(READY)
	$(BIN)/python -m tests.faults
