# make run    set up and open the dashboard
# make test   set up and run every check
# make audit  look for known vulnerabilities in what is installed
# make bench  measure beside what a user would pick instead, an hour
# make setup  set up only: .venv, packages, MNIST

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help setup run test check bench audit
help:
	@sed -n 's/^# make/make/p' Makefile

.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Digit Lab needs Python 3.11 or newer; name it with PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@

.venv/ready-to-test: .venv/ready tests/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
	touch $@

setup: .venv/ready
	@$(BIN)/python -m digitcore data || echo "Going on without MNIST: drawing works, training will ask for it."

run: setup
	$(BIN)/python -m streamlit run server.py

test: setup .venv/ready-to-test check
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder

check: .venv/ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --requirement requirements.txt

.venv/ready-to-measure: .venv/ready-to-test benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	touch $@

.venv-peers/ready: benchmarks/peers/requirements.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/peers/requirements.txt
	touch $@

bench: setup .venv/ready-to-measure .venv-peers/ready
	$(BIN)/python benchmarks/results.py
