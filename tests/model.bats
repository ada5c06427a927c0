#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/model says of a file of orders, and of what spin finds. Some of these
# run spin, for a second or two each.

load common


# The change, without the clean.
NO_CLEAN='break dsb.ishst tlbi dsb.ish isb make dsb.ishst isb'

setup() {
	export OUT=$BATS_TEST_TMPDIR/out ORDERS=$BATS_TEST_TMPDIR/orders ARCHS=arm64
	cd "$BATS_TEST_TMPDIR" || return
	cat >orders <<-'END'
	property old-data   nobody sees what another owner wrote
	property two-types  no two types
	promise arm64 old-data
	part arm64 owner give use wmb.driver
	END
}

# bad EXPECTED LINE: with LINE at the end of the file, that is said of it.
bad() {
	cp orders before
	printf '%s\n' "$2" >>orders
	run -2 --separate-stderr "$ROOT/scripts/model"
	one_line "model: $ORDERS:$(wc -l <orders): $1"
	mv before orders
}

@test "model: a bad line has one line that says so" {
	bad "unknown key 'right'; known: property promise part order allowed wrong finding" 'right arm64 x zero'
	bad "unknown architecture 'arm'; known: x86_64 arm64" 'order arm x zero'
	bad "unknown property 'twotypes'; known: old-data two-types" 'promise arm64 twotypes'
	bad "unknown property 'zero'; known: old-data two-types" 'wrong arm64 x zero free'
	bad "unknown property ''; known: old-data two-types" 'wrong arm64 x'
	bad "'order' has no name" 'order arm64 # zero'
	bad "'x' has no steps" 'order arm64 x'
	bad "'x' has no steps" 'wrong arm64 x old-data # zero free'
	bad "no part 'uc' of arm64 above" 'order arm64 x zero @uc free'
	bad "'a/b' is no name of a file: a to z, 0 to 9 and -" 'order arm64 a/b zero'
	bad "no line 'promise x86_64' above" 'order x86_64 x zero'
	bad "give a name and what it means" 'property stale'
	bad "arm64 has an order 'x' above" "$(printf '%s\n' 'order arm64 x zero' 'allowed arm64 x zero')"
}

@test "model: an unknown step, and which there are" {
	echo 'order arm64 x zero flush-tlb free' >>orders
	run -2 --separate-stderr "$ROOT/scripts/model"
	# bats sets both.
	# shellcheck disable=SC2154
	[[ $stderr = "model: $ORDERS:5: arm64 has no step 'flush-tlb'; it has: zero "*' tlbi '* ]]
	# shellcheck disable=SC2154
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "model: no file, and no orders" {
	run -2 --separate-stderr "$ROOT/scripts/model"
	one_line "model: $ORDERS: no orders of arm64"
	ORDERS=none run -2 --separate-stderr "$ROOT/scripts/model"
	one_line 'model: none: no such file'
}

@test "model: a promise that no wrong order breaks" {
	echo 'order arm64 x zero free' >>orders
	run -2 --separate-stderr "$ROOT/scripts/model"
	one_line "model: $ORDERS: arm64 promises 'old-data', and no wrong order violates it"
}

@test "model: a wrong order is seen, in words" {
	echo "wrong arm64 no-zero old-data @uncached @owner free # nobody zeroes" >>orders
	run -0 --separate-stderr "$ROOT/scripts/model"
	[[ $output = *'seen        wrong    arm64    no-zero '*"old-data"* ]]
	[ "$(head -n 1 out/model/arm64-no-zero.txt)" = 'arm64, no-zero: nobody zeroes' ]
	grep -q '^CPU [01]: the driver reads the data of before, NC$' out/model/arm64-no-zero.txt
	[ "$(tail -n 1 out/model/arm64-no-zero.txt)" = 'Error: assertion violated' ]
	[ "$(jq -r '.ok, .orders[0].verdict, .orders[0].name' out/model/results.json | paste -sd' ')" = 'true seen no-zero' ]
}

@test "model: a wrong order that is right is missed" {
	echo 'wrong arm64 right old-data zero unmap-aliases @uncached @owner @write-back free' >>orders
	run -1 --separate-stderr "$ROOT/scripts/model"
	[[ $output = *'MISSED      wrong    arm64    right '*'NOT OK'* ]]
	[ "$(jq -r '.ok, .orders[0].verdict' out/model/results.json | paste -sd' ')" = 'false MISSED' ]
}

@test "model: a wrong order that violates something else is missed" {
	echo "wrong arm64 no-zero two-types unmap-aliases @uncached @owner free" >>orders
	echo "wrong arm64 also-no-zero old-data unmap-aliases @uncached @owner free" >>orders
	run -1 --separate-stderr "$ROOT/scripts/model"
	[[ $output = *'MISSED      wrong    arm64    no-zero '*'seen        wrong    arm64    also-no-zero '* ]]
}

@test "model: an order as implemented that is wrong" {
	echo "wrong arm64 no-zero old-data unmap-aliases @uncached @owner free" >>orders
	echo "allowed arm64 no-clean zero unmap-aliases $NO_CLEAN @owner free" >>orders
	run -1 --separate-stderr "$ROOT/scripts/model"
	[[ $output = *'VIOLATED    allowed  arm64    no-clean '* ]]
	grep -q '^CPU [01]: the driver reads the data of before, NC$' out/model/arm64-no-clean.txt
}

@test "model: an order that cannot come to its end proves nothing" {
	echo "wrong arm64 no-zero old-data unmap-aliases @uncached @owner free" >>orders
	echo "allowed arm64 stuck break dsb.ishst tlbi dsb.ish zero" >>orders
	run -1 --separate-stderr "$ROOT/scripts/model"
	[[ $output = *'STUCK       allowed  arm64    stuck '* ]]
}

@test "model: a search that was cut short is no proof" {
	echo "wrong arm64 no-zero old-data unmap-aliases @uncached @owner free" >>orders
	echo "allowed arm64 x zero unmap-aliases @uncached @owner free" >>orders
	DEPTH=100 run -1 --separate-stderr "$ROOT/scripts/model"
	[[ $output = *'INCOMPLETE  allowed  arm64    x '*'max search depth too small'* ]]
}

# a_copy EDIT FILE: a copy of what the model takes, with FILE spoilt by sed.
a_copy() {
	mkdir -p copy/tools
	cp -r "$ROOT"/{scripts,qemu-images} copy/
	cp -r "$ROOT/tools/order-model" copy/tools/
	sed -i "$1" "copy/$2"
	! cmp -s "copy/$2" "$ROOT/$2"
}

# as_implemented: the orders that are, and of the wrong ones, one for each promise.
as_implemented() {
	local file=$ROOT/tools/order-model/orders.txt
	grep -v '^wrong\|^allowed\|^finding' "$file" >orders
	grep -E '^wrong arm64 +(no-clean|no-clean-evicted|clean-only|clean-before-make|no-break) ' "$file" >>orders
}

@test "model: a part of it that nothing comes to is said, and nothing else is" {
	as_implemented
	# The device is never let in.
	a_copy 's/atomic { iova \&\& !iotlb/atomic { false \&\& !iotlb/' tools/order-model/machine.pml
	run -1 --separate-stderr copy/scripts/model
	[[ $output = *'DEAD        users.pml:'*'printf("device: reads'* ]]
	[[ $output != *REACHED* ]]
}

@test "model: what says that it is not reached must not be" {
	as_implemented
	a_copy 's|printf("device: reads|/* unreached: so it says */ &|' tools/order-model/users.pml
	run -1 --separate-stderr copy/scripts/model
	[[ $output = *'REACHED     users.pml:'* ]]
	[[ $output != *DEAD* ]]
}

@test "model: the order that was traced is the one that is modelled" {
	cat >>orders <<-'END'
	wrong arm64 as-traced two-types unmap-aliases @uncached @owner free
	wrong arm64 no-zero old-data @uncached @owner free
	END
	a_copy 's/^want uncached .*/want uncached break make return/' qemu-images/order.txt
	run -2 --separate-stderr copy/scripts/model
	one_line "model: qemu-images/order.txt: 'allocated' is not 'uncached' with 'zero' in front; the model has it so"
	a_copy 's/^want \(allocated\|uncached\) .*/want \1 break make return/; s/^want allocated/& zero/' qemu-images/order.txt
	run -0 --separate-stderr copy/scripts/model
	[[ $output = *'seen        wrong    arm64    as-traced '* ]]
	run -1 --separate-stderr "$ROOT/scripts/model"
	[[ $output = *'MISSED      wrong    arm64    as-traced '* ]]
}

@test "model: the comment in the patch and the model name the same steps" {
	# Its step 1 changes nothing.
	sed -n 's/^+ \*  \([2-9]\)\. \([^:.;]*\).*/\1. \2/p' "$ROOT"/patches/*-arm64-mm-Change-the-memory-type-of-pages-in-the-line.patch >named
	sed -n 's|^/\* \([0-9]\)\. \([^:.;]*\).*|\1. \2|p' "$ROOT/tools/order-model/arm64.pml" >model
	cat named model
	[ "$(wc -l <model)" = 4 ]
	while IFS= read -r step <&3; do
		grep -q "^$step" named
		sed -i "0,/^$step/{/^$step/d}" named
	done 3<model
	[ ! -s named ]
}
