# Makefile - the commands of every day, around CMake. Each target installs the Debian packages that it
# needs and that are not there yet (scripts/setup), so there is no step before it.
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=
MAKEFLAGS += --no-print-directory
CONFIGURE = [ -f "$(BUILD)/CMakeCache.txt" ] || cmake -S . -B "$(BUILD)" $(CMAKE_FLAGS) -DLINNET_BUILD_TESTS=OFF
CONFIGURE_TESTS = mkdir -p "$(BUILD)"; cmake -S . -B "$(BUILD)" $(CMAKE_FLAGS) -DLINNET_BUILD_TESTS=ON -Wno-dev \
    > "$(BUILD).log" || { cat "$(BUILD).log"; exit 1; }; rm -f "$(BUILD).log"
CMAKE_BUILD := cmake --build "$(BUILD)" --parallel $(JOBS)

.DEFAULT_GOAL := build
.PHONY: build demo test check interop install clean help

build:   ## build the library, the program, the examples and the manual in build/
	@scripts/setup build
	@$(CONFIGURE)
	@$(CMAKE_BUILD)

demo:    ## build, then train, evaluate and run a classifier on Fashion-MNIST
	@scripts/setup demo
	@$(CONFIGURE)
	@$(CMAKE_BUILD) --target linnet_program example_fashion_mnist
	@LINNET="$(BUILD)/linnet" scripts/demo

test:    ## build and run all tests
	@scripts/setup test
	@$(CONFIGURE_TESTS)
	@$(CMAKE_BUILD)
	@ctest --test-dir "$(BUILD)" --output-on-failure --parallel $(JOBS)

check:   ## the deeper checks: sanitizers, valgrind, clang, other processors, PyTorch (10 minutes)
	@scripts/setup check
	@scripts/check

interop: ## PyTorch and Linnet exchange files and train the same models, live (5 minutes)
	@scripts/setup interop
	@$(CONFIGURE_TESTS)
	@$(CMAKE_BUILD)
	@scripts/interop "$(BUILD)"

install: build  ## install under PREFIX (/usr/local); DESTDIR is put before it
	@DESTDIR="$(DESTDIR)" cmake --install "$(BUILD)" --prefix "$(PREFIX)"

clean:   ## remove all that was built, and the demo's files
	rm -rf "$(BUILD)" demo

help:    ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile
