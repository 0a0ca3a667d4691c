# Every command makes the environment that it needs: .venv, once.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CODE := src tests benchmarks

.PHONY: setup demo test lint

setup: $(READY)

$(READY): requirements/torch.txt requirements/constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq -r requirements/torch.txt
	$(BIN)/python -m pip install -qq -c requirements/constraints.txt -e ".[dev,worlds,onnx,notebook]"
	touch $@

demo: $(READY)
	$(BIN)/trisect demo --out demo

lint: $(READY)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread per process: two test processes share two cores.
test: lint
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/pytest -n 2
