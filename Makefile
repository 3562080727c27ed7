# make help lists what there is to make.
PYTHON ?= python3
VENV ?= .venv
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
# Where torch is taken from, if not from the default index: its CUDA build is several GB there, a CPU build
# is at https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
PYTEST_ARGS ?=
# The weights of `make sine`: official ones, where they can be downloaded, compare with the published figures.
SINE_WEIGHTS ?= seeded
# Where `make verify-official` keeps official checkpoints, if not where the original packages do.
CKPT_DIR ?=
# How many tests run at once; each may take 3 GB.
TEST_WORKERS ?= 2
# Numeric threads of each: those of all together wait for each other, where there are more than cores.
TEST_THREADS ?= $(shell echo $$((($(CORES) + $(TEST_WORKERS) - 1) / $(TEST_WORKERS))))
# What the environment of the original packages is made with: their pins are for 3.11.
PYTHON311 ?= python3.11
REFERENCE_VENV ?= .venv-reference
# Per cent of the packages' lines that the tests must reach.
COVERAGE_FLOOR ?= 90

# How long `make soak` tries, and from which seed.
SOAK_SECONDS ?= 3600
SOAK_SEED ?= 1

BIN := $(abspath $(VENV))/bin
PIP := "$(BIN)/python" -m pip install
CORE := $(VENV)/.stamp-core
DEV := $(VENV)/.stamp-dev
SLURM := $(VENV)/.stamp-slurm
DOCS := $(VENV)/.stamp-docs
REFERENCE := $(REFERENCE_VENV)/.stamp

# Jobs find the environment's own programs first.
WITH_VENV := PATH="$(BIN):$$PATH"

.PHONY: help fadtk quick demo sine samples distortions verify-official correlations test test-slurm soak benchmark lint check docs tutorial reference-env clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST))
	@echo 'Variables: PYTHON=$(PYTHON) (3.11 or newer), VENV=$(VENV), CORES=$(CORES), TORCH_INDEX=$(TORCH_INDEX),'
	@echo 'SINE_WEIGHTS=$(SINE_WEIGHTS), CKPT_DIR=$(CKPT_DIR), PYTEST_ARGS=$(PYTEST_ARGS), TEST_WORKERS=$(TEST_WORKERS), TEST_THREADS=$(TEST_THREADS),'
	@echo 'COVERAGE_FLOOR=$(COVERAGE_FLOOR), SOAK_SECONDS=$(SOAK_SECONDS), SOAK_SEED=$(SOAK_SEED), PYTHON311=$(PYTHON311) (3.11), REFERENCE_VENV=$(REFERENCE_VENV)'

demo: $(CORE) ## Score distorted copies of music with seeded weights, offline
	$(WITH_VENV) python scripts/make_demo_audio.py
	$(WITH_VENV) fad study run workflow/studies/demo.yaml --cores $(CORES)

sine: $(CORE) ## Run the sine test of the literature over 20 draws of its noise, beside the published figures
	$(WITH_VENV) python scripts/make_sine_audio.py
	$(WITH_VENV) snakemake --cores $(CORES) --configfile workflow/studies/sine.yaml --config weights=$(SINE_WEIGHTS) \
		--show-failed-logs
	cat results/sine/tables/published.md

samples: $(CORE) ## Regenerate the 48 distances that fadtk publishes by CDPAM, on official weights from the package index
	$(WITH_VENV) python scripts/fetch_fadtk_samples.py
	$(WITH_VENV) fad study run workflow/studies/fadtk_samples.yaml --cores $(CORES)
	cut -d , -f 1,6,8,12,14- results/fadtk_samples/tables/published.csv

distortions: $(DEV) ## Which embedding answers to which distortion? Eighty kinds and levels: hours; smaller: ARGS="--levels 3 --clips 8"
	$(WITH_VENV) python scripts/make_distortions.py $(ARGS)
	$(WITH_VENV) fad study run audio/distortions/distortions.yaml --cores $(CORES)

verify-official: $(CORE) ## Fetch the official weights that can be had, and compare with what others have published
	$(WITH_VENV) python scripts/verify_official.py --cores $(CORES) $(if $(CKPT_DIR),--ckpt-dir $(CKPT_DIR))

correlations: $(CORE) ## Correlate FAD with listeners' ratings, DCASE 2023 task 7, beside the published figures
	$(WITH_VENV) snakemake --cores $(CORES) --configfile workflow/studies/dcase2023_task7.yaml --show-failed-logs
	cat results/dcase2023_task7/tables/correlations.md

quick: $(DEV) ## Check style and types, and run the tests that need neither a large model nor the pipeline
	$(WITH_VENV) ruff check .
	$(WITH_VENV) ruff format --check .
	$(WITH_VENV) mypy --strict
	$(WITH_VENV) snakefmt --check Snakefile workflow
	$(WITH_VENV) OMP_NUM_THREADS=$(TEST_THREADS) python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder \
		-m 'not (export or live or slow or workflow)' tests/unit $(PYTEST_ARGS)

test: $(DEV) ## Run the tests
	$(WITH_VENV) OMP_NUM_THREADS=$(TEST_THREADS) python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder \
		--durations=25 --junitxml=.pytest_cache/test.xml \
		--cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_FLOOR) $(PYTEST_ARGS)

test-slurm: $(SLURM) ## Run the study of real recordings, run here before, on a Slurm of three nodes, one of which dies
	$(WITH_VENV) FAD_TEST_SLURM=$${FAD_TEST_SLURM:-1} python -m pytest tests/slurm -s $(PYTEST_ARGS)

soak: $(DEV) ## Try damaged sound files, arrays, tables, models and studies at random, and count what comes of them
	$(WITH_VENV) OMP_NUM_THREADS=1 python tests/soak/run.py --seconds $(SOAK_SECONDS) --seed $(SOAK_SEED)

benchmark: $(CORE) $(REFERENCE) ## Time this package and the original on the same recordings, in turns: an hour
	$(WITH_VENV) python -m pip install --quiet --no-deps --upgrade --target results/benchmark/packages \
		$(shell grep '^[fk]adtk==' tests/live_metrics/requirements.txt)
	$(WITH_VENV) python scripts/benchmark.py --reference-python $(REFERENCE_VENV)/bin/python \
		--metric-packages results/benchmark/packages

fadtk: $(DEV) $(REFERENCE) ## Compare `compatibility: fadtk` with fadtk itself, on seeded weights: minutes
	$(WITH_VENV) python tests/live_fadtk/compare.py $(REFERENCE_VENV)/bin/python

lint: $(DEV) ## Check style, types and workflow
	$(WITH_VENV) ruff check .
	$(WITH_VENV) ruff format --check .
	$(WITH_VENV) mypy --strict
	$(WITH_VENV) snakefmt --check Snakefile workflow
	$(WITH_VENV) python tests/lint_exceptions.py

check: lint test ## Lint, then test

docs: $(DOCS) ## Build the documentation as a site, build/docs/index.html
	$(WITH_VENV) NO_MKDOCS_2_WARNING=1 mkdocs build --strict

tutorial: $(DOCS) ## Run docs/tutorial.ipynb, and store its outputs: a minute or two
	rm -rf build/tutorial
	$(WITH_VENV) python -c 'import nbclient, nbformat; notebook = nbformat.read("docs/tutorial.ipynb", 4); \
		where = {"metadata": {"path": "docs"}}; \
		nbclient.NotebookClient(notebook, resources=where, coalesce_streams=True, record_timing=False).execute(); \
		nbformat.write(notebook, "docs/tutorial.ipynb")'

reference-env: $(REFERENCE) ## Set up the original packages, to verify against: 7 GB
	@echo 'Name it in a study, reference_python: $(REFERENCE_VENV)/bin/python, and run: snakemake --cores 2 verify_reference'

clean: ## Remove environments, caches, the demo's audio and results; other results stay
	rm -rf .venv-minimal $(REFERENCE_VENV) audio/demo audio/sine results/demo results/sine build fad_core.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	test ! -f $(VENV)/pyvenv.cfg || rm -rf $(VENV)

# A stamp is newer than the pins it was installed from, or the step is done again.
$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: $(PYTHON) is not a Python 3.11 or newer: $$($(PYTHON) --version 2>&1 | head -n 1)." \
			"Name one that is, as in: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(CORE): $(VENV)/.stamp-venv envs/core.txt pyproject.toml
	@# --no-deps: the other packages come from the default index, at their pins.
	$(if $(TORCH_INDEX),$(PIP) --no-deps --index-url $(TORCH_INDEX) $(shell grep '^torch==' envs/core.txt))
	$(PIP) -r envs/core.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(CORE) envs/dev.txt
	$(PIP) -r envs/dev.txt
	@touch $@

$(DOCS): $(DEV) envs/docs.txt
	$(PIP) -r envs/docs.txt
	@touch $@

$(SLURM): $(DEV) envs/slurm.txt
	$(PIP) -r envs/slurm.txt
	@touch $@

$(REFERENCE): envs/reference.txt envs/reference-no-deps.txt
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "error: $(PYTHON311) is not Python 3.11, for which the original packages are pinned." \
			"Name one that is, as in: make reference-env PYTHON311=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON311) -m venv $(REFERENCE_VENV)
	$(if $(TORCH_INDEX),"$(REFERENCE_VENV)/bin/python" -m pip install --no-deps --index-url $(TORCH_INDEX) \
		$(shell grep -E '^torch(vision|audio)?==' envs/reference.txt))
	"$(REFERENCE_VENV)/bin/python" -m pip install -r envs/reference.txt
	"$(REFERENCE_VENV)/bin/python" -m pip install --no-deps -r envs/reference-no-deps.txt
	"$(REFERENCE_VENV)/bin/python" -I -c \
		'import cdpam, encodec, fadtk, hear21passt.base, msclap, resampy, torchlibrosa, torchvggish, torchvision, transformers'
	@touch $@
