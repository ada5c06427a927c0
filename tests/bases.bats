#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Other bases: kernels of one file, out of a git tree with tags, and as packages
# that a false apt has. Nothing is downloaded or built.

# shellcheck disable=SC2030,SC2031,SC2154
# Each test has a shell of its own, and bats sets $stderr.

load common

setup() {
	COPY=$BATS_TEST_TMPDIR/copy
	mkdir -p "$COPY"
	cp -r "$ROOT/scripts" "$ROOT/kunit-configs" "$ROOT/qemu-images" "$COPY/"
	export BUILD_LOCK_HELD=1 MIN_FREE_MB=1 XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@localhost
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@localhost
	unset LINUX TARBALL OUT
	a_tree
}

# kernel TAG [LINE TEXT]: tags a kernel whose file has the numbers 1 to 30, or TEXT
# as one of its lines.
kernel() {
	seq 30 >file
	[ $# = 1 ] || sed -i "$2s/.*/$3/" file
	git add file
	git commit -q --allow-empty -m "$1"
	git tag "$1"
}

# a_tree: kernels in $LINUX, and a series of two patches, for lines 4 and 20.
a_tree() {
	export LINUX=$BATS_TEST_TMPDIR/linux SERIES=$BATS_TEST_TMPDIR/s/series
	git init -q "$LINUX"
	cd "$LINUX" || return
	kernel v7.2.9
	# In reach of the second patch's context, not of its line.
	kernel v7.2.10 22 other
	kernel v7.4-rc1 4 other
	kernel v7.4
	kernel v7.4-next
	kernel v7.3-rc7
	sed -i 4s/.*/four/ file
	git commit -qam 'x: One'
	sed -i 20s/.*/twenty/ file
	git commit -qam 'x: Two'
	git format-patch -q -o "$BATS_TEST_TMPDIR/s/patches" v7.3-rc7
	(cd "$BATS_TEST_TMPDIR/s/patches" && printf '%s\n' *) >"$SERIES"
	cd "$BATS_TEST_TMPDIR" || return
}

list() {
	printf '%s\n' "$@" >"$COPY/scripts/bases.list"
}

# said LINE...: what the last run printed.
said() {
	local expected
	expected=$(printf '%s\n' "$@")
	if [ "$output" != "$expected" ]; then
		printf 'got:\n%s\nexpected:\n%s\n' "$output" "$expected"
		return 1
	fi
}

@test "kernels that take the series, do not, or are not there" {
	list 'base pinned apply  # a' 'base 7.2 apply  # b' 'base 7.9 apply  # c' 'base newest apply  # d'
	run -0 --separate-stderr "$COPY/scripts/bases"
	said '[applies to v7.3-rc7] not built' \
		'[cannot apply to v7.2.10 at patch 2] [git am -3 applies all] not built' \
		"[unavailable: 7.9] LINUX=$LINUX has no tag of it; fetch one there, or leave LINUX unset" \
		'[applies to v7.4] not built'
	run -0 cat "$COPY/build/bases/summary.txt"
	[[ $output = *'    0002-x-Two.patch: error: patch failed: file:17'* ]]
	run -0 sed -n '1s/.*\t//p' "$COPY/build/bases/7.2/steps.tsv"
	said v7.2.10
	run -0 jq -r '.rows[].applied' "$COPY/build/bases/results.json"
	said 2 1 null 2
	run -0 jq -r .tree "$COPY/build/bases/results.json"
	said "$(git -C "$LINUX" rev-parse 'HEAD^{tree}')"
}

@test "the pinned base must take the series" {
	sed -i 's/^ 5$/ other/' "$BATS_TEST_TMPDIR"/s/patches/0001*
	list 'base pinned boot  # a' 'base 7.2 apply  # b'
	run -1 --separate-stderr "$COPY/scripts/bases"
	said '[cannot apply to v7.3-rc7 at patch 1] not built' '[cannot apply to v7.2.10 at patch 1] not built'
}

@test "a three-way merge that ends later is said" {
	cd "$LINUX"
	git checkout -q v7.2.9
	sed -i -e 6s/.*/other/ -e 20s/.*/other/ file
	git commit -qam v7.2.11
	git tag v7.2.11
	list 'base pinned apply  # a' 'base 7.2 apply  # b'
	run -0 --separate-stderr "$COPY/scripts/bases"
	said '[applies to v7.3-rc7] not built' '[cannot apply to v7.2.11 at patch 1] [git am -3 stops at patch 2] not built'
}

# false_bisect VERDICT: stands for a build and a boot of two architectures.
false_bisect() {
	cat >"$COPY/scripts/bisect" <<-END
	#!/bin/sh
	tail -n 1 "\$(dirname "\$0")/../kunit-configs/common.config" | sed "s|^|\$PATCHES \$(cat "\$(dirname "\$SERIES")/base" | cut -d' ' -f2) |" >>"$BATS_TEST_TMPDIR/built"
	for arch in x86_64 arm64; do
		mkdir -p "\$OUT/results/\$arch"
		printf '{"arch": "%s", "verdict": "$1", "detail": "why", "tests": {"passed": 7}, "reproduce": "again"}' "\$arch" >"\$OUT/results/\$arch/\$PATCHES.json"
		[ "$1" = ok ] || exit 2
	done
	END
}

@test "what applies is built and booted, by a copy with the options of the base" {
	list 'base pinned boot  # a' 'base 7.2 boot  # b' 'option 7.2 CONFIG_OLD=y  # c'
	echo CONFIG_LAST=y >>"$COPY/kunit-configs/common.config"
	false_bisect ok
	run -0 --separate-stderr "$COPY/scripts/bases"
	said '[applies to v7.3-rc7] built and booted after 2 patches: x86_64 ok (7 tests), arm64 ok (7 tests)' \
		'[cannot apply to v7.2.10 at patch 2] [git am -3 applies all] built and booted after 1 patch: x86_64 ok (7 tests), arm64 ok (7 tests)'
	run -0 cat "$BATS_TEST_TMPDIR/built"
	said '2 v7.3-rc7 CONFIG_LAST=y' '1 v7.2.10 CONFIG_OLD=y'
}

@test "what does not build is a finding, and a set-up error is one" {
	list 'base 7.2 boot  # a'
	false_bisect 'build failed'
	run -1 --separate-stderr "$COPY/scripts/bases"
	said '[cannot apply to v7.2.10 at patch 2] not ok after 1 patch: x86_64 build failed (7 tests), arm64 not run (0 tests)'
	grep -qxF '    reproduce: cd build/bases/7.2/harness; again' "$COPY/build/bases/summary.txt"
	false_bisect 'set-up error'
	run -2 --separate-stderr "$COPY/scripts/bases"
}

# refused LINE MESSAGE: what is said of a list with that line, before anything is done.
refused() {
	list '# one' "$1"
	run -2 --separate-stderr "$COPY/scripts/bases"
	one_line "bases: $2"
}

@test "a list with a line that is wrong" {
	local where=scripts/bases.list:2
	refused 'base 7.2 boot' "$where: no reason; write it behind two blanks and \"#\""
	refused 'kernel 7.2  # a' "$where: unknown key 'kernel'; known: base option suite"
	refused 'base  # a' "$where: 'base' has no value"
	refused 'base seven boot  # a' "$where: unknown base 'seven'; name pinned, newest or a series of kernels like 7.2"
	refused 'base 7.2 build  # a' "$where: base 7.2 is taken how far? boot or apply"
	refused 'suite sid main  # a' "$where: 'main' is too much; a suite a line"
	refused 'option 7.2 CONFIG_A=y  # a' "$where: '7.2' is no base above this line that has a build of its own"
	refused $'base 7.2 boot  # a\noption 7.2 A=y  # a' "scripts/bases.list:3: 'A=y' is not like CONFIG_X=y"
	refused $'base 7.2 boot  # a\nbase 7.2 boot  # a' "scripts/bases.list:3: base 7.2 stands here twice; delete one"
	refused 'suite sid  # a' "scripts/bases.list:1: names no base"
}

# package VERSION: in the false archive.
package() {
	local dir=$BATS_TEST_TMPDIR/package
	rm -rf "$dir"
	mkdir -p "$dir/k" "$dir/deb/DEBIAN" "$dir/deb/usr/src" "$BATS_TEST_TMPDIR/archive"
	git -C "$BATS_TEST_TMPDIR/linux" archive v7.2.9 | tar -x -C "$dir/k"
	local sublevel=${1#7.2.}
	printf '%s\n' 'VERSION = 7' 'PATCHLEVEL = 2' "SUBLEVEL = ${sublevel%%-*}" 'EXTRAVERSION =' >"$dir/k/Makefile"
	tar -C "$dir" -cJf "$dir/deb/usr/src/linux-source-7.2.tar.xz" k
	printf '%s\n' 'Package: linux-source-7.2' "Version: $1" 'Architecture: all' 'Maintainer: a <a@localhost>' \
		'Description: a' >"$dir/deb/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$dir/deb" "$BATS_TEST_TMPDIR/archive/linux-source-7.2_${1}_all.deb" >/dev/null
}

# false_apt: has what is in the archive, in any suite, while there is an archive.
false_apt() {
	unset LINUX
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/apt-get" <<-END
	#!/bin/sh
	archive=$BATS_TEST_TMPDIR/archive
	case "\$*" in
	*indextargets*) echo http://mirror.invalid/debian ;;
	*\ pkgnames\ *) echo linux-source-7.2; echo linux-source-7.2-rt ;;
	*\ madison\ linux-source-7.2) ls "\$archive" | sed 's/^\(.*\)_\(.*\)_all.deb/ \1 | \2 | x/' ;;
	*\ update*) [ -d "\$archive" ] ;;
	*\ download\ *) for last; do :; done
		cp "\$archive/linux-source-7.2_\${last#*=}_all.deb" . && echo "\$last" >>"$BATS_TEST_TMPDIR/downloads" ;;
	*) exit 9 ;;
	esac
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/apt-get"
	ln -sf apt-get "$BATS_TEST_TMPDIR/bin/apt-cache"
	export PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

none_read() {
	printf "%s cannot be read from this machine's mirror, and none was fetched before; %s" "$1" \
		'name a git tree that has its tags with LINUX='
}

@test "the newest package is fetched once, and taken again when there is no network" {
	package 7.2.9-1
	package 7.2.13-1~bpo13+1
	false_apt
	list 'base 7.2 apply  # a' 'base newest apply  # a' 'base 7.3 apply  # a' 'suite sid  # a'
	none='[unavailable: 7.3] no linux-source package of it in sid; name a git tree that has its tags with LINUX='
	run -0 --separate-stderr "$COPY/scripts/bases"
	said '[applies to v7.2.13] not built' '[applies to v7.2.13] not built' "$none"
	run -0 --separate-stderr "$COPY/scripts/bases"
	run -0 cat "$BATS_TEST_TMPDIR/downloads"
	said 'linux-source-7.2=7.2.13-1~bpo13+1'
	grep -q '^    from Debian 7.2.13-1~bpo13+1; logs' "$COPY/build/bases/summary.txt"

	mv "$BATS_TEST_TMPDIR/archive" "$BATS_TEST_TMPDIR/away"
	run -0 --separate-stderr "$COPY/scripts/bases"
	said '[applies to v7.2.13] not built' '[applies to v7.2.13] not built' "[unavailable: 7.3] $(none_read sid)"
	[[ $stderr = *'no suite of Debian can be read: what was fetched before has to do'* ]]
	grep -q '^    from Debian 7.2.13-1~bpo13+1, fetched before; logs' "$COPY/build/bases/summary.txt"

	mv "$BATS_TEST_TMPDIR/away" "$BATS_TEST_TMPDIR/archive"
	package 7.2.14-1
	run -0 --separate-stderr "$COPY/scripts/bases"
	said '[applies to v7.2.14] not built' '[applies to v7.2.14] not built' "$none"
}

@test "without network and cache a base is unavailable" {
	false_apt
	list 'base newest boot  # a' 'suite sid  # a' 'suite experimental  # b'
	run -0 --separate-stderr "$COPY/scripts/bases"
	said "[unavailable: newest] $(none_read 'sid, experimental')"
}
