# The commands of this project. `make help` lists them.
# PYTHON makes the environments, once: `make clean` before trying another one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := constraints.txt
# Each interpreter has an environment of its own: .venv-3.13
VENV_OF_PYTHON = .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# One process more than there are cores, since tests wait a third of their time: for servers, processes and clocks. The tests
# of a file stay together, since they share servers. Files are begun in the order of tests/conftest.py: long ones first, so
# that no process waits for the others at the end.
PROCESSES := $(or $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1),auto)
PARALLEL := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
# Bytecode is kept, whatever the environment says: tests start hundreds of processes, each of which would compile the package
# anew, and each process of pytest would rewrite the assertions of all files (15 seconds of processor time).
export PYTHONDONTWRITEBYTECODE :=
# UV=uv installs by uv, which takes seconds where pip takes minutes: .ci/run does so. Files are copied, since nltk reads no
# data through links.
INSTALL = $(if $(UV),$(UV) pip install --link-mode copy --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check) \
	--quiet --constraint $(CONSTRAINTS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-core test-ray test-shared test-stores test-wheel test-python test-lowest test-newest \
	test-redis test-platforms test-hosts test-notebooks check format bench bench-guard bench-guard-update picture notebooks docs test-docs test-examples live constraints .frozen clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

# pip takes what an interruption left for installed: unless its last run ended well, the environment is made anew.
$(shell test -e $(VENV)/.whole || rm -f $(VENV)/.made-*)
$(VENV)/.made-%: pyproject.toml $(CONSTRAINTS)
	@test -e $(VENV)/.whole || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $(VENV)/.whole
	$(INSTALL) --editable ".[$*]"
	@touch $(VENV)/.whole $@

install: $(VENV)/.made-test $(VENV)/.made-check ## Make .venv with everything for development

demo: $(VENV)/.made-demo ## Run the pipeline in three frameworks: no key, no network
	@$(BIN)/ragbridge demo

test: $(VENV)/.made-test ## Run every test
	$(BIN)/python -m pytest $(PARALLEL)

test-core: ## Run the core's tests where no framework is installed
	$(MAKE) VENV=.venv-core .venv-core/.made-test-core
	.venv-core/bin/python tests/packaging/without_frameworks.py
	.venv-core/bin/python -m pytest $(PARALLEL) $(or $(TESTS),tests/core)

test-shared: $(VENV)/.made-test ## Run the tests that read the folder ../shared, where it is
	$(BIN)/python -m pytest $(PARALLEL) tests/core -m shared

test-redis: $(VENV)/.made-test ## Run the tests that start a redis-server, which must be installed
	$(BIN)/python -m pytest tests/core/limiter -m redis

test-wheel: $(VENV)/.made-check ## Install the built wheel elsewhere, alone and with each extra
	$(BIN)/python tests/packaging/wheel.py

test-platforms: $(VENV)/.made-check ## Check that every extra has wheels for each Python and platform; asks the package index
	$(BIN)/python tests/packaging/platforms.py

# Neither server can share an environment with anything: Infinity wants NumPy 1, LiteLLM pins much.
.venv-infinity/.made .venv-litellm/.made:
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: $(SERVER)
	@touch $@
.venv-infinity/.made: SERVER = "infinity_emb[server]==0.0.78"
.venv-litellm/.made: SERVER = "litellm[proxy]"

test-hosts: $(VENV)/.made-test .venv-infinity/.made .venv-litellm/.made ## Run the tests before real servers of other hosts
	RAGBRIDGE_INFINITY_EMB=$(CURDIR)/.venv-infinity/bin/infinity_emb RAGBRIDGE_LITELLM=$(CURDIR)/.venv-litellm/bin/litellm \
		$(BIN)/python -m pytest tests/core/hosts

test-ray: ## Run the tests of ragbridge.ray on a real Ray of this machine
	$(MAKE) VENV=.venv-ray .venv-ray/.made-test-ray
	.venv-ray/bin/python -m pytest tests/core/ray -m "ray or not ray"

test-stores: build/stores.txt ## Run tests and notebooks over real stores: PostgreSQL, Qdrant, Chroma, Elasticsearch's
	$(MAKE) VENV=.venv-stores CONSTRAINTS=build/stores.txt .venv-stores/.made-test-stores
	.venv-stores/bin/python -m pytest tests/stores tests/notebooks -m stores

# The versions of constraints.txt but for those that stores need otherwise.
build/stores.txt: constraints.txt tests/stores/constraints.txt
	@mkdir -p build
	awk -F== 'FNR == NR { own[tolower($$1)] } FNR != NR && tolower($$1) in own { next } /==/' tests/stores/constraints.txt constraints.txt > $@

test-python: ## Run every test on another interpreter: PYTHON=python3.13
	$(MAKE) VENV=$(VENV_OF_PYTHON) $(VENV_OF_PYTHON)/.made-test
	$(VENV_OF_PYTHON)/bin/python -m pytest $(PARALLEL)

test-lowest: build/lowest.txt ## Run the tests on the lowest versions that pyproject.toml allows
	$(MAKE) VENV=.venv-lowest CONSTRAINTS=build/lowest.txt .venv-lowest/.made-test-lowest
	.venv-lowest/bin/python -m pytest $(PARALLEL) tests/core tests/integrations -m "not peers and not live and not shared and not ray and not redis" -W default

# What is newest changes without a change here, so the environment is always made anew.
test-newest: ## Run the tests on the newest versions that pyproject.toml allows
	rm -rf .venv-newest
	$(MAKE) VENV=.venv-newest CONSTRAINTS=/dev/null .venv-newest/.made-test-lowest
	.venv-newest/bin/python -m pytest $(PARALLEL) $(or $(TESTS),tests/core tests/integrations) -m "not peers and not live and not shared and not ray and not redis"

build/lowest.txt: pyproject.toml constraints.txt tests/packaging/lowest.py
	@mkdir -p build
	$(PYTHON) tests/packaging/lowest.py > $@

check: $(VENV)/.made-test $(VENV)/.made-check ## Format, lint, types, import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.made-check ## Format and fix what can be fixed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.made-test ## Print the benchmark tables
	$(BIN)/python tests/benchmarks/limiter_simulation.py
	$(BIN)/python tests/benchmarks/chunking.py
	$(BIN)/python tests/benchmarks/products.py

bench-guard: $(VENV)/.made-test ## Count the instructions of six fixed jobs, and compare them with tests/benchmarks/guard.json
	$(BIN)/python tests/benchmarks/guard.py

bench-guard-update: $(VENV)/.made-test ## Write these figures anew, for this Python and machine
	$(BIN)/python tests/benchmarks/guard.py --update

picture: $(VENV)/.made-demo ## Draw docs/pictures/demo.svg anew, from what the demo measures
	$(BIN)/ragbridge demo --local --picture docs/pictures/demo.svg

notebooks: $(VENV)/.made-test ## Execute the notebooks in place: what they show is renewed, and to be looked at
	$(BIN)/python tests/notebooks/executing.py $(NAMES)

test-notebooks: $(VENV)/.made-test ## Execute the notebooks elsewhere, and compare with what they show
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) tests/notebooks -m notebooks

test-examples: $(VENV)/.made-test-examples ## Run the programs of examples/, with the packages that they need
	$(BIN)/python -m pytest tests/examples

docs: ## Build the documentation's site into build/site
	$(MAKE) VENV=.venv-docs .venv-docs/.made-docs
	.venv-docs/bin/python docs/site/assemble.py
	.venv-docs/bin/zensical build --strict --clean --config-file build/mkdocs.yml
	.venv-docs/bin/python docs/site/llms.py

test-docs: docs ## Look at the site with Chromium, which must be installed
	.venv-docs/bin/python -m pytest -c tests/site/pytest.ini tests/site

live: $(VENV)/.made-test ## Tests against real services: JINA_API_KEY, ELASTICSEARCH_URL and ELASTIC_API_KEY say which
	$(BIN)/python -m pytest -m live

constraints: ## Write both files of constraints anew: names and versions, from fresh environments with everything
	$(MAKE) .frozen FROZEN=constraints.txt EXTRAS=test-examples,check,docs,ray OF=/dev/null
	$(MAKE) .frozen FROZEN=tests/stores/constraints.txt EXTRAS=test-stores OF=constraints.txt

# The comment at the head of a file stays; what stands in OF already is left out.
.frozen:
	$(PYTHON) -m venv --clear .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]"
	grep '^#' $(FROZEN) > constraints.new
	.venv-constraints/bin/python -m pip freeze --all --exclude pip --exclude-editable | grep -vxFf $(OF) >> constraints.new
	mv constraints.new $(FROZEN)
	rm -rf .venv-constraints

clean: ## Remove what these commands made
	rm -rf .venv .venv-core .venv-docs .venv-infinity .venv-litellm .venv-ray .venv-stores .venv-lowest .venv-newest .venv-3.* build dist
