# SPDX-License-Identifier: GPL-2.0
# Entry points only; the work is in scripts/.

.DELETE_ON_ERROR:
.PHONY: help bisect check boot matrix cost elsewhere pagetables order model witness proof mutants revert coverage life bench lint bases tree mbox tests

help: ## list the targets
	@sed -n 's/^\([a-z]*\): .*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 18

bisect: ## build, boot and test the series patch by patch (the main job)
	@scripts/bisect

check: ## the tests, and what .ci/run calls: base, group borders, tip, harness
	@scripts/check

boot: ## build, boot and test the tip alone (the quickest first look)
	@PATCHES=tip scripts/bisect

matrix: ## boot the tip in other configurations (MATRIX="arm64-mte x86_64-*": these)
	@scripts/matrix

cost: ## measure what the patches change that say "no functional change"
	@scripts/cost

elsewhere: ## build the tip where nothing is supported: um (and run it), riscv, i386
	@scripts/elsewhere

pagetables: ## see from outside the guest that memory types change as they should (x86_64)
	@scripts/pagetables

order: ## see which steps the processor takes to change a memory type (arm64)
	@scripts/order

model: ## prove the order of steps on a model, and that each wrong order fails
	@scripts/model

witness: ## see which accesses would see or make stale data, were there a cache
	@scripts/witness

proof: ## model, life, faults, coverage, mutants, reverts: a wrong patch could not have passed
	@scripts/proof

mutants: ## see that tests catch 95 of 100 mistakes (MUTANTS="arm64-* dma-gfp": these)
	@ALL=1 scripts/prove

revert: ## take each patch out of the tip alone, and see which tests fail (PATCHES=3..5)
	@scripts/revert

coverage: ## see which lines of the series no test runs, by gcov
	@scripts/coverage

life: ## hibernate, kexec, crash and take memory away with uncached buffers
	@scripts/life

bench: ## measure what uncached pages cost on the tip, and check the targets
	@scripts/bench

lint: ## check what a maintainer checks, per patch (PATCHES=3..5: these)
	@scripts/lint

bases: ## see how far the series goes on other kernels: 7.2.y, Debian's newest
	@scripts/bases

tree: ## leave a git tree with the series applied in build/linux
	@scripts/setup && scripts/tree

mbox: ## make the mails, which SUBMITTING.md explains (FROM= ASSISTED_BY= V= PART= PATCHES=)
	@scripts/setup && scripts/mbox

tests: ## the harness's own quick tests (no kernel is built)
	@scripts/setup && bats tests
