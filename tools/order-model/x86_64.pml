/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The steps of change_page_attr_set_clr() and cpa_set_wc() in
 * arch/x86/mm/pat/set_memory.c. Done by CPU 0.
 */

/* A live entry, written once. Others see it before CPU 0 sends them an interrupt. */
inline set_entry(t)
{
	atomic {
		pte[LINEAR] = t;
		going_back = (t == WB);
		printf("CPU 0: set, %e\n", t) }
}

inline step_set_uc() { set_entry(UC) }
inline step_set_wc() { set_entry(WC) }
inline step_set_wb() { set_entry(WB) }

/* flush-tlb: an interrupt to all CPUs, and CPU 0 waits for them. */
inline step_flush_tlb()
{
	atomic { tlbi[0] = true; tlbi[1] = true; printf("CPU 0: flush-tlb begins\n") };
	atomic { !tlbi[0] && !tlbi[1] -> printf("CPU 0: flush-tlb ends\n") }
}

/* flush-tlb.send (a mistake): does not wait. */
inline step_flush_tlb_send()
{
	atomic { tlbi[0] = true; tlbi[1] = true; printf("CPU 0: flush-tlb.send\n") }
}

/* flush-tlb.local (a mistake): this CPU's alone. */
inline step_flush_tlb_local()
{
	atomic { tlbi[0] = true; printf("CPU 0: flush-tlb.local begins\n") };
	atomic { !tlbi[0] -> printf("CPU 0: flush-tlb.local ends\n") }
}

/* clflush: CLFLUSHOPT, which is done when mb says so. */
inline step_clflush()
{
	dc == NONE && wb_type[0] != WB;
	linear_map_access();
	atomic { TLB(0, LINEAR) != NONE ->
		dc = CLEAN_INVAL;
		printf("CPU 0: clflush\n") }
}

inline step_mb()
{
	atomic { wb_type[0] == NONE && dc == NONE -> printf("CPU 0: mb\n") }
}
