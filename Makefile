export GOMP_SPINCOUNT ?= 10000
# tests start Python some hundred times: what it compiled is kept, also where the shell says not to
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: explore test test-machines docs gallery pictures clean

explore: $(READY)
	$(BIN)/lossnav explore $(if $(PORT),--port $(PORT))

test: $(READY) browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy & types=$$!; \
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 20 -m "not browser and not cuda"; \
	tests=$$?; wait $$types && exit $$tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations 5 --maxfail 4 -m browser tests/explorer  # each may wait for minutes
	$(BIN)/python -m pytest -m cuda tests/core  # each has the machine to itself

# the rows of tests/machines.py, or those named: make test-machines MACHINES='"one thread" -- tests/core'
test-machines: $(READY)
	$(BIN)/python tests/machines.py $(MACHINES)

# the documentation as a site, in site/; needs no network
docs: $(READY)
	$(BIN)/python -m mkdocs build

# the pictures of docs/gallery.md, by the commands that stand over them
gallery: $(READY)
	$(BIN)/python tests/documents.py docs/gallery.md --into docs/gallery

# the pictures of the README, from an explorer in Chromium
pictures: $(READY) browser
	$(BIN)/python docs/_build/pictures.py

# Everything but torch by its hash; then torch by its exact version, whose builds differ from index to index, and which finds what
# it needs but its GPU packages there already; then lossnav itself, built by the setuptools that is there.
$(READY): pyproject.toml constraints.txt requirements.lock
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11, 5) else 'make needs Python 3.11.5 or newer; set PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

# requirements.lock anew, after a change of pyproject.toml or constraints.txt; needs PyPI
LOCK := .venv-lock
GPU := cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime \
	nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 \
	nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton

.PHONY: lock
lock:
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet uv==0.13.9
	$(LOCK)/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11.5 --constraint constraints.txt \
		--generate-hashes --no-annotate --no-header --quiet $(addprefix --no-emit-package ,torch $(GPU)) --output-file requirements.lock
	rm -rf $(LOCK)

.PHONY: browser
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		echo "The browser tests need Chromium, which is missing: installing Debian's package with apt."; \
		SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$SUDO apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -y -qq chromium >/dev/null; }

# the peers have an environment of their own: torch first, then nothing that could bring another
PEERS := .venv-peers

.PHONY: bench
bench: $(PEERS)/.ready
	$(PEERS)/bin/python -m benchmarks.run $(BENCH)

$(PEERS)/.ready: benchmarks/peers/requirements.txt constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(PEERS)/bin/python -m pip install --quiet --no-deps --requirement benchmarks/peers/requirements.txt
	$(PEERS)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(PEERS)/.ready

clean:
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
