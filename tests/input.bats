#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Bad input: one line that names the place and says what to do, exit 2, and
# nothing lost.

# shellcheck disable=SC2030,SC2031,SC2154
# Each test has a shell of its own, and bats sets $stderr.

load common

setup() {
	a_series
	# Another run may be building; these do not.
	export BUILD_LOCK_HELD=1
	# The base that a caller chose is not what these are about.
	unset LINUX TARBALL
}

# refused COMMAND...: exit 2 with the one line $expected.
refused() {
	run -2 --separate-stderr "$@"
	one_line "$expected"
}

@test "the sample series applies, with git am and with quilt" {
	run -0 "$ROOT/scripts/apply"
	[ "$(cut -f1,4 "$OUT/steps.tsv" | tr '\t\n' ' ;')" = \
		'0 -;1 0001-README-Harmless-change-1.patch;2 0002-dma-An-unused-variable.patch;' ]
}

@test "a series that names a missing file" {
	echo 0009-none.patch >>"$S/series"
	expected="apply: $S/series:3: no such patch: $S/patches/0009-none.patch; add it or delete the line"
	refused "$ROOT/scripts/apply"
}

@test "a series that names a file twice" {
	sed -i '$p' "$S/series"
	expected="apply: $S/series:3: 0002-dma-An-unused-variable.patch stands here twice; delete one"
	refused "$ROOT/scripts/apply"
}

@test "a patch that is not in the series" {
	sed -i 1d "$S/series"
	expected="apply: $S/series:1: does not list $S/patches/0001-README-Harmless-change-1.patch; add it where it belongs or delete the file"
	refused "$ROOT/scripts/apply"
}

@test "a patch with CR LF line ends" {
	sed -i '12,$s/$/\r/' "$S/patches/0001-README-Harmless-change-1.patch"
	expected="apply: $S/patches/0001-README-Harmless-change-1.patch:12: line ends in CR LF; export the patch again with scripts/export"
	refused "$ROOT/scripts/apply"
}

@test "a series with CR LF line ends, with options, or not there" {
	sed -i 's/$/\r/' "$S/series"
	expected="apply: $S/series:1: line ends in CR LF; convert it with: sed -i 's/\\r\$//' $S/series"
	refused "$ROOT/scripts/apply"
	printf '0001-README-Harmless-change-1.patch -p1\n' >"$S/series"
	expected="apply: $S/series:1: '0001-README-Harmless-change-1.patch -p1' has a blank or an option; give one file name a line"
	refused "$ROOT/scripts/apply"
	rm "$S/series"
	expected="apply: $S/series: no such series file"
	refused "$ROOT/scripts/apply"
}

@test "an unknown architecture" {
	expected="bisect: ARCHS: unknown architecture 'mips'; known: x86_64 arm64"
	ARCHS="arm64 mips" refused "$ROOT/scripts/bisect"
	expected="step: ARCHS: unknown architecture 'mips'; known: x86_64 arm64"
	refused "$ROOT/scripts/step" 0 mips
}

@test "steps that the series does not have" {
	expected="bisect: PATCHES: 'x' is not a number or a range like 3..5"
	PATCHES=x refused "$ROOT/scripts/bisect"
	expected="bisect: PATCHES: '0..9' is not within 0..1"
	sed -i 2d "$S/series"; rm "$S"/patches/0002*
	PATCHES=0..9 refused "$ROOT/scripts/bisect"
	expected="step: K=7: the series has the steps 0..1"
	refused "$ROOT/scripts/step" 7 x86_64
	expected="step: no-such-revision: neither a number nor a revision of the git tree in $PWD"
	refused "$ROOT/scripts/step" no-such-revision x86_64
	expected='step: usage: scripts/step K ARCH, with K from 0 to the number of patches, or a git revision'
	refused "$ROOT/scripts/step" 1
}

@test "no toolchain, and not root: the line that installs it" {
	# A PATH with the tools that the scripts themselves run on, and no compiler.
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	for tool in bash env git dirname mkdir nproc sort sed cat realpath; do
		ln -s "$(command -v $tool)" "$BATS_TEST_TMPDIR/bin/$tool"
	done
	printf '#!/bin/sh\necho 1000\n' >"$BATS_TEST_TMPDIR/bin/id"
	chmod +x "$BATS_TEST_TMPDIR/bin/id"
	run -2 --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin" "$ROOT/scripts/setup"
	[[ $stderr = 'setup: missing; install with: apt-get install --no-install-recommends '*' gcc gcc-aarch64-linux-gnu '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a disk with no room for a run" {
	export MIN_FREE_MB=999999999
	run -2 --separate-stderr "$ROOT/scripts/bisect"
	[[ $stderr = 'bisect: '*' MB free, a run needs 999999999; free some, or set XDG_CACHE_HOME' ]]
}

@test "a disk that fills up in the middle of a build" {
	# make stands for a compiler that cannot write its object.
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho "as: a.o: No space left on device"\nexit 2\n' >"$BATS_TEST_TMPDIR/bin/make"
	chmod +x "$BATS_TEST_TMPDIR/bin/make"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -2 --separate-stderr "$ROOT/scripts/build" x86_64 "$BATS_TEST_TMPDIR/log"
	[ "$stderr" = "build: the disk is full, see $BATS_TEST_TMPDIR/log; free some and run again, it goes on where it was" ]
}

@test "a base that is not there, or is another kernel" {
	expected='base: TARBALL=/none.tar.xz: no such file'
	TARBALL=/none.tar.xz refused "$ROOT/scripts/base"
	expected='base: LINUX=/: not a git tree with the tag v7.3-rc7 that git lets us read; fetch it, or leave LINUX unset'
	LINUX=/ refused "$ROOT/scripts/base"
}

# tarball_of MAKEFILE-LINE...: a kernel of a few bytes in $BATS_TEST_TMPDIR.
tarball_of() {
	mkdir -p "$BATS_TEST_TMPDIR/k/linux"
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/k/linux/Makefile"
	tar -C "$BATS_TEST_TMPDIR/k" -cJf "$BATS_TEST_TMPDIR/k.tar.xz" linux
	export TARBALL=$BATS_TEST_TMPDIR/k.tar.xz XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

@test "a later 7.3.y is said loudly and used" {
	tarball_of 'VERSION = 7' 'PATCHLEVEL = 3' 'SUBLEVEL = 2' 'EXTRAVERSION ='
	run -0 --separate-stderr "$ROOT/scripts/base"
	[[ $output =~ ^[0-9a-f]{40}$ ]]
	[[ $stderr = *'WARNING: the base is 7.3.2, the series was made for 7.3.0-rc7'* ]]
	# The same tarball gives the same commit in any repository.
	first=$output
	rm -rf "$XDG_CACHE_HOME"
	run -0 --separate-stderr "$ROOT/scripts/base"
	[ "$output" = "$first" ]
}

@test "another kernel is refused" {
	tarball_of 'VERSION = 6' 'PATCHLEVEL = 12' 'SUBLEVEL = 1' 'EXTRAVERSION ='
	run -2 --separate-stderr "$ROOT/scripts/base"
	[[ $stderr = *'base: the base is Linux 6.12.1, the series is for 7.3.0-rc7; see scripts/base.pin' ]]
}

@test "a git tree that has the tag is used as it is" {
	git init -q "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	git -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m 'Linux 7.3-rc7'
	git -c user.name=a -c user.email=a@localhost tag -a -m x v7.3-rc7
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache LINUX=$PWD
	run -0 --separate-stderr "$ROOT/scripts/base"
	[ "$output" = "$(git rev-parse HEAD)" ]
}

# configured LINE: runs scripts/config for a fragment of that one line, in a tree
# that knows DMA_CMA, with a make that sets nothing.
configured() {
	local copy=$BATS_TEST_TMPDIR/copy
	mkdir -p "$copy" "$BATS_TEST_TMPDIR/bin"
	cp -r "$ROOT/scripts" "$ROOT/kunit-configs" "$ROOT/qemu-images" "$copy/"
	git init -q "$copy/build/src"
	printf 'config DMA_CMA\n' >"$copy/build/src/Kconfig"
	git -C "$copy/build/src" add Kconfig
	rm "$copy"/kunit-configs/*
	: >"$copy/kunit-configs/common.config"
	git -C "$copy/build/src" -c user.name=a -c user.email=a@localhost commit -q -m tree
	printf '# one\n%s\n' "$1" >"$copy/kunit-configs/x86_64.config"
	mkdir -p "$copy/build/o/x86_64"
	: >"$copy/build/o/x86_64/.config"
	printf '#!/bin/sh\nexit %s\n' "${2:-0}" >"$BATS_TEST_TMPDIR/bin/make"
	chmod +x "$BATS_TEST_TMPDIR/bin/make"
	run --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$copy/scripts/config" x86_64
}

@test "an option that does not take is a set-up error with its line" {
	configured CONFIG_DMA_CMA=y
	[ "$status" -eq 2 ]
	[ "$stderr" = "config: kunit-configs/x86_64.config:2: 'CONFIG_DMA_CMA=y' did not take on x86_64; see what it depends on in build/o/x86_64/.config" ]
}

@test "an option that only a later patch adds is none" {
	configured CONFIG_DMA_LATER=y
	[ "$status" -eq 0 ]
}

@test "a Kconfig that does not parse is the tree's fault" {
	configured CONFIG_DMA_CMA=y 2
	[ "$status" -eq 1 ]
}

@test "a patch file that is no mail does not apply" {
	: >"$S/patches/0002-dma-An-unused-variable.patch"
	run -1 --separate-stderr "$ROOT/scripts/apply"
	[ "$stderr" = "0002-dma-An-unused-variable.patch does not apply, see $OUT/apply.log" ]
	[ "$(tail -n 1 "$OUT/steps.tsv" | cut -f1,2)" = $'2\t-' ]
}

@test "a machine without a git identity applies as well" {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}
	run -0 env HOME="$BATS_TEST_TMPDIR" XDG_CACHE_HOME="$cache" "$ROOT/scripts/apply"
}

@test "relative names of SERIES and OUT" {
	cd "$S"
	SERIES=series OUT=../out run -0 "$ROOT/scripts/apply"
	[ -s ../out/steps.tsv ]
}

@test "a tarball of the pinned version with another sha256" {
	tarball_of 'VERSION = 7' 'PATCHLEVEL = 3' 'SUBLEVEL = 0' 'EXTRAVERSION = -rc7'
	run -2 --separate-stderr "$ROOT/scripts/base"
	[[ $stderr = *'base: the tarball says that it is 7.3.0-rc7, but its sha256 '*' is not in scripts/base.pin; add it if you trust it' ]]
}

@test "the check ends itself in time and says so" {
	OUT=$BATS_TEST_TMPDIR/out STOP_AFTER=1 run -124 --separate-stderr "$ROOT/scripts/check"
	[[ $stderr = *'OUT OF TIME after 1 s: this run has failed; the next goes on where it stopped' ]]
}

@test "a machine description with an unknown key" {
	cp -r "$ROOT/scripts" "$ROOT/qemu-images" "$BATS_TEST_TMPDIR/"
	printf 'qemuu x\n' >>"$BATS_TEST_TMPDIR/qemu-images/arm64.machine"
	run -2 --separate-stderr "$BATS_TEST_TMPDIR/scripts/initramfs" arm64
	[[ $stderr = *"qemu-images/arm64.machine:"*": unknown key 'qemuu'" ]]
}

@test "what says how far a command is ends with the command" {
	# In a substitution and with a lock open, as scripts/step boots.
	# shellcheck disable=SC2016
	run -0 timeout 8 bash -c '. "$ROOT/scripts/lib.sh"; exec 9>"$1/lock"; flock 9
		x=$(watched label "$1/log" 10 sleep 1; echo done); exec 9>&-; flock -n "$1/lock" echo "$x"' _ "$BATS_TEST_TMPDIR"
	[ "$output" = 'done' ]
}
