# Every target makes what it needs first; a second run is quick. See CONTRIBUTING.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
STAMPS := .make
EXTENSION := server_ext/windlass/labextension
LINKED := $(VENV)/share/jupyter/labextensions/@windlass/lab-extension
FRONT_SOURCES := $(shell find lab-extension/src lab-extension/style lab-extension/schema -type f -not -path '*/__tests__/*' 2>/dev/null) $(wildcard lab-extension/*.json lab-extension/tooling/*)

# Byte code makes every start of MLflow and of a job several times quicker.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export npm_config_fund := false
export npm_config_audit := false
export npm_config_update_notifier := false

.PHONY: help setup demo lab hub test test-python test-front test-e2e test-oldest test-cluster test-kubespawner lint format access openapi pictures bench build clean

help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(STAMPS)/node: package.json package-lock.json lab-extension/package.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer." >&2; exit 1; }
	npm ci --no-progress --loglevel=error
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/front: $(STAMPS)/node $(FRONT_SOURCES)
	npm run --silent build:prod
	touch $@

$(STAMPS)/python: pyproject.toml | $(STAMPS)/front
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	# Through the link of an earlier set-up pip would write into the built extension, which could then not be packed again.
	rm -rf $(LINKED) $(EXTENSION)/install.json
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(BIN)/python -m pip install --quiet --editable '.[dev]'
	mkdir -p $(dir $(LINKED)) && rm -rf $(LINKED) && ln -s $(CURDIR)/$(EXTENSION) $(LINKED)
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/chromium: tests/e2e/install-chromium.sh | $(STAMPS)/node
	bash tests/e2e/install-chromium.sh
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/servers: tests/install-servers.sh
	bash tests/install-servers.sh
	mkdir -p $(STAMPS) && touch $@

setup: $(STAMPS)/front $(STAMPS)/python ## Make .venv, node_modules and the built extension

demo: setup ## See a notebook become a distributed job (DEMO_EXIT=1 ends after it)
	$(BIN)/python examples/demo.py

lab: setup ## JupyterLab with the panel and the local engine
	$(BIN)/jupyter lab --ServerApp.root_dir=examples $(if $(filter 0,$(shell id -u)),--allow-root)

hub: setup ## A JupyterHub with profiles and the admin page on this machine, to try out
	$(BIN)/python examples/hub.py

test: test-python test-front test-e2e ## Every test: Python, TypeScript, browser

test-python: setup $(STAMPS)/servers ## Only the Python tests
	# A file's tests stay together: they share what is slow to start.
	$(BIN)/python -m pytest --ignore=tests/e2e --numprocesses=auto --maxprocesses=4 --dist=loadfile

test-front: setup ## Only the TypeScript tests
	npm run --silent test

test-e2e: setup $(STAMPS)/chromium $(STAMPS)/servers ## Only the browser tests
	npm run --silent test:e2e

$(STAMPS)/oldest: $(STAMPS)/python
	rm -rf $(OLDEST) && $(PYTHON) -m venv $(OLDEST)
	site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	into=$$($(OLDEST)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	$(OLDEST)/bin/python -m pip install --quiet 'jupyterlab==4.4.*'
	echo "import site; site.addsitedir('$$site')" > "$$into/zz-windlass.pth"
	mkdir -p $(OLDEST)/share/jupyter/labextensions/@windlass
	ln -sfn $(CURDIR)/$(EXTENSION) $(OLDEST)/share/jupyter/labextensions/@windlass/lab-extension
	cp $(VENV)/etc/jupyter/jupyter_server_config.d/windlass.json $(OLDEST)/etc/jupyter/jupyter_server_config.d/
	touch $@

test-oldest: setup $(STAMPS)/oldest $(STAMPS)/chromium ## The main browser tests in the oldest supported JupyterLab
	WINDLASS_E2E_JUPYTER_LAB=$(CURDIR)/$(OLDEST)/bin/jupyter-lab npm run --silent test:e2e -- train.spec.ts

# Before minutes of set-up; the tests themselves look at the variables more closely.
cluster-given:
	@if [ -z "$${KUBECONFIG:-}$${KUBEBUILDER_ASSETS:-}" ]; then
	  echo "Set KUBECONFIG (the file of a cluster whose admin you are) or KUBEBUILDER_ASSETS (a folder with etcd and kube-apiserver); tests/cluster/README.md says what happens there." >&2
	  exit 2
	fi

test-cluster: cluster-given setup ## Engine, serving and hub tests against the cluster of KUBECONFIG or KUBEBUILDER_ASSETS
	WINDLASS_TEST_CLUSTER=1 WINDLASS_TEST_KUBECONFIG="$${KUBECONFIG:-}" env -u KUBECONFIG $(BIN)/python -m pytest --ignore=tests/e2e -m cluster

# KubeSpawner's suite needs an older `kubernetes` than MLflow bears: an environment of its own, given by KUBESPAWNER_PYTHON.
test-kubespawner: ## KubeSpawner's own suite with our class (KUBESPAWNER_TESTS, see CONTRIBUTING.md)
	@if [ ! -d "$${KUBESPAWNER_TESTS:-}" ]; then
	  echo "Set KUBESPAWNER_TESTS to the folder tests of a checkout of KubeSpawner 7.1; tests/hub/kubespawner_suite.py says more." >&2
	  exit 2
	fi
	cd "$$KUBESPAWNER_TESTS/.."
	PYTHONPATH="$(CURDIR)/tests/hub" "$${KUBESPAWNER_PYTHON:-$(CURDIR)/$(BIN)/python}" -m pytest -p kubespawner_suite "$$(basename "$$KUBESPAWNER_TESTS")"

lint: setup ## The style gates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/interrogate --quiet .
	$(BIN)/python -m windlass.handlers.openapi --check
	$(BIN)/python -m windlass_hub.rights.rendering --check
	npm run --silent lint

format: setup ## Mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm run --silent lint:fix

access: setup ## Write RBAC, network policies, admission, docs/access.md and the doctor's list anew from the access table
	$(BIN)/python -m windlass_hub.rights.rendering

openapi: setup ## Write openapi.json and the front end's types anew from the wire models
	$(BIN)/python -m windlass.handlers.openapi
	npm run --silent openapi

pictures: setup $(STAMPS)/chromium ## Take the pictures of the documentation anew
	npm run --silent pictures

bench: setup $(STAMPS)/chromium ## The benchmarks, as ratios against peers in one run
	bash benchmarks/setup-peers.sh
	$(BIN)/python benchmarks/run.py

build: setup ## Wheel and sdist in dist/
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build

clean: ## Remove all that the targets made
	rm -rf $(STAMPS) $(VENV) $(OLDEST) .venv-peers node_modules lab-extension/node_modules lab-extension/lib $(EXTENSION) dist .demo .hub tests/e2e/results
