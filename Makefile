# make demo       install, make a song, mix it: everything ends up in demo/
# make test       install with the test extra, run the tests (make test-all: the long ones too)
# make test-matrix  the tests on each Python, set of libraries and kind of processor: docs/machines.md
# make soak       the long half of docs/reliability.md: an hour of damage, kills and many files
# make bench      install the peers, measure them beside dasp (about 12 minutes)
# make docs       the site: docs/_build/html (make docs-serve: shows it in a browser)
# make clean      remove what these commands made

PYTHON ?= python3
BIN := .venv/bin
MATRIX ?= .matrix
# One thread for each of pytest's processes: together they fill the machine. Each has a part of the
# files, so that what a file prepares is prepared once, and helps the other in the end. Bytecode is
# kept, whatever the shell says: dozens of tests start a Python.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist worksteal -q
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: demo test test-all test-matrix soak lint bench docs docs-serve clean

demo: .venv/installed-plot
	$(BIN)/dasp synthesise demo/stems --seconds 20 --seed 5 --force
	$(BIN)/dasp mix demo/stems -o demo/mix.wav --force
	$(BIN)/dasp plot demo/mix.json -o demo/console.png --force

# Pages are tried in a browser where there is one.
test: .venv/installed-test $(if $(CHROMIUM),.venv/installed-browser)
	$(PYTEST) -m "not long"

test-all: .venv/installed-test .venv/installed-browser
	$(PYTEST)

# All rows, or ROWS="py313 floor"; of the suite all, or TESTS="tests/signal".
test-matrix:
	$(PYTHON) -m tests.matrix $(ROWS) --folder $(MATRIX) $(if $(TESTS),--tests $(TESTS))

soak: .venv/installed-test
	$(PYTEST) -m long tests/contracts/test_abuse.py
	$(BIN)/python -m tests.fuzz_audio 600
	$(BIN)/python -m tests.kill_batch 50
	$(BIN)/python -m benchmarks.many_files

# diffFx-pytorch demands an older torchlpc, and torchaudio, of which no build loads beside this
# torch: without its dependencies it runs.
bench: .venv/installed-bench
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps diffFx-pytorch==0.0.5
	$(BIN)/python -m benchmarks.generate

# One thread a process, as for the tests: what runs are small tensors, and -j has the cores.
docs: .venv/installed-docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -q -W --keep-going -j auto -d docs/_build/doctrees docs docs/_build/html

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory docs/_build/html 8000

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv .matrix demo build dist docs/_build docs/gallery docs/reference *.egg-info

.venv/installed-%: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[$*]"
	touch $@

.venv/bin/python:
	$(PYTHON) -m venv .venv
