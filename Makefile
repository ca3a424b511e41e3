# `make demo` and `make test` need nothing but Python 3.11+ and make; `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
PY := .venv/bin/python
INSTALLED := .venv/installed
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types imports migrations deploy-check cover-rules compose-check bench bench-full soak storm assets clean
export PORT

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED)  ## make .venv and install the pinned requirements

$(INSTALLED): requirements.txt requirements-dev.txt
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "Setup stopped: no $(PYTHON) found. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3." >&2; exit 1; }
	@"$(PYTHON)" scripts/setup.py

demo: $(INSTALLED)  ## the whole product with demo data on http://127.0.0.1:8000 (PORT=... for another)
	@exec $(PY) -m infusion_home.supervisor

test: $(INSTALLED)  ## the whole test suite (ARGS='-k word' for a part)
	@INFUSION_HOME_MODE=test $(PY) -m pytest $(ARGS)

check: lint types imports migrations deploy-check compose-check cover-rules  ## everything that needs no eyes: lint, types, migrations, settings, coverage of rules

lint: $(INSTALLED)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(INSTALLED)
	@$(PY) -m mypy

imports: $(INSTALLED)
	@INFUSION_HOME_MODE=test $(PY) -m pytest tests/test_imports.py

migrations: $(INSTALLED)
	@INFUSION_HOME_MODE=test $(PY) manage.py makemigrations --check --dry-run

# A key made for this one run and addresses nobody answers: the check reads settings and connects to nothing.
deploy-check: $(INSTALLED)
	@INFUSION_HOME_MODE=production ALLOWED_HOSTS=infusion.example DEBUG= \
	  SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	  DATABASE_URL=postgres://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
	  PUBLIC_URL=https://care.example \
	  $(PY) manage.py check --deploy --fail-level WARNING

compose-check: $(INSTALLED)
	@INFUSION_HOME_MODE=test $(PY) -m pytest tests/ops/test_compose.py

cover-rules: $(INSTALLED)  ## the rules' own tests must reach every branch of scheduling/rules
	@INFUSION_HOME_MODE=test COVERAGE_FILE=.coverage.rules $(PY) -m pytest tests/scheduling/rules \
	  --cov=scheduling/rules --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

bench: $(INSTALLED)  ## speed of the dose calendar and the rest, under five minutes
	@INFUSION_HOME_MODE=test $(PY) -m benchmarks

# With ARGS the planning table alone: what to run of it, --print or --write.
bench-full: $(INSTALLED)  ## the same, longer; planning goes on where it stopped (ARGS=--print for its table)
	@INFUSION_HOME_MODE=test $(PY) -m benchmarks._plans_full $(ARGS)
ifeq ($(strip $(ARGS)),)
	@$(PY) -m benchmarks._plans_full --write >/dev/null
	@INFUSION_HOME_MODE=test $(PY) -m benchmarks --full
endif

soak: $(INSTALLED)  ## fifty people want one hour, 200 times, under both kinds of web worker (some minutes)
	@INFUSION_HOME_MODE=test $(PY) -m benchmarks._soak

storm: $(INSTALLED)  ## 10,000 texts while a worker, Redis and PostgreSQL go away (some minutes; needs redis-server; ARGS='--rows 1000')
	@$(PY) -m benchmarks._storm $(ARGS)

assets: $(INSTALLED)  ## fetch the optional reading font with npm (pages use the system font without it)
	@$(PY) scripts/assets.py

clean:  ## remove what tools made; keeps .venv and the demo's data (rm -rf var forgets those)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov mutants staticfiles
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
