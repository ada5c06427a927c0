#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Fragments that name their first patch, and folders that are compiled at one
# patch alone: a kernel of a few files, a make that finds warnings where a file
# says so, and a QEMU that prints one test. Nothing is built.

# shellcheck disable=SC2030,SC2031,SC2154
# Each test has a shell of its own, and bats sets $stderr.

load common

# A source file: the option that it is compiled with, and what the compiler says.
source_file() {
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "needs $2" "${@:3}" >"$1"
}

setup() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/dma-uncached-pages base
	P=$BATS_TEST_TMPDIR/p K=$BATS_TEST_TMPDIR/k
	unset SERIES OUT TARBALL PATCHES FRESH KVM ROWS
	mkdir -p "$P/kunit-configs" "$P/patches" "$BATS_TEST_TMPDIR/bin"
	mkdir "$P/tests"
	: >"$P/tests/proofs.txt"
	cp -r "$ROOT/scripts" "$ROOT/qemu-images" "$P/"
	printf 'CONFIG_A=y\n' | tee "$P"/kunit-configs/{common,x86_64,arm64}.config >/dev/null
	base=$("$ROOT/scripts/base")
	mkdir "$K"
	git --git-dir="$cache/linux.git" archive "$base" tools/testing/kunit | tar -x -C "$K"
	printf 'config %s\n' A SND MSM >"$K/Kconfig"
	source_file "$K/old.c" CONFIG_A
	source_file "$K/snd/pcm.c" CONFIG_SND 'warning: pcm'
	source_file "$K/snd/hda.c" CONFIG_SND 'warning: hda'
	source_file "$K/msm/gem.c" CONFIG_MSM 'warning: gem'
	cd "$K" || return
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@localhost GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@localhost
	git init -q
	git add -A -f
	git commit -q -m 'Linux 7.3-rc7'
	git tag -a -m x v7.3-rc7
	export LINUX=$K XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache BUILD_LOCK_HELD=1 RUN_STARTED='' ARCHS=x86_64
	tools
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

tools() {
	cat >"$BATS_TEST_TMPDIR/bin/make" <<-'END'
		#!/bin/bash
		set -e
		for arg; do
			case $arg in
			O=*) o=${arg#O=} ;;
			KCONFIG_ALLCONFIG=*) grep CONFIG "${arg#*=}" >"$o/.config"; exit ;;
			esac
		done
		cd "$2"
		folder=.
		[[ ${!#} != */ ]] || folder=${!#}
		for file in $(find "$folder" -name '*.c' | sort); do
			file=${file#./} object=$o/${file%.c}.o
			grep -qxF "$(sed -n 's/^needs //p' "$file")=y" "$o/.config" || continue
			[ ! -f "$object" ] || [ "$file" -nt "$object" ] || continue
			sed -n "s|^warning: |../../src/$file:1:1: &|p" "$file"
			! grep -q '^error' "$file" || { echo "../../src/$file:1:1: error: no"; exit 2; }
			mkdir -p "$(dirname "$object")"
			touch "$object"
		done
		mkdir -p "$o/arch/x86/boot"
		{ cat old.c; find "$o" -name '*.o' | sort; } >"$o/arch/x86/boot/bzImage"
	END
	cat >"$BATS_TEST_TMPDIR/bin/qemu-system-x86_64" <<-'END'
		#!/bin/bash
		for arg; do
			[[ $arg != file:* ]] || log=${arg#file:}
			[[ $arg != */bzImage ]] || ! grep -q broken "$arg" || not='not '
		done
		[ -n "$log" ] || exec echo 'QEMU emulator version 0'
		printf '%s\n' 'Linux version 7.3' 'KTAP version 1' 1..1 '    # Subtest: a' '    1..1' \
			"    ${not}ok 1 t" "${not}ok 1 a" \
			'init: user space reached' >"$log"
	END
	chmod +x "$BATS_TEST_TMPDIR"/bin/*
}

# patch SUBJECT FILE LINE: one more in the series, which adds a line to a file.
patch() {
	printf '%s\n' "$3" >>"$K/$2"
	git -C "$K" commit -q -a -m "$1"
	git -C "$K" format-patch -q --start-number="$(($(git -C "$K" rev-list --count HEAD) - 1))" -o "$P/patches" -1
	(cd "$P/patches" && printf '%s\n' *.patch) >"$P/series"
}

# fragment NAME LINE...
fragment() {
	printf '%s\n' "${@:2}" >"$P/kunit-configs/$1.config"
}

a_sound_series() {
	patch 'old: One' old.c 1
	patch 'ALSA: Two' snd/pcm.c 2
	patch 'ALSA: Three' snd/hda.c 3
	fragment sound '# from: ALSA: Two' CONFIG_SND=y
}

bisect() {
	run --separate-stderr "$P/scripts/bisect"
	printf '%s\n' "$output" "$stderr"
}

result() {
	jq -r "$2" "$P/build/results/x86_64/$1.json"
}

@test "a fragment that names its first patch is built in from there on" {
	a_sound_series
	PATCHES=1 bisect
	[ "$status" -eq 0 ]
	[ ! -e "$P/build/o/x86_64/snd/pcm.o" ]
	bisect
	[ "$status" -eq 0 ]
	[ -e "$P/build/o/x86_64/snd/pcm.o" ]
	grep -q CONFIG_SND=y "$P/build/o/x86_64/.config"
	# Another fragment, for the last patch: the verdicts before it stay.
	fragment more '# from: ALSA: Three' CONFIG_MSM=y
	bisect
	[ "$status" -eq 0 ]
	[ "$(jq -s 'map(.cached) | @csv' "$P"/build/results/x86_64/?.json)" = '"true,true,true,false"' ]
	# One of another architecture is in no build here.
	fragment other.arm64 '# from: old: One' CONFIG_MSM=y
	bisect
	[ "$(jq -s 'all(.[]; .cached)' "$P"/build/results/x86_64/?.json)" = true ]
}

@test "what the parent warns of as well is no new warning where a file is first compiled" {
	a_sound_series
	bisect
	[ "$status" -eq 0 ]
	[ "$(result 2 '.warnings | length')" = 2 ]
	# Alone, in a tree that knows no earlier step, and after a later one.
	run -0 "$P/scripts/step" 1 x86_64
	run -0 env FRESH=1 "$P/scripts/step" 2 x86_64
	rm "$P"/build/results/x86_64/*
	run -0 env FRESH=1 "$P/scripts/step" 3 x86_64
}

@test "a new warning is one there, too" {
	patch 'ALSA: One' snd/pcm.c 'warning: mine'
	fragment sound '# from: ALSA: One' CONFIG_SND=y
	bisect
	[ "$status" -eq 1 ]
	[ "$(result 1 '"\(.verdict): \(.new_warnings[])"')" = 'new warnings: snd/pcm.c: warning: mine' ]
}

@test "an option of such a fragment that does not take" {
	a_sound_series
	sed -i 's/grep CONFIG/grep CONFIG_A/' "$BATS_TEST_TMPDIR/bin/make"
	bisect
	[ "$status" -eq 2 ]
	[[ $stderr = *"config: kunit-configs/sound.config:2: 'CONFIG_SND=y' did not take on x86_64; see what it depends on in build/o/x86_64/.config"* ]]
	[ "$(result 2 .verdict)" = 'set-up error' ]
}

@test "a subject that the series does not have, or another series not yet" {
	a_sound_series
	fragment sound '# what it is' '# from: ALSA: Too' CONFIG_SND=y
	run -2 --separate-stderr "$P/scripts/apply"
	[ "${stderr_lines[-1]}" = "apply: kunit-configs/sound.config:2: the series has no patch 'ALSA: Too'; give the subject as it stands in its mail" ]
	mkdir -p "$P/other/patches"
	cp "$P"/patches/0001* "$P/other/patches/"
	head -n 1 "$P/series" >"$P/other/series"
	SERIES=$P/other/series OUT=$P/other/out bisect
	[ "$status" -eq 0 ]
}

@test "a fragment that nothing takes" {
	a_sound_series
	fragment sound.arm46 '# from: ALSA: Two' CONFIG_SND=y
	run -2 --separate-stderr "$P/scripts/apply"
	[ "${stderr_lines[-1]}" = "apply: kunit-configs/sound.arm46.config:1: unknown architecture 'arm46' in its name; known: x86_64 arm64" ]
	rm "$P/kunit-configs/sound.arm46.config"
	fragment none.arm64 CONFIG_SND=y
	run -2 --separate-stderr "$P/scripts/apply"
	[ "${stderr_lines[-1]}" = "apply: kunit-configs/none.arm64.config:1: nothing takes it; add '# from: SUBJECT' or a file none.config" ]
	fragment none.arm64 '# compile: msm/' CONFIG_MSM=y
	run -2 --separate-stderr "$P/scripts/apply"
	[ "${stderr_lines[-1]}" = "apply: kunit-configs/none.arm64.config:1: a folder is compiled at a patch; name that in a line '# from: SUBJECT'" ]
}

@test "a folder is compiled at its own patch alone" {
	patch 'old: One' old.c 1
	patch 'msm: Two' msm/gem.c 2
	patch 'old: Three' old.c 3
	fragment msm.x86_64 '# from: msm: Two' '# compile: msm/' CONFIG_MSM=y
	bisect
	[ "$status" -eq 0 ]
	[ "$(jq -s -c 'map(.compiled)' "$P"/build/results/x86_64/?.json)" = '[[],[],["msm/"],[]]' ]
	[[ $output = *' 2/3 '*', compiled msm/]'* ]]
	[ ! -e "$P/build/o/x86_64/msm" ]
	[ -e "$P/build/o/x86_64-msm/msm/gem.o" ]
	# The same commit as a revision.
	cd "$K"
	run -0 "$P/scripts/step" HEAD~1 x86_64
	[[ $output = *'[cached, '*'compiled msm/]' ]]
	grep -q 'compiled msm/' "$P/build/report/index.html"
}

@test "a folder that does not compile, warns, or is none" {
	patch 'msm: One' msm/gem.c 'warning: mine'
	fragment msm.x86_64 '# from: msm: One' '# compile: msm/' CONFIG_SND=y
	bisect
	[ "$status" -eq 2 ]
	[[ $stderr = *'step: kunit-configs/msm.x86_64.config:2: nothing was compiled in msm/; name the options that it needs'* ]]
	fragment msm.x86_64 '# from: msm: One' '# compile: msm/' CONFIG_MSM=y
	bisect
	[ "$status" -eq 1 ]
	[ "$(result 1 '"\(.verdict): \(.new_warnings[])"')" = 'new warnings: msm/gem.c: warning: mine' ]
	rm "$P"/patches/*
	git -C "$K" reset -q --hard v7.3-rc7
	patch 'msm: One' msm/gem.c error
	fragment msm.x86_64 '# from: msm: One' '# compile: msm/' CONFIG_MSM=y
	bisect
	[ "$status" -eq 1 ]
	[ "$(result 1 '"\(.verdict): \(.detail)"')" = 'build failed: msm/: msm/gem.c:1:1: error: no' ]
}

# fragments_of MACHINE: the names of what it is built with at the tip.
fragments_of() {
	# shellcheck disable=SC2016
	bash -c '. "$0/scripts/lib.sh"; read_machine "$1"; read_fragments "$2"; echo "${M_fragments[*]##*/}"' \
		"$P" "$1" "$(tail -n 1 "$P/build/steps.tsv" | cut -f2)"
}

@test "a build of its own has such fragments where it names them" {
	a_sound_series
	fragment drm '# from: ALSA: Three' CONFIG_MSM=y
	fragment drm.x86_64 '# from: ALSA: Three' CONFIG_MSM=y
	fragment mine '# with: sound' CONFIG_B=y
	fragment small CONFIG_B=y
	for build in mine small; do
		printf 'arch x86_64\nbuild %s\n' "$build" >"$P/qemu-images/matrix/$build.machine"
	done
	run -0 "$P/scripts/apply"
	run -0 fragments_of x86_64
	[ "$output" = 'common.config x86_64.config drm.config drm.x86_64.config sound.config' ]
	run -0 fragments_of x86_64-nopat
	[ "$output" = 'common.config x86_64.config drm.config drm.x86_64.config sound.config' ]
	run -0 fragments_of small
	[ "$output" = 'common.config x86_64.config small.config' ]
	run -0 fragments_of mine
	[ "$output" = 'common.config x86_64.config sound.config mine.config' ]
	fragment mine '# one' '# with: drm sond' CONFIG_B=y
	run -2 --separate-stderr fragments_of mine
	[[ $stderr = *": kunit-configs/mine.config:2: unknown fragment 'sond'; known: arm64 common drm mine small sound x86_64" ]]
	printf 'arch x86_64\nbuild sound\n' >"$P/qemu-images/matrix/mine.machine"
	run -2 --separate-stderr fragments_of mine
	[[ $stderr = *": qemu-images/matrix/mine.machine:2: unknown build 'sound'; known: mine small" ]]
}

# a_proof WHAT MACHINE: the next run is to prove that a.t fails for it.
a_proof() {
	printf '# one\n%s  %s  a.t\n' "$1" "$2" >"$P/tests/proofs.txt"
}

@test "a proof judges the spoilt commit, and a row where the test is only there" {
	source_file "$K/old.c" CONFIG_A
	sed -i '$a broken' "$K/old.c"
	git -C "$K" commit -q -a --amend --no-edit
	git -C "$K" tag -f -a -m x v7.3-rc7 >/dev/null
	sed -i '$d' "$K/old.c"
	patch 'old: One' old.c 1
	patch 'ALSA: Two' snd/pcm.c 2
	a_proof old-One.patch x86_64
	run -0 "$P/scripts/prove"
	[[ $output = *'proof ok       x86_64  a.t: old-One.patch' ]]
	[ "$(cat "$P/build/proofs.tsv")" = $'failed/ok\told-One.patch\tx86_64\ta.t' ]
	# All is kept: the same once more.
	run -0 "$P/scripts/prove"
	grep -q cached "$P"/build/prove/x86_64-*.log
	# Nothing fails without the second patch, and there is a command that shows it.
	a_proof ALSA-Two.patch x86_64
	run -1 --separate-stderr "$P/scripts/prove"
	[[ $output = 'proof FAILED   x86_64  a.t: ALSA-Two.patch: ok with the series spoilt, ok without; see build/prove/x86_64-'*'.log, again with: FRESH=1 '*'scripts/step '* ]]
	run -0 bash -c "cd '$P' && ${output##*again with: }"

	rm "$P"/qemu-images/matrix/*
	printf 'arch x86_64\n' >"$P/qemu-images/matrix/row.machine"
	a_proof old-One.patch row
	run -0 "$P/scripts/prove"
	[ -z "$output" ]
	MATRIX=row run -0 "$P/scripts/matrix"
	[[ $output = *'proof ok       row     a.t: old-One.patch'* ]]
	[ "$(cat "$P/build/matrix/proofs.tsv")" = $'failed/ok\told-One.patch\trow\ta.t' ]
	MATRIX=row REV=none run -2 --separate-stderr "$P/scripts/matrix"
	[ "${stderr_lines[-1]}" = 'matrix: REV=none: no such commit; scripts/prove makes it again' ]
}

@test "a proof of a machine that there is not" {
	patch 'old: One' old.c 1
	a_proof old-One.patch x86_64-none
	run -2 --separate-stderr "$P/scripts/prove"
	[ "${stderr_lines[-1]}" = "prove: tests/proofs.txt:2: 'x86_64-none' is neither an architecture (x86_64 arm64) nor in qemu-images/matrix/ or life/" ]
}

@test "a device tree without a property, and none to delete it from" {
	local image=$BATS_TEST_TMPDIR/image
	# The tree is QEMU's own; the guest is none, and ends at once.
	rm "$BATS_TEST_TMPDIR/bin/qemu-system-x86_64"
	: >"$image"
	printf 'arch arm64\ndtdelete /pcie@10000000 dma-coherent\n' >"$P/qemu-images/matrix/row.machine"
	BOOT_TIMEOUT=1 run --separate-stderr "$P/scripts/boot" row "$image" "$BATS_TEST_TMPDIR/log"
	grep -q -- "-dtb $BATS_TEST_TMPDIR/log.dtb" "$BATS_TEST_TMPDIR/log.qemu"
	run ! fdtget "$BATS_TEST_TMPDIR/log.dtb" /pcie@10000000 dma-coherent
	run -0 fdtget "$BATS_TEST_TMPDIR/log.dtb" /pcie@10000000 device_type
	printf 'arch arm64\ndtdelete /pcie@10000000 none\n' >"$P/qemu-images/matrix/row.machine"
	run -2 --separate-stderr "$P/scripts/boot" row "$image" "$BATS_TEST_TMPDIR/log"
	[[ $stderr = 'boot: dtdelete /pcie@10000000 none: the device tree of row has no such property; see it with: fdtdump '* ]]
	printf 'arch arm64\ndtdelete /pcie@10000000\n' >"$P/qemu-images/matrix/row.machine"
	run -2 --separate-stderr "$P/scripts/boot" row "$image" "$BATS_TEST_TMPDIR/log"
	[ "$stderr" = "boot: qemu-images/matrix/row.machine:2: 'dtdelete' takes a node and a property of it" ]
}
