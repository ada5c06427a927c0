# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What is set here is used by the scripts that source this.
# shellcheck disable=SC2034
#
# What the scripts share: where things are, how an error is said, and how the
# series and the machine descriptions are read. Sourced, never run.
#
# Environment (all optional, README.md explains them):
#   SERIES  another series file; its patches lie in patches/ beside it
#   OUT     where the results of a run go            (build)
#   LINUX   a git tree that has the base tag
#   TARBALL a linux-source tarball
#   ARCHS PATCHES JOBS FRESH KVM   see README.md

set -euo pipefail
# A failure inside $(...) must end the script as well.
shopt -s inherit_errexit
export LC_ALL=C
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$ROOT/build
CACHE=${XDG_CACHE_HOME:-${HOME:-}/.cache}/dma-uncached-pages
# Absolute, since git and make are called in other folders.
SERIES=$(realpath -m "${SERIES:-$ROOT/series}")
OUT=$(realpath -m "${OUT:-$BUILD}")
JOBS=${JOBS:-$(nproc)}
REPO=$CACHE/linux.git
WORK=$BUILD/src
SETUP_ERROR=2
CANNOT_TEST=125

# own_git: neither a caller's git (rebase --exec, bisect run) nor the user's
# settings (diff.noprefix, commit.gpgSign ...) may steer ours.
own_git() {
	local names
	names=$(git rev-parse --local-env-vars)
	# shellcheck disable=SC2086
	unset $names
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
}

say() {
	printf '%s\n' "$*" >&2
}

# die MESSAGE: bad input or a broken set-up, in one line that says what to do.
die() {
	say "${0##*/}: $*"
	exit "$SETUP_ERROR"
}

[ -n "${XDG_CACHE_HOME:-${HOME:-}}" ] || die "neither HOME nor XDG_CACHE_HOME is set"
case $ROOT in
*[[:space:]:]*) die "$ROOT: kbuild takes no blank and no colon in a path; move the clone" ;;
esac

# relative FILE: FILE as a user at the top of the project names it.
relative() {
	printf '%s' "${1#"$ROOT"/}"
}

# atomically FILE: standard input becomes FILE, whole or not at all.
atomically() {
	mkdir -p "$(dirname "$1")"
	cat >"$1.tmp.$$"
	mv "$1.tmp.$$" "$1"
}

# one_build_at_a_time: kernel builds share two cores and one work tree.
one_build_at_a_time() {
	[ -z "${BUILD_LOCK_HELD:-}" ] || return 0
	mkdir -p "$BUILD"
	exec {lock_fd}>"$BUILD/.lock"
	if ! flock -n "$lock_fd"; then
		say "another run is building; waiting for it"
		flock "$lock_fd"
	fi
	export BUILD_LOCK_HELD=1
}

# need_space: a full disk is a set-up error, not a failed build.
need_space() {
	local dir free need=${MIN_FREE_MB:-6000}
	for dir in "$BUILD" "$CACHE" "$OUT"; do
		# Results alone, in a folder of their own, are small.
		[ "$dir" != "$OUT" ] || [ "$OUT" = "$BUILD" ] || need=100
		mkdir -p "$dir" || die "$dir: cannot be made"
		free=$(df --output=avail -BM "$dir" | tail -n 1 | tr -dc 0-9)
		[ "$free" -ge "$need" ] ||
			die "$dir: $free MB free, a run needs $need; free some, or set XDG_CACHE_HOME"
	done
}

all_archs() {
	local f
	for f in "$ROOT"/qemu-images/*.machine; do
		f=${f##*/}
		[ "$f" = common.machine ] || printf '%s\n' "${f%.machine}"
	done | sort -r
}

# archs: the architectures of this run, checked.
archs() {
	local arch known
	known=$(all_archs)
	for arch in ${ARCHS:-$known}; do
		grep -qxF -- "$arch" <<<"$known" ||
			die "ARCHS: unknown architecture '$arch'; known: ${known//$'\n'/ }"
		printf '%s\n' "$arch"
	done
}

# What read_machine sets.
M_karch='' M_cross='' M_target='' M_image='' M_qemu='' M_objects='' M_timeout=''
M_args=() M_append=()

# read_machine ARCH: sets M_karch M_cross M_target M_image M_qemu M_objects
# M_timeout, and the arrays M_args and M_append.
read_machine() {
	local file key rest line words
	M_cross='' M_args=() M_append=()
	for file in common "$1"; do
		file=$ROOT/qemu-images/$file.machine
		line=0
		while read -r key rest; do
			line=$((line + 1))
			read -ra words <<<"$rest"
			case $key in
			''|'#'*) ;;
			arg)	M_args+=("${words[@]}") ;;
			append)	M_append+=("${words[@]}") ;;
			karch|cross|target|image|qemu|objects|timeout)
				printf -v "M_$key" %s "$rest" ;;
			*)	die "$(relative "$file"):$line: unknown key '$key'" ;;
			esac
		done <"$file"
	done
}

# read_pin: sets PIN_tag, PIN_version and the array PIN_sha256.
read_pin() {
	local key value
	PIN_sha256=()
	while read -r key value; do
		case $key in
		tag)	 PIN_tag=$value ;;
		version) PIN_version=$value ;;
		sha256)	 PIN_sha256+=("$value") ;;
		esac
	done <"$ROOT/scripts/base.pin"
}

# read_series: checks the series file against its folder and sets the arrays
# PATCH_FILES and PATCH_GROUPS. A line "# group: NAME" opens a group.
read_series() {
	local dir file line=0 group='' text seen=$'\n' where
	dir=$(dirname "$SERIES")/patches
	PATCH_FILES=() PATCH_GROUPS=()
	[ -f "$SERIES" ] || die "$(relative "$SERIES"): no such series file"
	while IFS= read -r text || [ -n "$text" ]; do
		line=$((line + 1))
		where=$(relative "$SERIES"):$line
		case $text in
		*$'\r') die "$where: line ends in CR LF; convert it with: sed -i 's/\\r\$//' $(relative "$SERIES")" ;;
		'# group: '*) group=${text#'# group: '}; continue ;;
		'#'*|'') continue ;;
		*[[:space:]]*) die "$where: '$text' has a blank or an option; give one file name a line" ;;
		esac
		file=$dir/$text
		[ -f "$file" ] || die "$where: no such patch: $(relative "$file"); add it or delete the line"
		case $seen in
		*$'\n'"$text"$'\n'*) die "$where: $text stands here twice; delete one" ;;
		esac
		seen+=$text$'\n'
		if text=$(grep -n -m 1 $'\r$' "$file"); then
			die "$(relative "$file"):${text%%:*}: line ends in CR LF; export the patch again with scripts/export"
		fi
		PATCH_FILES+=("$file")
		PATCH_GROUPS+=("$group")
	done <"$SERIES"
	for file in "$dir"/*.patch; do
		[ -f "$file" ] || continue
		case $seen in
		*$'\n'"${file##*/}"$'\n'*) ;;
		*) die "$(relative "$SERIES"):1: does not list $(relative "$file"); add it where it belongs or delete the file" ;;
		esac
	done
}

# Fixed values, so that the same tree gives the same image everywhere.
export_build_env() {
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026'
	export KBUILD_BUILD_USER=build KBUILD_BUILD_HOST=build KBUILD_BUILD_VERSION=1
	export LOCALVERSION=
	# ccache makes paths relative; a splat names its file as the tree does.
	export KCPPFLAGS=-fmacro-prefix-map=../../src/=
	export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1
	export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G} CCACHE_COMPILERCHECK=content
	export CCACHE_SLOPPINESS=time_macros
	# What a user has set for other kernels is in no cache key.
	unset KCFLAGS KAFLAGS KRUSTFLAGS LLVM LLVM_IAS W C CF V KCONFIG_CONFIG KBUILD_OUTPUT
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKE_TERMOUT MAKE_TERMERR
}

# kmake ARCH ARGS...: make in the work tree with that architecture's O= folder.
# read_machine ARCH goes before.
kmake() {
	local arch=$1
	shift
	make -C "$WORK" -j "$JOBS" O="$BUILD/o/$arch" ARCH="$M_karch" CROSS_COMPILE="$M_cross" \
		CC="ccache ${M_cross}gcc" HOSTCC="ccache gcc" "$@"
}

# watched LABEL LOG EXPECTED COMMAND...: runs COMMAND with its output in LOG
# and says every ten seconds how far it is, by the lines of LOG. On a terminal
# that is one line that is overwritten, elsewhere a line a minute.
watched() {
	local label=$1 log=$2 expected=$3 status=0 watcher
	shift 3
	: >"$log"
	(
		trap - EXIT
		start=$SECONDS
		while sleep 10; do
			elapsed=$((SECONDS - start))
			lines=$(wc -l <"$log")
			left='time left unknown'
			if [ "$lines" -ge 100 ] && [ "$lines" -lt "$expected" ]; then
				left="about $((elapsed * (expected - lines) / lines)) s left"
			fi
			if [ -t 2 ]; then
				printf '\r\033[K%s: %s of about %s lines, %s s, %s' \
					"$label" "$lines" "$expected" "$elapsed" "$left" >&2
			elif [ $((elapsed % 60)) -lt 10 ]; then
				say "$label: $lines of about $expected lines, $elapsed s, $left"
			fi
		done
	) &
	watcher=$!
	"$@" >>"$log" 2>&1 || status=$?
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	[ ! -t 2 ] || printf '\r\033[K' >&2
	return "$status"
}
