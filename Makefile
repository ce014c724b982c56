# Everything that there is to remember. `make` alone lists it.

PYTHON ?= python3
IDP ?= okta
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.requirements-core
STAMP := $(VENV)/.requirements
DOCS := .venv-docs
# What is skipped is listed at the end, with the reason.
PYTEST := $(BIN)/python -m pytest -n 2 -rs
# Needs Python alone, and says what it is at: the environment, then what each lock names.
INSTALL = $(NEW_ENOUGH) && $(ANY) -m sandbox.install
ANY = $(shell test -x $(BIN)/python && echo $(BIN)/python || echo $(PYTHON))
NEW_ENOUGH = @$(ANY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
  { echo "error: Python 3.11 or newer is needed; $(ANY) is $$($(ANY) --version 2>&1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
QUICK := --hypothesis-profile quick
FULL := --hypothesis-profile $(if $(SEED),fresh --hypothesis-seed $(SEED),full)
NOTHING := status=$$?; test $$status = 5 || exit $$status  # 5: there was nothing to run
# Each run of the engine starts the program anew; without its bytecode that takes twice the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help reference look which setup demo sandbox test-fast test test-all test-slice test-touched test-kills test-faults check docs dist evaluator lock test-official test-live

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

look: $(CORE) ## the sample estate's answers and its picture, with Python alone: under 2 minutes
	@$(BIN)/python -m sandbox.look

$(CORE): requirements-core.lock
	$(INSTALL) $(VENV) requirements-core.lock
	@touch $@

setup: which $(STAMP) ## the virtual environment, and the pulumi CLI (built once where there is none)
	@$(BIN)/python -m sandbox.toolchain

which: # says first which pulumi it will be
	$(NEW_ENOUGH) && $(ANY) -m sandbox.toolchain --which

$(STAMP): requirements-dev.lock requirements-built.lock
	$(INSTALL) $(VENV) requirements-dev.lock requirements-built.lock
	@touch $(CORE) $@

demo: setup evaluator ## the sample estate on stand-ins: who got what (IDP=okta, keycloak, entra or oidc)
	@$(BIN)/python -m sandbox demo --idp $(IDP) $(if $(VERBOSE),--verbose)

sandbox: setup ## the same stand-ins, kept up for `pulumi up -s local` in another terminal
	@$(BIN)/python -m sandbox serve

evaluator: $(STAMP) # before any test has to, whose time is limited, or `up`, which would be silent
	@$(BIN)/python -c "from kong_oam.render.program import program; program()"

test-fast: $(STAMP) evaluator ## what needs no engine: at most 3 minutes on two idle cores
	$(PYTEST) $(QUICK) -m "not engine and not deep"

test: setup evaluator ## each family of faults once on the real engine, and all of test-fast: at most 12 minutes on two idle cores
	$(PYTEST) $(QUICK) -m "not deep"

test-all: setup evaluator ## everything at full strength: under 60 minutes (a workflow runs it every night, with a new SEED)
	$(PYTEST) $(FULL)

test-slice: setup evaluator ## a part of what `make test` leaves out or asks less of: SLICE=K/N
	@test -n "$(SLICE)" || { echo "Say which part: make test-slice SLICE=0/10"; exit 1; }
	$(PYTEST) $(FULL) -m "deep or generated" --slice $(SLICE) $(if $(UNTIL),--until $(UNTIL)); $(NOTHING)

test-touched: setup evaluator ## the same, of what has changed since SINCE
	@test -n "$(SINCE)" || { echo "Say since when: make test-touched SINCE=HEAD~3"; exit 1; }
	$(PYTEST) $(FULL) -m "deep or generated" --touched $(SINCE) $(if $(UNTIL),--until $(UNTIL)); $(NOTHING)

test-kills: setup evaluator ## `up` interrupted at every single operation of the sample estate, and the documented way back
	$(PYTEST) $(FULL) tests/faults/test_fault_kill.py

test-faults: $(STAMP) evaluator ## small faults, seeded one by one in a copy: prints which test catches each (a workflow runs it every night)
	$(BIN)/python -m tests.support.seeded

check: $(STAMP) ## format, lint, types, import direction: all four, always
	@failed=0; \
	for check in "ruff format --check ." "ruff check ." "mypy" "lint-imports"; do \
	  echo "== $$check"; $(BIN)/$$check || failed=1; \
	done; exit $$failed

docs: $(DOCS)/.requirements ## the documentation as a site, in build/docs; a link that leads nowhere is an error
	@$(DOCS)/bin/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

reference: $(STAMP) ## the blocks of the reference pages that repeat schemas, tables of the code and help texts
	@$(BIN)/python -m tests.support.reference

# The table of codes is that of the code, which needs what `make look` needs.
$(DOCS)/.requirements: requirements-docs.lock requirements-core.lock
	$(INSTALL) $(DOCS) requirements-docs.lock requirements-core.lock
	@touch $@

dist: $(STAMP) ## what a release has, in build/dist: the wheel for this platform, or for PLATFORMS="GOOS/GOARCH ...", and the source
	rm -rf build/dist kong_oam.egg-info
	$(BIN)/python -c "from setuptools import build_meta; build_meta.build_sdist('build/dist')" >/dev/null
	rm -rf kong_oam.egg-info
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/dist build/dist/*.tar.gz
	$(BIN)/python -m sandbox.wheel build/dist $(PLATFORMS)
	@ls build/dist/*

lock: ## the lock files anew, from requirements*.txt: what is installed, by its contents
	$(PYTHON) -m sandbox.lock

test-official: setup evaluator ## on a real Kubernetes, built once, and with the official plugins in KONG_OAM_PLUGINS=FOLDER[:FOLDER...]
	KONG_OAM_KUBERNETES=$$($(BIN)/python -m tests.support.official.programs) && export KONG_OAM_KUBERNETES && \
	  $(BIN)/python -m pytest tests/official
	@test -n "$$KONG_OAM_PLUGINS" || echo "No other plugins were named: make test-official KONG_OAM_PLUGINS=\$$HOME/.pulumi/plugins/resource-kong-v4.6.3"
	test -z "$$KONG_OAM_PLUGINS" || \
	  $(PYTEST) $(FULL) -m "engine and not deep and not stand_in" tests/engine tests/faults tests/checker tests/keycloak

test-live: setup ## the same promises on a real Kong: KONG_ADMIN_URL=... KONG_PROXY_URL=... (compose.yaml has one)
	@test -n "$$KONG_ADMIN_URL" -a -n "$$KONG_PROXY_URL" || { \
	  echo "Say where a Kong is: make test-live KONG_ADMIN_URL=http://127.0.0.1:8001 KONG_PROXY_URL=http://127.0.0.1:8000"; \
	  echo "Where they are needed, too: KONG_ADMIN_TOKEN, KONG_OAM_PLUGINS (the folder of the official plugin), LIVE_UPSTREAM_HOST (this machine, as Kong reaches it), LIVE_METRICS_URL (/metrics of the node that answers, of several nodes with commas between), LIVE_CASES, LIVE_SEED."; \
	  exit 1; }
	$(BIN)/python -m pytest tests/live
