# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What scripts/base and scripts/newest share: the cached git repository of
# kernels, and how one gets into it from a git tree, a tarball or Debian's
# mirror. Sourced after lib.sh, never run.

in_repo() {
	git --git-dir="$REPO" "$@"
}

# open_repo: the cache may be another clone's as well, so one at a time.
open_repo() {
	mkdir -p "$CACHE"
	exec {cache_lock}>"$CACHE/.lock"
	flock "$cache_lock"
	[ ! -d "$REPO" ] || return 0
	rm -rf "$REPO.tmp"
	git init -q --bare "$REPO.tmp"
	# One pack, never rewritten: gc would spend minutes on it.
	git --git-dir="$REPO.tmp" config gc.auto 0
	mv "$REPO.tmp" "$REPO"
}

# in_linux ARGS...: git in the user's tree, with the user's settings: they say
# which trees of others are safe.
in_linux() {
	env -u GIT_CONFIG_GLOBAL git -C "$LINUX" "$@"
}

# from_git TAG: fetches it from LINUX, and prints its commit.
from_git() {
	local tag=$1 ref=refs/base/$1 commit
	commit=$(in_linux rev-parse -q --verify "$tag^{commit}" 2>/dev/null) ||
		die "LINUX=$LINUX: not a git tree with the tag $tag that git lets us read; fetch it, or leave LINUX unset"
	if [ "$(in_repo rev-parse -q --verify "$ref^{commit}" || true)" != "$commit" ]; then
		say "fetching $tag from $LINUX (a minute or two)"
		env -u GIT_CONFIG_GLOBAL git --git-dir="$REPO" fetch -q --depth=1 \
			"file://$(cd "$LINUX" && pwd)" "+refs/tags/$tag:$ref" ||
			die "LINUX=$LINUX: $tag cannot be fetched"
	fi
	printf '%s\n' "$commit"
}

# mirror: the one that this machine is set up for, or nothing.
mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
		awk '!/security/ && !found { found = 1; print }' || true
}

# apt_of SUITE TOOL ARGS...: apt with a state of its own, since the suite is not
# one that this machine installs from.
apt_of() {
	local apt=$CACHE/apt/$1 tool=$2
	shift 2
	"$tool" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache::archives="$apt/archives" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::GzipIndexes=true "$@"
}

# read_suite SUITE SITE: what SUITE has now. Old lists are no answer: it fails.
read_suite() {
	local apt=$CACHE/apt/$1
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	printf 'deb %s %s main\n' "$2" "$1" >"$apt/sources.list"
	apt_of "$1" apt-get -o Acquire::Retries=1 update --error-on=any >&2
}

# fetch_source SUITE NAME[=VERSION] FILE: the tarball in Debian's linux-source
# package becomes FILE. SUITE was read before.
fetch_source() {
	local archives=$CACHE/apt/$1/archives package=${2%%=*}
	rm -f "$archives/$package"_*.deb
	(cd "$archives" && apt_of "$1" apt-get download "$2") >&2 || return 1
	dpkg-deb --fsys-tarfile "$archives/$package"_*.deb |
		tar -xO "./usr/src/$package.tar.xz" | atomically "$3"
	rm -f "$archives/$package"_*.deb
}

# kernel_version: of the Makefile on standard input, as it stands there: 7.3.0-rc7.
kernel_version() {
	sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\|EXTRAVERSION\) = *//p' |
		head -n 4 | paste -s -d. | sed 's/\.\(-rc[0-9]*\)$/\1/; s/\.$//'
}

# import TARBALL: commits its tree with fixed names and dates, so that hashes
# repeat, and prints the commit. It has no ref yet.
import() {
	local tmp=$CACHE/import tree tag
	rm -rf "$tmp"
	mkdir -p "$tmp"
	say "unpacking $(basename "$1") (about 20 s)"
	tar -C "$tmp" --strip-components=1 -xf "$1" || die "$1: cannot be unpacked; delete it and run again"
	say "importing it into git (about 40 s)"
	# A threshold of one byte streams every file into one pack, without
	# 90,000 loose objects.
	export GIT_INDEX_FILE=$tmp.index
	rm -f "$GIT_INDEX_FILE"
	git --git-dir="$REPO" --work-tree="$tmp" -c core.bigFileThreshold=1 -c core.compression=1 \
		-c core.autocrlf=false add -A -f "$tmp"
	tree=$(in_repo write-tree)
	unset GIT_INDEX_FILE
	# As it is tagged: v7.3 and v7.3-rc7, for 7.3.0 and 7.3.0-rc7.
	tag=$(kernel_version <"$tmp/Makefile" | sed 's/^\([0-9]*\.[0-9]*\)\.0\(-rc[0-9]*\)\{0,1\}$/\1\2/; s/^/v/')
	printf 'Linux %s, imported from a tarball\n' "$tag" |
		GIT_AUTHOR_NAME=base GIT_AUTHOR_EMAIL=base@localhost GIT_AUTHOR_DATE='1767225600 +0000' \
		GIT_COMMITTER_NAME=base GIT_COMMITTER_EMAIL=base@localhost GIT_COMMITTER_DATE='1767225600 +0000' \
		in_repo commit-tree "$tree"
	rm -rf "$tmp" "$tmp.index"
}
