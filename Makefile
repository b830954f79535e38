# make run         set up and open the dashboard, for this machine only; STREAMLIT_SERVER_ADDRESS=0.0.0.0 serves other machines, too
# make test        set up and run every check; PROCESSES=4 runs the tests in four processes instead of two
# make test-quick  run the tests that need no browser, worker, server or training, in one minute
# make coverage    run all tests, print which lines and branches they miss, and check the thresholds
# make check       check style, format, types and import rules
# make setup       set up only: .venv, packages, MNIST
# make lock        pin every package in requirements.txt, from pyproject.toml; UPGRADE=--upgrade updates the versions
# make audit       look for known vulnerabilities in the pinned packages; it fails if a package cannot be audited
# make licenses    list the licenses of all installed packages; it fails if a license is not known to be compatible with MIT
# make bench       measure Digit Lab and its alternatives, in about an hour

PYTHON ?= python3
export HOME ?= $(CURDIR)/.cache
unexport PYTHONDONTWRITEBYTECODE  # With this variable, every process would compile TensorFlow again.
BIN := .venv/bin
# Processes of the tests. Each needs up to 4 GB of memory with its worker, server and browser.
PROCESSES ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses=$(PROCESSES)
# Minimum coverage, in percent, of the packages that store labs, run jobs, and open untrusted files.
THRESHOLD := 95
PROTECTED := digitcore/storage digitcore/jobs digitcore/models/upload.py digitcore/models/sandbox.py
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV := uv==0.13.9
# uv needs a fifth of pip's time. It does not read pip's configuration, so where uv fails, pip installs or prints the reason.
# Python compiles the modules that it uses. The compilation of all of TensorFlow would take half a minute.
install = $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) 2>/dev/null || $(PIP) --no-compile $(1)
.DEFAULT_GOAL := help

.PHONY: help check-python setup run test test-quick coverage check check-style check-types lock bench audit licenses
help:
	@sed -n 's/^# make/make/p' Makefile

# TensorFlow and other required packages exist only for these versions and machines.
define CHECK_PYTHON
import platform, sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    reason = ", for which TensorFlow has no package" if sys.version_info[:2] > (3, 13) else ""
    sys.exit("Digit Lab needs Python 3.11 to 3.13, not %d.%d%s. Name another Python with PYTHON=..." % (*sys.version_info[:2], reason))
if platform.system() == "Darwin" and platform.machine() == "x86_64":
    sys.exit("Digit Lab does not run on Macs with an Intel processor, because TensorFlow has no package for them. Use Docker.")
endef
export CHECK_PYTHON

.venv/ready: requirements.txt pyproject.toml | check-python
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	-$(PIP) $(UV)
	$(call install,--requirement requirements.txt)
	$(call install,--no-deps --editable .)
	touch $@

.venv/ready-to-test: .venv/ready tests/requirements.txt
	$(call install,--requirement tests/requirements.txt)
	touch $@

check-python:
	@$(PYTHON) -c "$$CHECK_PYTHON"

setup: .venv/ready
	@$(BIN)/digitlab data || echo "Continuing without MNIST. Drawing works, and training asks for MNIST."

run: export STREAMLIT_SERVER_ADDRESS ?= localhost
run: setup
	$(BIN)/python -m streamlit run server.py

test: check run-tests

run-tests: setup .venv/ready-to-test .venv/compiled
	$(PYTEST) --dist=loadfile --no-loadscope-reorder

test-quick: setup .venv/ready-to-test
	$(PYTEST) --numprocesses=3 --dist=loadfile -p tests.support.without_tensorflow -m "not browser and not slow" \
	  --ignore=tests/app --ignore=tests/browser

coverage: setup .venv/ready-to-test .venv/compiled
	$(BIN)/coverage erase
	$(PYTEST) --dist=loadfile --no-loadscope-reorder --cov --cov-report=
	$(BIN)/coverage report
	@for part in $(PROTECTED); do \
	  $(BIN)/coverage report --include="$$part,$$part/*" --fail-under=$(THRESHOLD) --format=total >/dev/null || { echo "The coverage of $$part is below $(THRESHOLD) %."; exit 1; }; \
	done

check: check-style check-types

check-style: .venv/ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/oxlint

check-types: .venv/ready-to-test
	$(BIN)/mypy

# Without this, each of the first processes of the tests would compile TensorFlow.
.venv/compiled: .venv/ready
	$(BIN)/python -c "import digitcore.models.litert, digitcore.training.trainer"
	touch $@

lock: .venv/ready
	$(BIN)/uv pip compile pyproject.toml --extra train --extra server --universal --python-version 3.11 $(UPGRADE) --no-annotate --generate-hashes --quiet \
	  --custom-compile-command "make lock" --output-file requirements.txt

audit: .venv/ready
	$(call install,pip-audit)
	$(BIN)/pip-audit --strict --requirement requirements.txt

# The package namex does not name its license, which is Apache 2.0.
licenses: .venv/ready
	$(call install,pip-licenses)
	$(BIN)/pip-licenses --from=mixed --order=license --ignore-packages namex --packages $$(sed -n 's/==.*//p' requirements.txt) \
	  --partial-match --allow-only="Apache;BSD;LGPL;Lesser General Public;MIT;MPL;Mozilla;PSF"

.venv/ready-to-measure: .venv/ready-to-test benchmarks/requirements.txt
	$(call install,--requirement benchmarks/requirements.txt)
	touch $@

.venv-peers/ready: benchmarks/peers/requirements.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/peers/requirements.txt
	touch $@

bench: setup .venv/ready-to-measure .venv-peers/ready
	$(BIN)/python benchmarks/results.py
