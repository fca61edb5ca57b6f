# Everything a newcomer types. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
SWIFT ?= swift
# Line coverage of the libraries below which `make test` fails, in percent.
COVERAGE_MINIMUM ?= 0
# make bench CASE=start|exec|embed|parts|snapshot ROUNDS=100 JSON=out.json
CASE ?=
JSON ?=
ROUNDS ?= 100
BENCH_FLAGS ?=

as_root := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
sources := $(wildcard Sources Tests Examples Benchmarks)
scripts := $(shell grep -lE '^\#( shellcheck shell=|!.*)(bash|/sh)' scripts/* .ci/*)

# Package.swift compiles these in. The date is the commit's, so that one commit makes one binary.
export CONTAINR_COMMIT := $(or $(CONTAINR_COMMIT),$(shell git rev-parse HEAD 2>/dev/null))
export CONTAINR_LOCAL_CHANGES := $(or $(CONTAINR_LOCAL_CHANGES),$(shell \
  git status --porcelain --untracked-files=no 2>/dev/null | grep -q . && echo 1 || echo 0))
export CONTAINR_BUILD_DATE := $(or $(CONTAINR_BUILD_DATE),$(shell \
  TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null))
export CONTAINR_SWIFT_VERSION := $(or $(CONTAINR_SWIFT_VERSION),$(shell \
  $(SWIFT) --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p'))
export COVERAGE_MINIMUM

.PHONY: help run test build release install bench lint format test-kernel test-qemu coverage snippets clean

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: build ## build, then run a container and show its output
	$(as_root) bin/containr run --rm containr/busybox sh -c \
	  'echo "hello from container $$(hostname), process $$$$ of:"; ps; id; ls /'

test: ## run all tests, on this kernel and on a second one, with coverage
	scripts/install-dependencies --tests
	scripts/test

build: ## build bin/containr
	scripts/install-dependencies
	$(SWIFT) build -c release --product containr
	install -D -m 755 "$$($(SWIFT) build -c release --show-bin-path)/containr" bin/containr

release: ## build bin/containr-linux-ARCHITECTURE from a clean commit, with its checksum
	@git diff --quiet HEAD || { echo 'release: there are changes that are not committed' >&2; exit 1; }
	@[ -n "$(CONTAINR_COMMIT)" ] || { echo 'release: this is not a git repository' >&2; exit 1; }
	$(MAKE) build
	strip -o "bin/containr-linux-$$(dpkg --print-architecture)" bin/containr
	chmod 755 "bin/containr-linux-$$(dpkg --print-architecture)"
	cd bin && sha256sum "containr-linux-$$(dpkg --print-architecture)" >SHA256SUMS

install: ## install bin/containr into $(PREFIX)/bin (sudo make install)
	@[ -x bin/containr ] || { echo 'install: there is no bin/containr: run make build' >&2; exit 1; }
	install -d -m 755 "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 bin/containr "$(DESTDIR)$(PREFIX)/bin/containr"

bench: .build/bench/floor .build/bench/peak ## measure starts against the C floor, crun, runc and bwrap
	scripts/install-dependencies --bench
	$(SWIFT) build -c release --product containr
	$(SWIFT) build -c release --product containr-embed
	$(SWIFT) build -c release --product containr-bench
	$(as_root) .build/release/containr-bench --case $(or $(CASE),start) --rounds $(ROUNDS) \
	  $(if $(JSON),--json "$(JSON)") $(BENCH_FLAGS)

.build/bench/%: Benchmarks/floor/%.c
	scripts/install-dependencies
	mkdir -p $(@D)
	$(CC) -O2 -std=gnu17 -Wall -Wextra -static -o $@ $< -lseccomp -lpthread

lint: ## check the format of Swift and the shell scripts
	scripts/install-dependencies --lint
	$(SWIFT) format lint --strict --recursive $(sources) Package.swift
	shellcheck -x $(scripts)

format: ## put Swift into the project's format
	$(SWIFT) format --in-place --recursive $(sources) Package.swift

test-kernel: ## run the tests that depend on the kernel on a second kernel, User-mode Linux
	scripts/install-dependencies --tests
	$(SWIFT) build --build-tests
	scripts/test-kernel

test-qemu: ## run the tests that need more than that on a third one, in QEMU (minutes, root)
	scripts/install-dependencies --tests --qemu
	$(SWIFT) build --build-tests
	scripts/test-qemu

coverage: ## print the coverage of the last test run, file by file
	scripts/coverage --files

snippets: ## check that the programs in the documentation compile
	scripts/install-dependencies
	$(SWIFT) build
	scripts/check-snippets

clean: ## remove what was built
	rm -rf .build bin
