# Two commands are all it takes: `make demo` and `make test`. Both bring what they need into this folder.
.DEFAULT_GOAL := help
.PHONY: help demo test lint clean

PYTHON ?= python3
OWN_LABEL_STUDIO := .venv-label-studio/bin/label-studio
LABEL_STUDIO ?= $(OWN_LABEL_STUDIO)
LABEL_STUDIO_IS_IN := $(if $(filter $(OWN_LABEL_STUDIO),$(LABEL_STUDIO)),.venv-label-studio/.is-in)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
NEEDED := import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed (this is %s): make PYTHON=python3.12 …" % sys.version.split()[0])

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 8
	@echo 'make demo IMAGES=some/folder LABELS="cat, sofa, person"   your own photos and words'
	@echo 'make demo ONCE=1                                          end when the masks are in'

demo: .venv/.demo-is-in $(LABEL_STUDIO_IS_IN)  ## Label Studio with masks on photos, on this machine
	@echo "Starting the demo (Ctrl-C ends it)."
	@$(BIN)/python -m backend.demo --label-studio "$(abspath $(LABEL_STUDIO))" \
	    $(if $(IMAGES),--images "$(IMAGES)") $(if $(LABELS),--labels "$(LABELS)") $(if $(ONCE),--once)

test: .venv/.test-is-in $(LABEL_STUDIO_IS_IN)  ## set up and run the whole test suite
	ZEGCLIP_LABEL_STUDIO="$(abspath $(LABEL_STUDIO))" $(BIN)/python -m pytest -q --durations=15 $(TESTS)

lint: .venv/.test-is-in  ## ruff and mypy, as in CI
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## remove both environments and the demo
	rm -rf .venv .venv-label-studio .demo

# A marker, not the program, says that an environment is complete: an interrupted set-up is taken up again.
.venv/.is-made:
	@$(PYTHON) -c '$(NEEDED)'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.demo-is-in: pyproject.toml | .venv/.is-made
	@echo "Installing the product; the first time downloads PyTorch, which takes a few minutes."
	$(PIP) -e '.[demo]'
	@touch $@

.venv/.test-is-in: pyproject.toml | .venv/.is-made
	@echo "Installing the product and its test tools; the first time takes a few minutes."
	$(PIP) -e '.[demo,test]'
	@touch $@

# Label Studio pins other versions of the same libraries: it lives in an environment of its own.
.venv-label-studio/.is-in:
	@$(PYTHON) -c '$(NEEDED)'
	@echo "Installing Label Studio into .venv-label-studio; this takes one to three minutes."
	$(PYTHON) -m venv .venv-label-studio
	.venv-label-studio/bin/python -m pip install --disable-pip-version-check 'label-studio>=1.23.2,<1.24'
	@touch $@
