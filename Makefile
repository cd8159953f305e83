# A thin front: CMake builds, ctest and scripts/ test. Every target is one or two commands that can
# be typed by hand as well. `make help` lists them.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CMAKE_FLAGS ?=
STAGES ?=

# What runs below is told how many jobs to use; the outer make's job server stays out of it.
.NOTPARALLEL:
ALONE = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

CONFIGURE = $(ALONE) cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(CMAKE_FLAGS)
COMPILE = $(ALONE) cmake --build $(BUILD) --parallel $(JOBS)

.DEFAULT_GOAL := all
.PHONY: all build deps deps-check deps-full demo check check-full bench install install-built uninstall \
	format lint symbols clean help

all: deps build ## Build the library, the command and the bindings into build/

build:
	@mkdir -p $(BUILD)
	@$(CONFIGURE) > $(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }
	@grep 'is left out' $(BUILD)/configure.log || true
	@$(COMPILE)

deps: ## Install what the build needs (Debian; elsewhere list it)
	@sh scripts/deps.sh build
deps-check:
	@sh scripts/deps.sh check
deps-full: ## Install what check-full, lint and format need besides
	@sh scripts/deps.sh full

demo: deps build ## Learn from nine months of a real shop, decide for everybody, explain
	@$(ALONE) BUILD_DIR=$(abspath $(BUILD)) sh examples/retail/run.sh

check: deps-check build ## Run the quick tests
	@$(ALONE) ctest --test-dir $(BUILD) --output-on-failure --timeout 600 --parallel $(JOBS)

check-full: deps-full ## Run everything: long suites, sanitizers, clang, fuzz corpora, options
	@$(ALONE) bash scripts/check-full.sh $(STAGES)

bench: deps build ## Run the benchmarks
	@$(COMPILE) --target bench

install: ## Install under PREFIX (default /usr/local)
	@$(MAKE) --no-print-directory build install-built

install-built: ## The same without building first
	@cmake --install $(BUILD)
	@cp $(BUILD)/install_manifest.txt $(BUILD)/installed.txt

# CMake's own list is of the last install from BUILD by anybody, tests among them.
uninstall: ## Remove what make install put there from this BUILD; folders stay
	@[ -e $(BUILD)/installed.txt ] || { echo "nothing was installed from $(BUILD) by make install" >&2; exit 1; }
	@while IFS= read -r file || [ -n "$$file" ]; do rm -f "$(DESTDIR)$$file"; done < $(BUILD)/installed.txt

format: ## Lay out the C sources
	@find $(wildcard lib tools bindings tests bench examples) -name '*.c' -exec clang-format -i {} +

lint: deps-full build ## Check the rules of the code and run clang-tidy (LINT=--quick: not its analyzer)
	@$(ALONE) JOBS=$(JOBS) bash scripts/lint.sh $(LINT) $(BUILD)

symbols: build ## Write lib/symbols.txt anew: a deliberate act
	@python3 scripts/abi.py write $(BUILD)/libpersonalize.so

clean: ## Remove what was built
	@rm -rf $(BUILD)

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-14s %s\n' "$$name" "$$text"; done
	@echo "Variables: BUILD=$(BUILD) PREFIX=$(PREFIX) JOBS=$(JOBS) CMAKE_FLAGS=... STAGES=... (check-full: some)"
