/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who reads and writes the page, and the steps of their side. Each may do so as
 * often as it likes, as long as it can.
 */

/* The driver, in the kernel, through the linear map; on both CPUs. */
proctype driver(byte c)
{
end:	do
	:: atomic { in_use && CAN_STORE(c, LINEAR) ->
		printf("CPU %d: the driver writes <%d>, %e\n", c, BY_CPU(owner), TLB(c, LINEAR));
		store(c, LINEAR, BY_CPU(owner)) }
	:: atomic { in_use && CAN_STORE(c, LINEAR) ->
		load(c, LINEAR);
		printf("CPU %d: the driver reads <%d>, %e\n", c, v, TLB(c, LINEAR));
		check_read(owner) }
	od
}

/* User space, as long as the mapping or what a TLB has of it lets it. */
proctype user(byte c)
{
end:	do
	:: atomic { second_owner != 0 && CAN_STORE(c, SECOND) ->
		printf("CPU %d: user space writes <%d>, %e\n", c, BY_CPU(second_owner), TLB(c, SECOND));
		store(c, SECOND, BY_CPU(second_owner)) }
	:: atomic { second_owner != 0 && CAN_STORE(c, SECOND) ->
		load(c, SECOND);
		printf("CPU %d: user space reads <%d>, %e\n", c, v, TLB(c, SECOND));
		check_read(second_owner) }
	od
}

/* The device, as long as the IOTLB lets it. */
proctype device()
{
end:	do
	:: atomic { iotlb ->
		printf("device: writes <%d>\n", BY_DEVICE(device_owner));
		write_memory(BY_DEVICE(device_owner)) }
	:: atomic { iotlb ->
		v = mem;
		printf("device: reads <%d>\n", v);
		check_read(device_owner) }
	od
}

/* Who got the page from the page allocator: the linear map should be write-back. */
proctype next_owner(byte c)
{
end:	do
	:: atomic { freed && CAN_STORE(c, LINEAR) ->
		printf("CPU %d: the next owner writes <%d>, %e\n", c, BY_CPU(NEXT), TLB(c, LINEAR));
		store(c, LINEAR, BY_CPU(NEXT)) }
	:: atomic { freed && CAN_STORE(c, LINEAR) ->
		load(c, LINEAR);
		printf("CPU %d: the next owner reads <%d>, %e\n", c, v, TLB(c, LINEAR));
		check_read(NEXT) }
	:: atomic { freed && TLB(c, LINEAR) == NONE && pte[LINEAR] == NONE ->
		printf("CPU %d: FAULT, the next owner has no mapping\n", c);	/* unreached: he has */
		CHECK_FAULT }		/* unreached: he has */
	od
}

/* What CPU 0 does by the linear map may fault if the entry is, or was, invalid. */
inline linear_map_access()
{
	if
	:: TLB(0, LINEAR) != NONE
	:: atomic { (TLB(0, LINEAR) == NONE && pte[LINEAR] == NONE) || may_fault ->
		printf("CPU 0: FAULT, by an invalid entry\n");	/* unreached: it is valid */
		CHECK_FAULT }		/* unreached: it is valid */
	fi
}

/* zero: the kernel clears the page, whatever type the linear map has. */
inline step_zero()
{
	linear_map_access();
	atomic { CAN_STORE(0, LINEAR) ->
		printf("CPU 0: zero, %e\n", TLB(0, LINEAR));
		store(0, LINEAR, ZERO) }
}

/* zero.alias (a mistake): by a cacheable mapping that is made for it. */
inline step_zero_alias()
{
	pte[SECOND] = WB;
	atomic { CAN_STORE(0, SECOND) ->
		printf("CPU 0: zero.alias, %e\n", TLB(0, SECOND));
		store(0, SECOND, ZERO) };
	wb_type[0] == NONE;
	pte[SECOND] = NONE;
	step_unmap_aliases()
}

/* wmb: what this CPU wrote is in the memory. */
inline step_wmb()
{
	atomic { wb_type[0] == NONE -> printf("CPU 0: wmb\n") }
}

/* unmap-aliases: vm_unmap_aliases(), of what was unmapped lazily. */
inline step_unmap_aliases()
{
	atomic { NO_WRITE_BY(0, SECOND) -> TLB(0, SECOND) = NONE };
	atomic { NO_WRITE_BY(1, SECOND) ->
		TLB(1, SECOND) = NONE;
		printf("CPU 0: unmap-aliases\n") }
}

/* give: the page has a new owner. */
inline step_give()
{
	atomic { owner++; printf("CPU 0: give, to owner %d\n", owner) }
}

/* map.user: with the type that the linear map has. */
inline step_map_user()
{
	atomic {
		second_owner = owner;
		pte[SECOND] = pte[LINEAR];
		printf("CPU 0: map.user, %e\n", pte[SECOND]) }
}

inline step_map_device()
{
	atomic { device_owner = owner; iova = true; printf("CPU 0: map.device\n") }
}

/* use: the driver uses the page, from here to the end of the step. */
inline step_use()
{
	atomic { in_use = true; printf("CPU 0: use begins\n") };
	atomic { in_use = false; printf("CPU 0: use ends\n") }
}

/* wmb.driver: each CPU that the driver wrote on has done a wmb(). */
inline step_wmb_driver()
{
	atomic { wb_type[0] == NONE && wb_type[1] == NONE -> printf("both CPUs: wmb.driver\n") }
}

/* unmap.user: and the TLBs have no entry any more. */
inline step_unmap_user()
{
	atomic { pte[SECOND] = NONE; printf("CPU 0: unmap.user begins\n") };
	atomic { NO_WRITE_BY(0, SECOND) -> TLB(0, SECOND) = NONE };
	atomic { NO_WRITE_BY(1, SECOND) ->
		TLB(1, SECOND) = NONE;
		printf("CPU 0: unmap.user ends\n") }
}

inline step_unmap_device()
{
	atomic { iova = false; printf("CPU 0: unmap.device\n") }
}

/* iotlb.sync: the device cannot reach the page any more. */
inline step_iotlb_sync()
{
	atomic { iotlb = false; printf("CPU 0: iotlb.sync\n") }
}

/* free: to the page allocator. */
inline step_free()
{
	atomic {
		owner_before = owner;
		owner = NEXT;
		freed = true;
		printf("CPU 0: free\n") }
}

/*
 * two-types: no two valid mappings of different type at once, in page tables and TLBs.
 * wc-and-wb: none that is write-combining while one is write-back, on the way there;
 * wc-and-wb-back: on the way back.
 */
#define SOME(t)	(pte[0] == t || pte[1] == t || \
		 tlb[0] == t || tlb[1] == t || tlb[2] == t || tlb[3] == t)
#define TWO_TYPES	(SOME(WB) + SOME(UC) + SOME(WC) > 1)
#define WC_AND_WB	(SOME(WB) && SOME(WC) && !going_back)
#define WC_AND_WB_BACK	(SOME(WB) && SOME(WC) && going_back)

proctype monitor()
{
end:	do
#ifdef P_two_types
	:: TWO_TYPES ->
		assert(!TWO_TYPES)	/* unreached: there are none */
#endif
#ifdef P_wc_and_wb
	:: WC_AND_WB ->
		assert(!WC_AND_WB)	/* unreached: there are none */
#endif
#ifdef P_wc_and_wb_back
	:: WC_AND_WB_BACK ->
		assert(!WC_AND_WB_BACK)
#endif
	:: false
	od
}
