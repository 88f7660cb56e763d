# Two commands do all set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin

.PHONY: help demo check test drills restart-drills cluster-drills audit proof bench lock clean

help:
	@echo "make demo    install, run the quickstart manifest, say where the report is"
	@echo "make check   format, lint, types and the fast tests (under 2 minutes)"
	@echo "make test    install, then every test (about 18 minutes)"
	@echo "make drills  both kinds below; each prints its table, and a drill that fails ends it"
	@echo "make restart-drills  20 kills of each kind of process on one machine"
	@echo "make cluster-drills  a cluster of separate machines (14 kinds, about 3 minutes each, and half an hour of chaos)"
	@echo "make audit   bills of materials of all locks, and their known vulnerabilities"
	@echo "make proof   every export read back and drawn by other programs (about half an hour)"
	@echo "make bench   every script in bench/, and the table the README quotes"
	@echo "make lock    resolve requirements.lock again"

.venv/.ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@echo "installing the locked Python packages into .venv (about 7 GB with torch)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.kernels: .venv/.ready $(wildcard tasks/*.py ml/*.py ml/*/*.py)
	@echo "compiling the kernels and the bytecode (once a machine, and after a change; about 130 s)"
	@$(BIN)/python -m flows.warm
	@touch $@

tasks/web/node_modules/.ready: tasks/web/package-lock.json tasks/web/package.json tasks/web/viewer-three.mjs
	@infra/setup/npm.sh && touch $@ || test -z "$$CI"

.PHONY: system
system:
	@infra/setup/debian.sh

demo: .venv/.kernels tasks/web/node_modules/.ready
	$(BIN)/meshmill run manifests/examples/quickstart.csv --out out/quickstart

check: .venv/.kernels tasks/web/node_modules/.ready
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow"

test: .venv/.kernels tasks/web/node_modules/.ready system
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

drills: restart-drills cluster-drills

restart-drills: .venv/.kernels
	$(BIN)/python -m pytest -q tests/flows/drills.py

cluster-drills: .venv/.kernels
	@infra/setup/debian.sh cluster
	$(BIN)/python -m pytest -q tests/cluster/drills.py tests/cluster/chaos.py

audit: .venv/.ready
	infra/setup/audit.sh

proof: .venv/.kernels tasks/web/node_modules/.ready
	@infra/setup/debian.sh proof
	$(BIN)/python bench/run_all.py formats format_stages

bench: .venv/.kernels tasks/web/node_modules/.ready
	$(BIN)/python bench/run_all.py

lock:
	$(BIN)/uv pip compile --quiet --all-extras --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --no-header --no-annotate -c requirements.lock pyproject.toml infra/images/requirements.in -o infra/images/cpu.lock
	$(BIN)/uv pip compile --quiet --no-header --no-annotate -c requirements.lock --extra learned pyproject.toml infra/images/requirements.in -o infra/images/cuda.lock

clean:
	rm -rf .venv tasks/web/node_modules out
