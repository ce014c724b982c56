# All commands of the project. `make` lists them.

PYTHON ?= python3
IDP ?= okta
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.requirements-core
STAMP := $(VENV)/.requirements
DOCS := .venv-docs
# Skipped tests are listed at the end, with the reason.
PYTEST := $(BIN)/python -m pytest -n 2 -rs
# Needs only Python, and shows its progress: the environment, then the packages of each lock.
INSTALL = $(NEW_ENOUGH) && $(ANY) -m sandbox.install
ANY = $(shell test -x $(BIN)/python && echo $(BIN)/python || echo $(PYTHON))
NEW_ENOUGH = @$(ANY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
  { echo "error: Python 3.11 or newer is needed; $(ANY) is $$($(ANY) --version 2>&1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
QUICK := --hypothesis-profile quick
FULL := --hypothesis-profile $(if $(SEED),fresh --hypothesis-seed $(SEED),full)
NOTHING := status=$$?; test $$status = 5 || exit $$status  # 5: no test was selected
# Each run of the engine starts the program anew; without bytecode this takes twice the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help reference look which setup demo sandbox test-fast test test-all test-slice test-touched test-kills test-faults check docs dist evaluator lock test-official test-live

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

look: $(CORE) ## check, query and draw the sample estate, with Python alone: under 2 minutes
	@$(BIN)/python -m sandbox.look

$(CORE): requirements-core.lock
	$(INSTALL) $(VENV) requirements-core.lock
	@touch $@

setup: which $(STAMP) ## install the virtual environment and the pulumi CLI (built once if it is missing)
	@$(BIN)/python -m sandbox.toolchain

which: # print which pulumi `setup` uses
	$(NEW_ENOUGH) && $(ANY) -m sandbox.toolchain --which

$(STAMP): requirements-dev.lock requirements-built.lock
	$(INSTALL) $(VENV) requirements-dev.lock requirements-built.lock
	@touch $(CORE) $@

demo: setup evaluator ## deploy the sample estate on stand-ins and call it (IDP=okta, keycloak, entra or oidc)
	@$(BIN)/python -m sandbox demo --idp $(IDP) $(if $(VERBOSE),--verbose)

sandbox: setup ## keep the stand-ins running for `pulumi up -s local` in another terminal
	@$(BIN)/python -m sandbox serve

evaluator: $(STAMP) # built here, because tests have a time limit, and `up` shows no progress
	@$(BIN)/python -c "from kong_oam.render.program import program; program()"

test-fast: $(STAMP) evaluator ## run tests without the engine: at most 3 minutes on two idle cores
	$(PYTEST) $(QUICK) -m "not engine and not deep"

test: setup evaluator ## run test-fast, and each family of faults once on the real engine: at most 12 minutes on two idle cores
	$(PYTEST) $(QUICK) -m "not deep"

test-all: setup evaluator ## run all tests at full strength: under 60 minutes (a workflow runs it every night, with a new SEED)
	$(PYTEST) $(FULL)

test-slice: setup evaluator ## run a part of the tests that `make test` skips or shortens: SLICE=K/N
	@test -n "$(SLICE)" || { echo "SLICE is missing: make test-slice SLICE=0/10"; exit 1; }
	$(PYTEST) $(FULL) -m "deep or generated" --slice $(SLICE) $(if $(UNTIL),--until $(UNTIL)); $(NOTHING)

test-touched: setup evaluator ## run those tests that files changed since SINCE affect
	@test -n "$(SINCE)" || { echo "SINCE is missing: make test-touched SINCE=HEAD~3"; exit 1; }
	$(PYTEST) $(FULL) -m "deep or generated" --touched $(SINCE) $(if $(UNTIL),--until $(UNTIL)); $(NOTHING)

test-kills: setup evaluator ## interrupt `up` at every operation of the sample estate, and recover as documented
	$(PYTEST) $(FULL) tests/faults/test_fault_kill.py

test-faults: $(STAMP) evaluator ## seed small faults into a copy, and print which test catches each (a workflow runs it every night)
	$(BIN)/python -m tests.support.seeded

check: $(STAMP) ## check format, lint, types, import direction and English
	@failed=0; \
	for check in "ruff format --check ." "ruff check ." "mypy" "lint-imports" "python -m tests.support.english"; do \
	  echo "== $$check"; $(BIN)/$$check || failed=1; \
	done; exit $$failed

docs: $(DOCS)/.requirements ## build the documentation site in build/docs; a broken link is an error
	@$(DOCS)/bin/python -m sphinx -W --keep-going -q -b html docs build/docs
	@! grep -rhoE --include=*.html '<(script|link|img)[^>]* (src|href)="?(https?:)?//[^">]*' \
	  build/docs | sort -u | grep . || \
	  { echo "error: browsers load these files from the network; keep copies in docs/"; exit 1; }
	@echo "build/docs/index.html"

reference: $(STAMP) ## write the generated blocks of the reference pages: schemas, tables of the code, help texts
	@$(BIN)/python -m tests.support.reference

# The table of codes is imported from the code, which needs the packages of `make look`.
$(DOCS)/.requirements: requirements-docs.lock requirements-core.lock
	$(INSTALL) $(DOCS) requirements-docs.lock requirements-core.lock
	@touch $@

dist: $(STAMP) ## build a release in build/dist: the source, and wheels for this platform or PLATFORMS="GOOS/GOARCH ..."
	rm -rf build/dist kong_oam.egg-info
	$(BIN)/python -c "from setuptools import build_meta; build_meta.build_sdist('build/dist')" >/dev/null
	rm -rf kong_oam.egg-info
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/dist build/dist/*.tar.gz
	$(BIN)/python -m sandbox.wheel build/dist $(PLATFORMS)
	@ls build/dist/*

lock: ## write the lock files anew, from requirements*.txt: packages with their digests
	$(PYTHON) -m sandbox.lock

test-official: setup evaluator ## test on a real Kubernetes, built once, with the official plugins in KONG_OAM_PLUGINS=FOLDER[:FOLDER...]
	KONG_OAM_KUBERNETES=$$($(BIN)/python -m tests.support.official.programs) && export KONG_OAM_KUBERNETES && \
	  $(BIN)/python -m pytest tests/official
	@test -n "$$KONG_OAM_PLUGINS" || echo "KONG_OAM_PLUGINS is missing, so no other official plugins are tested: make test-official KONG_OAM_PLUGINS=\$$HOME/.pulumi/plugins/resource-kong-v4.6.3"
	test -z "$$KONG_OAM_PLUGINS" || \
	  $(PYTEST) $(FULL) -m "engine and not deep and not stand_in" tests/engine tests/faults tests/checker tests/keycloak

test-live: setup ## test on a real Kong: KONG_ADMIN_URL=... KONG_PROXY_URL=... (compose.yaml starts a Kong)
	@test -n "$$KONG_ADMIN_URL" -a -n "$$KONG_PROXY_URL" || { \
	  echo "The URLs of a Kong are missing: make test-live KONG_ADMIN_URL=http://127.0.0.1:8001 KONG_PROXY_URL=http://127.0.0.1:8000"; \
	  echo "Optional: KONG_ADMIN_TOKEN, KONG_OAM_PLUGINS (the folder of the official plugin), LIVE_UPSTREAM_HOST (Kong's address of this machine), LIVE_METRICS_URL (/metrics of the node; of several nodes separated by commas), LIVE_HTTP2_URL (a listener with http2 and without ssl), LIVE_MCP_NODE (a folder with npm packages), LIVE_NODES and LIVE_RESTART (nodes without a database; see test_live_dbless.py), LIVE_CASES, LIVE_SEED."; \
	  exit 1; }
	$(BIN)/python -m pytest tests/live
