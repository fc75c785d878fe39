# Linux and macOS. Everything happens in .venv; nothing is installed elsewhere, except that missing
# system libraries are installed when you are root on Debian or Ubuntu.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help demo test slow pyside6 lint types contracts manifest distributions check \
        bundled-model benchmarks screenshots constraints environment system clean distclean

BIN := .venv/bin
ARGS ?=
PYSIDE6 := $(foreach part,PySide6 PySide6_Essentials PySide6_Addons shiboken6,$(part)==6.8.3)

help: ## this list
	@echo "make TARGET [ARGS='more arguments'] [PYTHON=/path/to/python3.11]"
	@sed -n -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: environment ## phantom case -> ROI -> new synthetic ROIs of each class, in ./demo; then the workbench
	@scripts/system_packages.sh || echo "The demo goes on without a window."
	$(BIN)/tumor-synth demo --overwrite $(ARGS)
	@scripts/open_workbench.sh $(BIN) demo/phantoms/HGG

test: system environment ## the whole suite except what is slow (virtual display when there is none)
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

slow: system environment ## the slow tests
	@$(BIN)/python -m pytest -m slow $(ARGS) || \
	  { status=$$?; [ $$status -eq 5 ] || exit $$status; echo "There are no slow tests."; }

pyside6: system environment ## the tests of windows with PySide6, which is put into a folder of its own (.pyside6)
	@[[ -d .pyside6 ]] || $(BIN)/pip install --no-deps --target .pyside6 $(PYSIDE6)
	PYTHONPATH="$(CURDIR)/.pyside6" QT_API=pyside6 PYTEST_QT_API=pyside6 \
	  $(BIN)/python -m pytest -m "not slow" $(ARGS) tests/gui

check: lint types contracts manifest distributions ## all checks that are not tests

lint: environment ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: environment ## static types
	$(BIN)/mypy

contracts: environment ## imports only point down the floors
	$(BIN)/lint-imports

manifest: environment ## the napari manifest is valid
	$(BIN)/npe2 validate src/napari_tumor_synth/napari.yaml

distributions: environment ## build sdist and wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

bundled-model: environment ## train the bundled model again from nothing (hours)
	$(BIN)/python scripts/bundled_model.py $(ARGS)

benchmarks: environment ## measure afresh: benchmarks/results/*.json and docs/performance.md
	@mkdir -p benchmarks/results
	@for script in benchmarks/*.py; do \
	  result="benchmarks/results/$$(basename "$$script" .py).json"; echo "$$script" >&2; \
	  display=""; [[ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]] || display="$$(command -v xvfb-run || true)"; \
	  $${display:+$$display -a -s "-screen 0 1600x1000x24"} $(BIN)/python "$$script" $(ARGS) > "$$result.part"; mv "$$result.part" "$$result"; done
	$(BIN)/python scripts/write_performance.py

screenshots: system environment ## take the pictures of docs/guide.md anew, in the dark and the light theme
	@for theme in dark light; do \
	  display=""; [[ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]] || display="xvfb-run -a"; \
	  $${display:+$$display -s "-screen 0 1920x1200x24"} $(BIN)/python scripts/make_screenshots.py --theme $$theme $(ARGS); done

constraints: environment ## pin what .venv holds (in an environment made afresh)
	scripts/write_constraints.sh

environment: ## .venv with the project and everything it needs
	@scripts/setup_environment.sh

system: # libraries for Qt and the virtual display
	@scripts/system_packages.sh

clean: ## remove build outputs and caches
	rm -rf build dist htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv as well
	rm -rf .venv
