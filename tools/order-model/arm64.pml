/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The steps of set_memtype() in arch/arm64/mm/pageattr.c, by the names of its comment
 * and of qemu-images/order.txt. Done by CPU 0.
 */
#define OTHER_TYPE(t)	(t == WB -> WC : WB)

mtype type = WB;		/* in the entry, valid or not */

inline write_entry(t)
{
	pte_new = t;
	pte_pending = true
}

/* 2. break: the new type and an invalid entry in one write. */
inline step_break()
{
	atomic {
		type = OTHER_TYPE(type);
		write_entry(NONE);
		printf("CPU 0: break\n") }
}

/* 3. invalidate the TLBs. Begun on all CPUs. dsb.ish waits for it. */
inline step_tlbi()
{
	atomic { tlbi[0] = true; tlbi[1] = true; printf("CPU 0: tlbi\n") }
}

/* 4. make: the entries become valid. Here, the one. */
inline step_make()
{
	atomic {
		write_entry(type);
		may_fault = true;
		printf("CPU 0: make, %e\n", type) }
}

/* live (a mistake): from one type to the other in one write. */
inline step_live()
{
	atomic {
		type = OTHER_TYPE(type);
		write_entry(type);
		printf("CPU 0: live, %e\n", type) }
}

/* 5. clean and invalidate to the PoC. Begun. Only dsb.sy waits for it: the others
 * promise nothing to a device outside of their domain. It is ordered behind what this
 * CPU stored to the line, and takes a valid entry. */
inline maintenance(what)
{
	dc == NONE && wb_type[0] != WB;
	linear_map_access();
	atomic { TLB(0, LINEAR) != NONE ->
		dc = what;
		printf("CPU 0: clean, %e\n", what) }
}

inline step_clean()
{
	maintenance(CLEAN_INVAL)
}

/* clean.only (a mistake): without the invalidation. */
inline step_clean_only()
{
	maintenance(CLEAN)
}

#define STORES_DONE	(!pte_pending && wb_type[0] == NONE)
#define TLBI_DONE	(!tlbi[0] && !tlbi[1])

inline step_dsb_ishst()
{
	atomic { STORES_DONE -> printf("CPU 0: dsb.ishst\n") }
}

inline step_dsb_ish()
{
	atomic { STORES_DONE && TLBI_DONE -> printf("CPU 0: dsb.ish\n") }
}

inline step_dsb_sy()
{
	atomic { STORES_DONE && TLBI_DONE && dc == NONE -> printf("CPU 0: dsb.sy\n") }
}

/* isb: what CPU 0 does from here on sees the entry that walks see. */
inline step_isb()
{
	atomic {
		if
		:: !pte_pending -> may_fault = false
		:: else ->
			printf("    (walks do not see the entry yet)\n")	/* unreached: a dsb comes first */
		fi;
		printf("CPU 0: isb\n") }
}

inline step_return()
{
	atomic { printf("CPU 0: return\n") }
}
