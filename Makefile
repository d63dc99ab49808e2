# make demo   the whole way from weights to runs/demo/report.html; makes .venv if there is none
# make test   lint, types and tests, likewise
# make results   renews the figures in results/; ONLY=latency,counts some of them, STALE=1 those of
#             earlier files, LIST=1 shows the table, BUSY=1 times on a machine that is not quiet
# make slow   the tests that `make test` leaves out because they take minutes
# make lint   ruff (rules and format) and mypy alone
# make docs   the reference of all packages, from their docstrings, to build/docs/index.html
# make clean  removes what these commands wrote; the environment and other runs stay
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test results slow lint docs clean
.DELETE_ON_ERROR:

demo: $(INSTALLED)
	$(BIN)/python -m benchmarks.demo --overwrite

test: lint
	$(BIN)/python -m pytest -q -m "not slow" -n 2 --dist loadfile

results: $(INSTALLED)
	$(BIN)/python -m benchmarks.results $(if $(ONLY),--only $(ONLY)) $(if $(STALE),--stale) \
	  $(if $(BUSY),--busy) $(if $(LIST),--list)

slow: $(INSTALLED)
	$(BIN)/python -m pytest -q -m slow --timeout 3600

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/python -m benchmarks.docs.reference

clean:
	rm -rf runs/demo build dist .mypy_cache .pytest_cache .ruff_cache

# torch goes first and exactly: a CPU build on hand is then taken, and torchvision settles for it.
$(INSTALLED): setup.cfg pyproject.toml
	@command -v $(PYTHON) > /dev/null || { \
	  echo "$(PYTHON): not found; install Python 3.11 or name one: make PYTHON=/path/to/python3.11"; \
	  exit 2; }
	@echo "Installing into $(VENV), about 5 GB, a few minutes …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq torch==2.13.0
	@$(BIN)/python -m pip install -qq --editable ".[all]"
	@$(BIN)/python -m pip check
	@touch $@
