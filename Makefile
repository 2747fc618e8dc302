# make html: set up and build the site.  make test: set up and test.  make help: the rest.
PYTHON ?= python3
VENV ?= .venv
HTML ?= build/html
BIN = $(VENV)/bin
INPUTS := $(shell { cat requirements.lock pyproject.toml; $(PYTHON) --version; } | cksum | cut -d' ' -f1)
STAMP = $(VENV)/.installed-$(INPUTS)
SPHINX = $(BIN)/python -m sphinx -W --keep-going -c . -d build/doctrees -j auto
LIGHTHOUSE = build/node/node_modules/.bin/lighthouse

export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1700000000)
export OMP_NUM_THREADS = 1
export PYTHONUTF8 = 1

.PHONY: html test lint live new why status audit lighthouse screenshots epub zip bench rtd setup clean distclean help

html: $(STAMP)  ## build the site into build/html
	$(SPHINX) -b html docs $(HTML)
	@touch $(HTML)/.complete
	@echo "The site is whole: open $(HTML)/index.html"

test: $(STAMP)  ## run every doctest and test
	$(BIN)/python -m pytest --doctest-glob='*.rst' -n auto --dist loadfile

lint: $(STAMP)  ## check style of Python and rST, and the layers of the books
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/sphinx-lint --max-line-length 100 --enable all --disable default-role --ignore docs/gallery docs README.md CONTRIBUTING.md CHANGELOG.md

live: $(STAMP)  ## serve the site and rebuild on every saved file
	$(BIN)/python -m sphinx_autobuild -c . -j auto \
	  --watch snippets --watch portal --watch conf.py \
	  --ignore '*/docs/gallery/*' --ignore '*/build/*' --ignore '*/__pycache__/*' \
	  docs build/live

new: $(STAMP)  ## start a page: make new page=book/page title="Title"
	@$(BIN)/python -m portal new "$(page)" "$(title)"

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

screenshots: $(STAMP)  ## take pictures of each type of page: build/shots
	@$(BIN)/python -m portal screenshots

bench: $(STAMP)  ## time builds of a generated site, stock and ours: make bench options=--help
	$(BIN)/python -m benchmarks $(options)

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
