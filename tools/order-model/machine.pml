/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the hardware may do, at any moment, with one line of one page: two CPUs with
 * their TLBs and write buffers, one coherent cache, the memory, and a device that
 * does not snoop, behind an IOMMU. README.md says what is assumed.
 */

/*
 * What the memory or the line holds is who wrote it: owner N writes 2 N, his device
 * 2 N + 1, and the kernel zeroes.
 */
#define ZERO		0
#define OLD		1	/* of owner 0, who had the page before the kernel takes it */
#define BY_CPU(n)	(2 * (n))
#define BY_DEVICE(n)	(2 * (n) + 1)
#define OWNER_OF(v)	((v) / 2)
#define NEXT		3	/* who gets the page from the page allocator at the end */

/* Memory types. Normal Non-cacheable of arm64 is WC: writes gather in both. */
mtype = { NONE, WB, UC, WC, CLEAN, CLEAN_INVAL };

/* Mappings: the linear map, and one in vmalloc or user space. */
#define LINEAR		0
#define SECOND		1
#define TLB(c, m)	tlb[2 * (c) + (m)]

byte mem = ZERO;		/* the memory, at the point of coherency */
byte line = OLD;		/* what the cache holds, if valid */
bool valid = true, dirty = true;
bool newer;			/* the memory was written while the line was dirty */

mtype pte[2];			/* what a walk of the page tables finds */
mtype pte_new;			/* and will find in the linear map, if pending: the */
bool pte_pending;		/* write is in the write buffer of CPU 0 */
mtype tlb[4];
bool tlbi[2];			/* the linear map's entry is being invalidated there */
bool may_fault;			/* CPU 0 may still act on an invalid entry it saw */
mtype dc;			/* the maintenance of the line that is under way */

mtype wb_type[2];		/* the write buffer of each CPU, NONE if empty */
byte wb_value[2], wb_map[2];

bool iova, iotlb;		/* the device's entry in the page table, and cached */
byte device_owner, second_owner;

byte last = OLD;		/* what was written last, by one who was to write */
byte owner;			/* whose page it is */
byte owner_before;		/* and was before it was freed */
bool in_use, freed, going_back;

byte v;				/* what is being read; 0 between the steps */

/*
 * The properties. One alone is compiled in for a wrong order, all that are promised
 * for the right one. P_two_types and P_wc_and_wb are at the end of users.pml.
 */
#ifdef P_old_data
#define CHECK_OLD_DATA(what)	assert(what)
#else
#define CHECK_OLD_DATA(what)	skip
#endif
#ifdef P_stale
#define CHECK_STALE(what)	assert(what)
#else
#define CHECK_STALE(what)	skip
#endif
#ifdef P_overwrite
#define CHECK_OVERWRITE(what)	assert(what)
#else
#define CHECK_OVERWRITE(what)	skip
#endif
#ifdef P_fault
#define CHECK_FAULT		assert(false)
#else
#define CHECK_FAULT		false
#endif

/*
 * old-data: nobody sees what another owner wrote. What the last one left, the next
 * one sees until he writes, since the page allocator need not zero.
 */
#define MAY_SEE(n, v)	((v) == ZERO || OWNER_OF(v) == (n) || \
			 ((n) == NEXT && last != BY_CPU(NEXT) && OWNER_OF(v) == owner_before))

/* stale: whose page it is sees what was written last. */
inline check_read(n)
{
	CHECK_OLD_DATA(MAY_SEE(n, v));
	CHECK_STALE((n) != owner || v == last);
	v = 0
}

/* Nobody is to see what is written to a page by one who has it no more. */
inline write_memory(value)
{
	mem = value;
	newer = dirty;
	if
	:: value == ZERO || OWNER_OF(value) == owner -> last = value
	:: else ->
		printf("    (a former owner wrote that)\n")	/* unreached: he has no mapping */
	fi
}

/* overwrite: a dirty line does not replace what was written to the memory later. */
inline write_back()
{
	CHECK_OVERWRITE(!newer);
	mem = line;
	dirty = false;
	newer = false
}

/*
 * A load of CPU c, through an entry that is in its TLB. Uncached, it may hit a line
 * all the same: for what had another type before, nobody promises that it does not.
 */
inline load(c, m)
{
	if
	:: TLB(c, m) == WB && valid -> v = line
	:: TLB(c, m) == WB && !valid -> valid = true; line = mem; v = line
	:: TLB(c, m) != WB -> v = mem
	:: TLB(c, m) != WB && valid ->
		v = line		/* unreached: there is none to be hit */
	fi
}

/* A store of CPU c. It stays in the write buffer for a while, whatever its type: that
 * is weaker than UC of x86 is. */
inline store(c, m, value)
{
	wb_type[c] = TLB(c, m);
	wb_value[c] = value;
	wb_map[c] = m
}

inline drain(c)
{
	if
	:: wb_type[c] == WB ->
		line = wb_value[c];
		valid = true;
		dirty = true;
		newer = false;
		last = wb_value[c]
	:: else -> write_memory(wb_value[c])
	fi;
	wb_type[c] = NONE;
	wb_value[c] = 0;
	wb_map[c] = 0
}

#define CAN_STORE(c, m)	(TLB(c, m) != NONE && wb_type[c] == NONE)

/*
 * An invalidation is complete on a CPU when its accesses through the old entry are.
 * On x86 it is an interrupt, which empties the write buffer of all.
 */
#ifdef ARM64
#define NO_WRITE_BY(c, m)	(wb_type[c] == NONE || wb_map[c] != (m))
#else
#define NO_WRITE_BY(c, m)	(wb_type[c] == NONE)
#endif

proctype cpu_hardware(byte c)
{
end:	do
	:: atomic { pte[LINEAR] != NONE && TLB(c, LINEAR) == NONE ->
		TLB(c, LINEAR) = pte[LINEAR];
		printf("    CPU %d: an entry of the linear map is loaded into the TLB, %e\n", c, TLB(c, LINEAR)) }
	:: atomic { pte[SECOND] != NONE && TLB(c, SECOND) == NONE ->
		TLB(c, SECOND) = pte[SECOND];
		printf("    CPU %d: an entry of the second mapping is loaded into the TLB, %e\n", c, TLB(c, SECOND)) }
	:: atomic { TLB(c, LINEAR) != NONE ->
		TLB(c, LINEAR) = NONE;
		printf("    CPU %d: the TLB drops the entry of the linear map\n", c) }
	:: atomic { TLB(c, SECOND) != NONE ->
		TLB(c, SECOND) = NONE;
		printf("    CPU %d: the TLB drops the entry of the second mapping\n", c) }
	:: atomic { tlbi[c] && NO_WRITE_BY(c, LINEAR) ->
		tlbi[c] = false;
		TLB(c, LINEAR) = NONE;
		printf("    CPU %d: the entry of the linear map is gone from the TLB\n", c) }
	:: atomic { (TLB(c, LINEAR) == WB || TLB(c, SECOND) == WB) && !valid ->
		valid = true;
		line = mem;
		printf("    CPU %d: speculation fills the line, <%d>\n", c, line) }
	:: atomic { wb_type[c] != NONE ->
		printf("    CPU %d: a write leaves the write buffer, <%d>\n", c, wb_value[c]);
		drain(c) }
	od
}

proctype other_hardware()
{
end:	do
	:: atomic { valid && dirty ->
		printf("    cache: the line is written back, <%d>\n", line);
		write_back() }
	:: atomic { valid && !dirty ->
		printf("    cache: the line is dropped\n");
		valid = false;
		line = 0 }
#ifdef ARM64
	:: atomic { pte_pending ->
		pte[LINEAR] = pte_new;
		pte_pending = false;
		printf("    CPU 0: the entry of the linear map is seen by walks, %e\n", pte[LINEAR]) }
#endif
	:: atomic { dc != NONE ->
		printf("    cache: the maintenance is done, %e\n", dc);
		if
		:: valid && dirty -> write_back()
		:: else
		fi;
		if
		:: dc == CLEAN_INVAL -> valid = false; line = 0
		:: else ->
			printf("    (the line stays)\n")	/* unreached: clean.only is a mistake */
		fi;
		dc = NONE }
	:: atomic { iova && !iotlb ->
		iotlb = true;
		printf("    IOMMU: the entry is loaded into the IOTLB\n") }
	od
}
