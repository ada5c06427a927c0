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
#   PIN     another base.pin: that of an earlier version of the series
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

# says KEY FRAGMENT: what stands in its line "# KEY: ", or nothing.
says() {
	sed -n "s/^# $1: *//p" "$2"
}

# all_builds: the fragments that a variant of a machine can be built with. What
# one has for an architecture alone is in a file BUILD.ARCH.config. One that
# names its first patch is no build.
all_builds() {
	local file f
	for file in "$ROOT"/kunit-configs/*.config; do
		f=${file##*/}
		f=${f%.config}
		[[ $f = *.* ]] || grep -q '^# from: ' "$file" || printf '%s\n' "$f"
	done | grep -vxF -e common -e "$(all_archs)"
}

# What read_machine sets, and read_fragments the last two.
M_arch='' M_build='' M_folder='' M_files=() M_module='' M_moved='' M_program='' M_tool='' M_runs=''
M_karch='' M_cross='' M_target='' M_image='' M_qemu='' M_objects='' M_timeout='' M_lines='' M_suite=''
M_args=() M_append=() M_dtdelete=() M_skip=() M_mayskip=() M_ok=() M_log=()
M_fragments=() M_compiles=()

# add_args OPTION VALUE...: adds to M_args. Of what QEMU takes one of, the last
# one stands: a variant replaces what its machine has.
add_args() {
	local i
	case $1 in
	-M|-cpu|-m|-smp)
		for i in "${!M_args[@]}"; do
			[ "${M_args[i]}" = "$1" ] || continue
			M_args=("${M_args[@]:0:i}" "${M_args[@]:i+2}")
			break
		done ;;
	esac
	M_args+=("$@")
}

# known FILE:LINE WHAT NAME LIST: NAME is in LIST, or this ends with one line.
known() {
	grep -qxF -- "$3" <<<"$4" || die "$1: unknown $2 '$3'; known: ${4//$'\n'/ }"
}

# read_machine_file FILE: adds what FILE says to what was read before.
read_machine_file() {
	local file=$1 key rest line=0 words where
	M_files+=("$file")
	while read -r key rest || [ -n "$key" ]; do
		line=$((line + 1))
		where=$(relative "$file"):$line
		case $key in
		''|'#'*) continue ;;
		esac
		[ -n "$rest" ] || die "$where: '$key' has no value"
		read -ra words <<<"$rest"
		case $key in
		arg)	 add_args "${words[@]}" ;;
		append)	 M_append+=("${words[@]}") ;;
		dtdelete) [ ${#words[@]} = 2 ] || die "$where: '$key' takes a node and a property of it"
			 M_dtdelete+=("$rest") ;;
		skip)	 M_skip+=("$rest") ;;
		mayskip) M_mayskip+=("$rest") ;;
		ok)	 M_ok+=("$rest") ;;
		log)	 M_log+=("$rest") ;;
		karch|cross|target|image|qemu|objects|timeout|lines|suite)
			printf -v "M_$key" %s "$rest" ;;
		arch)	 [ -z "$M_arch" ] || die "$where: 'arch' stands once, in a variant"
			 known "$where" architecture "$rest" "$(all_archs)"
			 read_arch "$rest" ;;
		build)	 known "$where" build "$rest" "$(all_builds)"
			 M_build=$rest ;;
		module)	 [ -f "$ROOT/qemu-images/$rest/Kbuild" ] || die "$where: no module in qemu-images/$rest/"
			 M_module=$rest
			 read_machine_file "$ROOT/qemu-images/$rest/$rest.machine" ;;
		program) [ -f "$ROOT/qemu-images/$rest/$rest-test.c" ] || die "$where: no program in qemu-images/$rest/"
			 M_program=$rest
			 read_machine_file "$ROOT/qemu-images/$rest/$rest.machine" ;;
		runs)	 M_runs=$ROOT/qemu-images/$M_program/$rest.runs
			 [ -f "$M_runs" ] || die "$where: no file $(relative "$M_runs")" ;;
		tool)	 M_tool=$rest ;;
		moved)	 [[ $rest =~ ^[0-9]+$ ]] || die "$where: '$rest' is no number"
			 M_moved=$rest ;;
		*)	 die "$where: unknown key '$key'" ;;
		esac
	done <"$file"
}

read_arch() {
	M_arch=$1
	read_machine_file "$ROOT/qemu-images/common.machine"
	read_machine_file "$ROOT/qemu-images/$1.machine"
}

# read_machine NAME: an architecture, or a variant of one: a file in a folder
# below qemu-images, whose line "arch" stands for all that the architecture's
# machine has. Sets what stands above; M_folder is where it is built.
read_machine() {
	local file
	M_arch='' M_build='' M_cross='' M_suite='' M_files=() M_module='' M_moved=''
	M_program='' M_tool='' M_runs=''
	M_args=() M_append=() M_dtdelete=() M_skip=() M_mayskip=() M_ok=() M_log=()
	M_fragments=() M_compiles=()
	if [ -f "$ROOT/qemu-images/$1.machine" ]; then
		read_arch "$1"
	else
		file=$(find "$ROOT"/qemu-images -mindepth 2 -name "$1.machine" -print -quit)
		[ -n "$file" ] || die "no machine '$1' in qemu-images/"
		read_machine_file "$file"
		[ "$(sed -n '/^[^#]/ { s/[[:space:]].*//p; q }' "$file")" = arch ] ||
			die "$(relative "$file"):1: the first key must be 'arch'"
	fi
	# scripts/prove asks for the tests of one suite.
	[ -z "${SUITE:-}" ] || M_append+=("kunit.filter_glob=$SUITE.*")
	M_folder=$BUILD/o/$M_arch${M_build:+-$M_build}
}

# candidates: the fragments that may be added to common and ARCH for the machine
# that was read last: those that name their first patch, or those of its build,
# behind what that has in its line "# with: ".
candidates() {
	local name file names where
	if [ -z "$M_build" ]; then
		grep -l '^# from: ' "$ROOT"/kunit-configs/*.config || [ $? = 1 ] || die "kunit-configs/ cannot be read"
		return
	fi
	file=$ROOT/kunit-configs/$M_build.config
	names=$(printf '%s\n' "$ROOT"/kunit-configs/*.config | sed 's|.*/||; s|\..*||' | sort -u)
	where=$(relative "$file"):$(sed -n '/^# with: /=' "$file")
	for name in $(says with "$file"); do
		known "$where" fragment "$name" "$names"
		printf '%s\n' "$ROOT/kunit-configs/$name".{config,"$M_arch.config"}
	done
	printf '%s\n' "$ROOT/kunit-configs/$M_build".{config,"$M_arch.config"}
}

# read_fragments COMMIT: sets M_fragments, the options that the machine that was
# read last is built with where the tree is that of COMMIT. A file with a line
# "# from: SUBJECT" is among them if a commit since the base has that subject.
# With "# compile: FOLDER" it is in M_compiles instead, where COMMIT is that one.
read_fragments() {
	local file list subject subjects=''
	M_fragments=("$ROOT"/kunit-configs/{common,"$M_arch"}.config) M_compiles=()
	list=$(candidates)
	while IFS= read -r file; do
		[ -f "$file" ] || continue
		[[ ${file##*/} != *.*.config || $file = *."$M_arch.config" ]] || continue
		subject=$(says from "$file")
		if [ -n "$subject" ]; then
			[ -n "$subjects" ] || subjects=$(git --git-dir="$REPO" log --format=%s \
				"$(head -n 1 "$OUT/steps.tsv" | cut -f2)..$1")
			grep -qxF -- "$subject" <<<"$subjects" || continue
		fi
		if [ -z "$(says compile "$file")" ]; then
			M_fragments+=("$file")
		elif [ "$subject" = "${subjects%%$'\n'*}" ]; then
			M_compiles+=("$file")
		fi
	done <<<"$list"
}

# compile_only FRAGMENT: makes the machine one that compiles the folder that the
# fragment names, in an O= folder of its own.
compile_only() {
	local name=${1##*/}
	M_fragments+=("$1")
	M_folder=$BUILD/o/$M_arch-${name%%.*}
	M_target=$(says compile "$1")
	M_module=''
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
	done <"${PIN:-$ROOT/scripts/base.pin}"
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

# chosen_steps LAST [FIRST]: the numbers that PATCHES names, one a line.
chosen_steps() {
	local last=$1 first=${2:-0} part from to
	for part in ${PATCHES:-$first..$last}; do
		part=${part//tip/$last}
		from=${part%%..*} to=${part##*..}
		case $from$to in
		*[!0-9]*|'') die "PATCHES: '$part' is not a number or a range like 3..5" ;;
		esac
		if [ "$from" -lt "$first" ] || [ "$from" -gt "$to" ] || [ "$to" -gt "$last" ]; then
			die "PATCHES: '$part' is not within $first..$last"
		fi
		seq "$from" "$to"
	done | sort -nu
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

# kmake ARGS...: make in the work tree, in the O= folder of the machine that was
# read last.
kmake() {
	make -C "$WORK" -j "$JOBS" O="$M_folder" ARCH="$M_karch" CROSS_COMPILE="$M_cross" \
		CC="ccache ${M_cross}gcc" HOSTCC="ccache gcc" "$@"
}

# watched LABEL LOG EXPECTED COMMAND...: runs COMMAND with its output in LOG
# and says every ten seconds how far it is, by the lines of LOG, or of $grows. On a
# terminal that is one line that is overwritten, elsewhere a line a minute.
grows=''
watched() {
	local label=$1 log=$2 expected=$3 status=0 watcher
	shift 3
	: >"$log"
	# Its sleep ends with it, and both with Ctrl-C: they hold the lock of the build
	# and the caller's pipe open.
	(
		trap - EXIT
		sleeper=''
		trap 'kill "$sleeper" 2>/dev/null; exit' INT TERM
		start=$SECONDS
		while sleep 10 & sleeper=$!; wait "$sleeper"; do
			elapsed=$((SECONDS - start))
			lines=$(wc -l <"${grows:-$log}")
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

sha() {
	sha256sum | cut -d' ' -f1
}

# tool_versions: of the machine that was read last.
tool_versions() {
	"${M_cross}gcc" --version | head -n 1
	"${M_cross}ld" --version | head -n 1
	"$M_qemu" --version | head -n 1
}

# checkout BASE COMMIT: git touches only the files that differ, so O= stays warm.
# The work tree of another repository, or of a clone that was moved, is made anew.
checkout() {
	if [ "$(git -C "$WORK" rev-parse --path-format=absolute --git-common-dir 2>/dev/null)" != "$(realpath "$REPO")" ] ||
	   [ "$(cat "$(git -C "$WORK" rev-parse --absolute-git-dir)/gitdir")" != "$WORK/.git" ]; then
		say "writing the work tree (about 20 s)"
		rm -rf "$WORK"
		git --git-dir="$REPO" worktree prune
		git --git-dir="$REPO" worktree add -q --detach "$WORK" "$1"
	fi
	rm -f "$(git -C "$WORK" rev-parse --git-path index.lock)"
	git -C "$WORK" checkout -q -f --detach "$2" || die "$(relative "$WORK"): cannot check out $2; delete the folder and run again"
}

# config_and_build MACHINE LOG [COMMIT [FRAGMENT]]: exit status of scripts/build, and
# the seconds that it took added to t_config and t_build. The rest as scripts/config
# takes it.
config_and_build() {
	local machine=$1 log=$2 start=$SECONDS status=0
	"$ROOT/scripts/config" "$machine" "${@:3}" >"$log.config" 2>&1 || status=$?
	if [ "$status" = "$SETUP_ERROR" ]; then
		cat "$log.config" >&2
		exit "$status"
	fi
	t_config=$((t_config + SECONDS - start)) start=$SECONDS
	if [ "$status" = 0 ]; then
		"$ROOT/scripts/build" "$machine" "$log" "${@:4}" || status=$?
	else
		# What kconfig says of a broken tree is all that there is to see.
		mv "$log.config" "$log"
	fi
	rm -f "$log.config"
	t_build=$((t_build + SECONDS - start))
	[ "$status" -le 1 ] || exit "$status"
	return "$status"
}

# first_error LOG: the first line that says what went wrong, for a person.
first_error() {
	grep -m 1 -E ': (fatal )?error: |: Error: |undefined reference|syntax error|^make.*Error' "$1" | sed "s|^\(\.\./\)*src/||; s|$WORK/||g" || tail -n 1 "$1"
}

# kunit_dir BASE: the parser that judges comes from the base, never from the
# patched tree.
kunit_dir() {
	local base=$1 dir=$BUILD/judge/$1
	if [ ! -d "$dir" ]; then
		rm -rf "$dir.tmp"
		mkdir -p "$dir.tmp"
		git --git-dir="$REPO" archive "$base" tools/testing/kunit | tar -x -C "$dir.tmp"
		mv "$dir.tmp" "$dir"
	fi
	printf '%s\n' "$dir/tools/testing/kunit"
}

# again COMMAND: the line that does COMMAND again as this run does it.
again() {
	local vars='FRESH=1 '
	[ "$SERIES" = "$ROOT/series" ] || vars+="SERIES=$(relative "$SERIES") OUT=$(relative "$OUT") "
	[ -z "${KVM:-}" ] || vars+='KVM=1 '
	[ -z "${LINUX:-}" ] || vars+="LINUX=$LINUX "
	[ -z "${TARBALL:-}" ] || vars+="TARBALL=$TARBALL "
	printf '%s%s' "$vars" "$1"
}
