/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The start. scripts/model puts the files one behind the other: machine.pml,
 * users.pml, the steps of the architecture, this one, and the process kernel() that
 * it makes of a line in orders.txt.
 */
init {
#ifdef NOTHING_RUNS
	/* So that all of the model is listed as unreached. */
	false;
#endif
	atomic {
		/* Owner 0 had it write-back, and a vmap that was unmapped lazily. */
		pte[LINEAR] = WB;
		pte[SECOND] = NONE;
		pte_new = NONE;
		tlb[0] = NONE; TLB(0, SECOND) = WB;
		tlb[2] = NONE; TLB(1, SECOND) = WB;
		dc = NONE;
		wb_type[0] = NONE; wb_type[1] = NONE;
		run kernel();
		run cpu_hardware(0); run cpu_hardware(1); run other_hardware();
		run driver(0); run driver(1); run user(0); run user(1); run device();
		run next_owner(0); run next_owner(1); run monitor()
	}
}
