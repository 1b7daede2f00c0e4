/* What does Xen answer to a PV guest's memory hypercalls? memory.answers holds what Xen 4.17 said. */
#include "probe.h"

static void ask_of_types(void)
{
    answer("pin a writable page", mmuext(MMUEXT_PIN_L1_TABLE, frame(0), 0));
    make_table(0);
    answer_entry("read-only entry", entry_of(pages[0]));
    answer("pin it as level 1", mmuext(MMUEXT_PIN_L1_TABLE, frame(0), 0));
    answer("map it writable", map(0, PRESENT | WRITABLE));
    answer("pin it again", mmuext(MMUEXT_PIN_L1_TABLE, frame(0), 0));
    answer("pin it as level 2", mmuext(MMUEXT_PIN_L2_TABLE, frame(0), 0));
    answer("unpin it", mmuext(MMUEXT_UNPIN_TABLE, frame(0), 0));
    answer("unpin it again", mmuext(MMUEXT_UNPIN_TABLE, frame(0), 0));
    answer("map it writable now", map(0, PRESENT | WRITABLE));
    answer("pin a foreign frame", mmuext(MMUEXT_PIN_L1_TABLE, FOREIGN_FRAME, 0));
    answer("unpin a foreign frame", mmuext(MMUEXT_UNPIN_TABLE, FOREIGN_FRAME, 0));
    answer("pin shared_info", mmuext(MMUEXT_PIN_L1_TABLE, start_info->shared_info >> 12, 0));
}

static void ask_of_flags(void)
{
    static const struct { const char *name; u64 flags; } kinds[] = {
        { "kernel", PRESENT | WRITABLE }, { "user", PRESENT | WRITABLE | USER }, { "global", PRESENT | WRITABLE | GLOBAL },
        { "global user", PRESENT | USER | GLOBAL }, { "cache-disabled", PRESENT | CACHE_DISABLE }, { "write-through", PRESENT | WRITE_THROUGH },
        { "large", PRESENT | LARGE }, { "bit 9", PRESENT | 1 << 9 }, { "bit 52", PRESENT | 1ul << 52 }, { "bit 58", PRESENT | 1ul << 58 },
        { "bit 62", PRESENT | 1ul << 62 }, { "no-execute", PRESENT | 1ul << 63 },
    };
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        map(1, 0);
        answer(kinds[i].name, map(1, kinds[i].flags));
        answer_entry(kinds[i].name, entry_of(pages[1]));
    }
    map(1, PRESENT | WRITABLE);
}

static void ask_of_mappings(void)
{
    answer("map a foreign frame", set_mapping(pages[2], FOREIGN_FRAME << 12 | PRESENT, 0));
    answer("map a foreign frame writable", set_mapping(pages[2], FOREIGN_FRAME << 12 | PRESENT | WRITABLE, 0));
    answer("map frame 1", set_mapping(pages[2], 1ul << 12 | PRESENT, 0));
    answer("map a frame beyond", set_mapping(pages[2], FRAME_BEYOND << 12 | PRESENT, 0));
    answer("map the invalid frame", set_mapping(pages[2], FRAME_MASK | PRESENT, 0));
    answer("set what is not present", set_mapping(pages[2], ~1ul, 0));
    answer("map it back", map(2, PRESENT | WRITABLE));
    answer("map at Xen's address", set_mapping((void *)0xffff800000000000, 0, 0));
    answer("map where no table is", set_mapping((void *)NO_ADDRESS, 0, 0));
    answer("map at no canonical address", set_mapping((void *)0x900000000000, 0, 0));
    answer("flush by a bad bitmap", set_mapping(pages[2], entry(2, PRESENT | WRITABLE), UVMF_TLB_FLUSH | NO_ADDRESS));
    answer("flush of kind 3", set_mapping(pages[2], entry(2, PRESENT | WRITABLE), 3));
    answer("flush all", set_mapping(pages[2], entry(2, PRESENT | WRITABLE), UVMF_INVLPG | UVMF_ALL));
    static const struct { const char *name; unsigned domain; } domains[] = {
        { "map of domain 5", 5 }, { "map of DOMID_IO", DOMID_IO }, { "map of DOMID_XEN", DOMID_XEN }, { "map of DOMID_COW", DOMID_COW },
        { "map of domain 0", 0 }, { "map of DOMID_SELF", DOMID_SELF },
    };
    for (unsigned i = 0; i < sizeof domains / sizeof *domains; i++)
        answer(domains[i].name, hypercall(__HYPERVISOR_update_va_mapping_otherdomain, (u64)pages[2], entry(2, PRESENT | WRITABLE), 0, domains[i].domain));
}

static void ask_of_updates(void)
{
    answer("update a word of a page", update(3, 3, 77));
    answer("the word", pages[3][3]);
    map(3, PRESENT);
    answer("update a word of a read-only page", update(3, 3, 78));
    answer("the word", pages[3][3]);
    for (unsigned command = 3; command < 8; command++)
        answer("update by command 3 to 7", update_of(frame(3) << 12 | command, 5, DOMID_SELF));
    answer("update a foreign frame", update_of(FOREIGN_FRAME << 12, 0, DOMID_SELF));
    answer("update a frame beyond", update_of(FRAME_BEYOND << 12, 0, DOMID_SELF));
    answer("machphys of a foreign frame", update_of(FOREIGN_FRAME << 12 | MMU_MACHPHYS_UPDATE, 0, DOMID_SELF));
    answer("machphys of an own frame", update_of(frame(3) << 12 | MMU_MACHPHYS_UPDATE, pfn(pages[3]), DOMID_SELF));
    answer("machphys for DOMID_IO", update_of(frame(3) << 12 | MMU_MACHPHYS_UPDATE, 5, DOMID_IO));
    static const unsigned domains[] = { 5, 0, DOMID_IO, DOMID_XEN, DOMID_COW, DOMID_SELF | 6 << 16, DOMID_SELF | 1 << 16 };
    for (unsigned i = 0; i < sizeof domains / sizeof *domains; i++)
        answer("update for other domains", update_of(frame(3) << 12, 0, domains[i]));
    answer("updates at a bad address", hypercall(__HYPERVISOR_mmu_update, NO_ADDRESS, 1, 0, DOMID_SELF));
    answer("updates at Xen's address", hypercall(__HYPERVISOR_mmu_update, 0xffff830000000000, 1, 0, DOMID_SELF));
    answer("no updates", hypercall(__HYPERVISOR_mmu_update, 0, 0, 0, DOMID_SELF));
}

static void ask_of_level_1(void)
{
    make_table(4);
    mmuext(MMUEXT_PIN_L1_TABLE, frame(4), 0);
    u64 table = frame(4) << 12;
    u64 batch[] = { table, entry(5, PRESENT), table | 8, entry(4, PRESENT | WRITABLE), table | 16, entry(5, PRESENT) };
    uint32_t done = 0;
    answer("a batch with a bad update", hypercall(__HYPERVISOR_mmu_update, (u64)batch, 3, (u64)&done, DOMID_SELF));
    answer("updates done", done);
    answer("a batch with a bad counter", hypercall(__HYPERVISOR_mmu_update, (u64)batch, 1, NO_ADDRESS, DOMID_SELF));
    update(4, 0, entry(5, PRESENT | ACCESSED | DIRTY));
    update_of(table | MMU_PT_UPDATE_PRESERVE_AD, entry(5, PRESENT), DOMID_SELF);
    answer_entry("accessed and dirty preserved", pages[4][0]);
    update(4, 0, entry(5, PRESENT));
    answer_entry("accessed and dirty dropped", pages[4][0]);
    answer("a table that maps itself read-only", update(4, 1, entry(4, PRESENT)));
    static const struct { const char *name; u64 entry; } bad[] = {
        { "pin with a foreign frame", FOREIGN_FRAME << 12 | PRESENT }, { "pin with a frame beyond", FRAME_BEYOND << 12 | PRESENT },
        { "pin with a large page", PRESENT | LARGE },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        map(6, PRESENT | WRITABLE);
        pages[6][7] = bad[i].entry;
        map(6, PRESENT);
        answer(bad[i].name, mmuext(MMUEXT_PIN_L1_TABLE, frame(6), 0));
        answer("map it back", map(6, PRESENT | WRITABLE));
    }
}

static void ask_of_upper_levels(void)
{
    make_table(7);
    answer("pin as level 2", mmuext(MMUEXT_PIN_L2_TABLE, frame(7), 0));
    answer("level 2: global", update(7, 0, entry(4, PRESENT | GLOBAL)));
    answer("level 2: large", update(7, 0, entry(4, PRESENT | LARGE)));
    answer("level 2: table", update(7, 0, entry(4, PRESENT)));
    answer_entry("level 2", pages[7][0]);
    answer("level 2: writable page", update(7, 1, entry(5, PRESENT)));
    answer("level 2: foreign frame", update(7, 1, FOREIGN_FRAME << 12 | PRESENT));
    answer("level 2: frame beyond", update(7, 1, FRAME_BEYOND << 12 | PRESENT));
    answer("level 2: itself", update(7, 1, entry(7, PRESENT)));
    answer("level 2: itself writable", update(7, 2, entry(7, PRESENT | WRITABLE)));
    answer("level 2: for DOMID_IO", update_of(frame(7) << 12 | 8, 0, DOMID_IO));

    make_table(8);
    map(8, PRESENT | WRITABLE);
    pages[8][300] = entry(8, PRESENT);
    pages[8][260] = FOREIGN_FRAME << 12 | PRESENT;
    map(8, PRESENT);
    answer("pin as level 4, linear", mmuext(MMUEXT_PIN_L4_TABLE, frame(8), 0));
    answer_entry("its linear entry", pages[8][300]);
    answer("its slot 256 is present", pages[8][256] & PRESENT);
    static const unsigned slots[] = { 255, 256, 271, 272 };
    for (unsigned i = 0; i < 4; i++)
        answer("clear slot 255, 256, 271, 272", update(8, slots[i], 0));
    answer("level 4: itself writable", update(8, 1, entry(8, PRESENT | WRITABLE)));
    for (unsigned page = 9; page < 11; page++) {
        make_table(page);
        map(page, PRESENT | WRITABLE);
        pages[page][300] = entry(page - 1, PRESENT);
        map(page, PRESENT);
        answer("pin a chain of linear tables", mmuext(MMUEXT_PIN_L4_TABLE, frame(page), 0));
    }
    answer("a chain from a used table", update(8, 301, entry(9, PRESENT)));
}

static void ask_of_base_pointers(void)
{
    make_table(11);
    answer("user base: level 4", mmuext(MMUEXT_NEW_USER_BASEPTR, frame(11), 0));
    answer("user base: the same", mmuext(MMUEXT_NEW_USER_BASEPTR, frame(11), 0));
    answer("user base: writable page", mmuext(MMUEXT_NEW_USER_BASEPTR, frame(5), 0));
    answer("user base: level 1", mmuext(MMUEXT_NEW_USER_BASEPTR, frame(4), 0));
    answer("user base: none", mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0));
    answer("base: writable page", mmuext(MMUEXT_NEW_BASEPTR, frame(5), 0));
    answer("base: none", mmuext(MMUEXT_NEW_BASEPTR, 0, 0));
    answer("base: foreign frame", mmuext(MMUEXT_NEW_BASEPTR, FOREIGN_FRAME, 0));
    answer("map the user base back", map(11, PRESENT | WRITABLE));
}

static void ask_of_other_operations(void)
{
    static const unsigned commands[] = {
        MMUEXT_FLUSH_CACHE, MMUEXT_FLUSH_CACHE_GLOBAL, MMUEXT_MARK_SUPER, MMUEXT_UNMARK_SUPER, MMUEXT_TLB_FLUSH_ALL, MMUEXT_TLB_FLUSH_LOCAL, 14, 99,
    };
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
        answer("operation", mmuext(commands[i], 0, 0));
    answer("operation at a bad address", hypercall(__HYPERVISOR_mmuext_op, NO_ADDRESS, 1, 0, DOMID_SELF));
    static const unsigned domains[] = { 5, DOMID_IO, DOMID_XEN, DOMID_COW, 0 };
    for (unsigned i = 0; i < sizeof domains / sizeof *domains; i++)
        answer("operation for other domains", mmuext_of(MMUEXT_TLB_FLUSH_LOCAL, 0, 0, domains[i]));
    answer("invlpg of Xen's address", mmuext(MMUEXT_INVLPG_ALL, 0xffff800000000000, 0));
    answer("flush by a bad bitmap", mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, NO_ADDRESS));
    answer("invlpg by a bad bitmap", mmuext(MMUEXT_INVLPG_MULTI, 0x1000, NO_ADDRESS));
    map(12, PRESENT);
    answer("clear a read-only page", mmuext(MMUEXT_CLEAR_PAGE, frame(12), 0));
    answer("clear a table", mmuext(MMUEXT_CLEAR_PAGE, frame(4), 0));
    answer("clear a foreign frame", mmuext(MMUEXT_CLEAR_PAGE, FOREIGN_FRAME, 0));
    answer("copy a page", mmuext(MMUEXT_COPY_PAGE, frame(12), frame(5)));
    answer("copy to a table", mmuext(MMUEXT_COPY_PAGE, frame(4), frame(5)));
    answer("copy from a table", mmuext(MMUEXT_COPY_PAGE, frame(12), frame(4)));
    answer("copy from a foreign frame", mmuext(MMUEXT_COPY_PAGE, frame(12), FOREIGN_FRAME));
    answer("copy from shared_info", mmuext(MMUEXT_COPY_PAGE, frame(12), start_info->shared_info >> 12));
}

static s64 set_gdt(u64 table, unsigned entries)
{
    list[0] = table;
    return hypercall(__HYPERVISOR_set_gdt, (u64)list, entries, 0, 0);
}

static void ask_of_descriptors(void)
{
    answer("GDT: writable page", set_gdt(frame(13), 8));
    make_table(13);
    answer("GDT: read-only page", set_gdt(frame(13), 8));
    answer("map the GDT writable", map(13, PRESENT | WRITABLE));
    answer("GDT: 7169 entries", set_gdt(frame(13), 7169));
    answer("GDT: bad address", hypercall(__HYPERVISOR_set_gdt, NO_ADDRESS, 8, 0, 0));
    answer("GDT: foreign frame", set_gdt(FOREIGN_FRAME, 8));
    static const struct { const char *name; u64 descriptor; } kinds[] = {
        { "code", 0x00affb000000ffff }, { "ring 0 data", 0x00cf93000000ffff }, { "TSS", 0x000089000000ffff }, { "task gate", 0x0000e50000000000 },
        { "interrupt gate", 0x0000ee0000000000 }, { "not present", 0x0000090000001234 }, { "call gate", 0x0000ec00e0331234 },
        { "call gate to a reserved segment", 0x0000ec00e0081234 }, { "system type 0", 0x000080000000ffff },
    };
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        answer(kinds[i].name, hypercall(__HYPERVISOR_update_descriptor, frame(13) << 12 | i * 8, kinds[i].descriptor, 0, 0));
        answer(kinds[i].name, pages[13][i]);
    }
    answer("descriptor at no multiple of 8", hypercall(__HYPERVISOR_update_descriptor, frame(13) << 12 | 4, 0, 0, 0));
    answer("descriptor in a foreign frame", hypercall(__HYPERVISOR_update_descriptor, FOREIGN_FRAME << 12, 0, 0, 0));
    answer("descriptor in a writable page", hypercall(__HYPERVISOR_update_descriptor, frame(5) << 12, 0, 0, 0));
    answer("descriptor in a page table", hypercall(__HYPERVISOR_update_descriptor, frame(4) << 12, 0, 0, 0));
    answer("no GDT", set_gdt(0, 0));
    answer("map the old GDT writable", map(13, PRESENT | WRITABLE));
    pages[13][3] = 0x000089000000ffff;
    map(13, PRESENT);
    answer("GDT with a TSS", set_gdt(frame(13), 8));
    answer("LDT: within a page", mmuext(MMUEXT_SET_LDT, (u64)pages[14] + 8, 1));
    answer("LDT: 8193 entries", mmuext(MMUEXT_SET_LDT, (u64)pages[14], 8193));
    answer("LDT: Xen's address", mmuext(MMUEXT_SET_LDT, 0xffff800000000000, 1));
    answer("LDT: 8 entries", mmuext(MMUEXT_SET_LDT, (u64)pages[14], 8));
    answer("LDT: none", mmuext(MMUEXT_SET_LDT, 5, 0));
}

static s64 query(unsigned command, uint16_t domain) { return memory_op(command, &domain); }

static void ask_of_memory(void)
{
    answer("there is a maximum page", memory_op(XENMEM_maximum_ram_page, 0) > 0);
    answer("current reservation", query(XENMEM_current_reservation, DOMID_SELF));
    answer("maximum reservation", query(XENMEM_maximum_reservation, DOMID_SELF));
    answer("maximum gpfn", query(XENMEM_maximum_gpfn, DOMID_SELF));
    answer("reservation of domain 5", query(XENMEM_current_reservation, 5));
    answer("reservation of domain 0", query(XENMEM_current_reservation, 0));
    answer("reservation at a bad address", memory_op(XENMEM_current_reservation, (void *)NO_ADDRESS));

    struct { u64 start, size; uint32_t type; } *e820 = (void *)list;
    struct xen_memory_map map = { .nr_entries = 8, .buffer.p = list };
    answer("memory map", memory_op(XENMEM_memory_map, &map));
    answer("its entries", map.nr_entries);
    answer("its start", e820->start);
    answer("its size", e820->size);
    answer("its type", e820->type);
    map.nr_entries = 0;
    answer("memory map without room", memory_op(XENMEM_memory_map, &map));
    answer("machine memory map", memory_op(XENMEM_machine_memory_map, &map));
    struct xen_machphys_mapping mapping;
    answer("machphys mapping", memory_op(XENMEM_machphys_mapping, &mapping));
    answer("its length", mapping.v_end - mapping.v_start);
    answer("its maximum", mapping.max_mfn);

    static const unsigned commands[] = {
        XENMEM_add_to_physmap, XENMEM_remove_from_physmap, XENMEM_add_to_physmap_batch, XENMEM_set_pod_target, XENMEM_get_pod_target,
        XENMEM_get_sharing_freed_pages, XENMEM_get_sharing_shared_pages, XENMEM_claim_pages, XENMEM_machphys_compat_mfn_list, XENMEM_get_vnumainfo,
        XENMEM_set_memory_map, XENMEM_acquire_resource, XENMEM_access_op, 8, 29, 63,
    };
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
        for (int word = 0; word < 64; word++)
            arguments[word] = 0;
        *(uint16_t *)arguments = DOMID_SELF;
        print_number(commands[i], 10);
        answer(": memory operation", memory_op(commands[i], arguments));
    }
}

static struct xen_memory_reservation reservation(u64 extents, unsigned order, unsigned flags, unsigned domain)
{
    struct xen_memory_reservation r = { .extent_start.p = list, .nr_extents = extents, .extent_order = order, .mem_flags = flags, .domid = domain };
    return r;
}

static s64 change(unsigned command, u64 extent, u64 extents, unsigned order, unsigned flags, unsigned domain)
{
    struct xen_memory_reservation r = reservation(extents, order, flags, domain);
    list[0] = extent;
    return memory_op(command, &r);
}

static s64 decrease(u64 extent) { return change(XENMEM_decrease_reservation, extent, 1, 0, 0, DOMID_SELF); }

static void ask_of_the_balloon(void)
{
    u64 gone = frame(20);
    answer("give back a mapped page", decrease(gone));
    answer("current reservation", query(XENMEM_current_reservation, DOMID_SELF));
    answer("give it back again", decrease(gone));
    answer("unmap it", set_mapping(pages[20], 0, UVMF_INVLPG));
    answer("current reservation", query(XENMEM_current_reservation, DOMID_SELF));
    answer("its pfn is invalid", machine_to_phys[gone] == ~0ul);
    answer("map it", set_mapping(pages[20], gone << 12 | PRESENT, 0));
    answer("give it back once more", decrease(gone));
    answer("give back a foreign frame", decrease(FOREIGN_FRAME));
    answer("give back a frame beyond", decrease(FRAME_BEYOND));
    answer("give back shared_info", decrease(start_info->shared_info >> 12));
    answer("populate", change(XENMEM_populate_physmap, pfn(pages[20]), 1, 0, 0, DOMID_SELF));
    answer("the new page has its pfn", machine_to_phys[list[0]] == pfn(pages[20]));
    answer("map it", set_mapping(pages[20], list[0] << 12 | PRESENT | WRITABLE, 0));
    answer("populate domain 5", change(XENMEM_populate_physmap, 1, 1, 0, 0, 5));
    answer("populate order 10", change(XENMEM_populate_physmap, 1, 1, 10, 0, DOMID_SELF));
    answer("populate on demand", change(XENMEM_populate_physmap, 1, 1, 0, XENMEMF_populate_on_demand, DOMID_SELF));
    answer("populate nothing", change(XENMEM_populate_physmap, 1, 0, 0, 0, DOMID_SELF));
    answer("populate at a bad address", memory_op(XENMEM_populate_physmap, (void *)NO_ADDRESS));
    struct xen_memory_reservation many = reservation(300, 0, 0, DOMID_SELF);
    for (int i = 0; i < 300; i++)
        list[i] = 0x1000 + i;
    answer("populate 300", memory_op(XENMEM_populate_physmap, &many));
    answer("current reservation", query(XENMEM_current_reservation, DOMID_SELF));
    u64 last = list[0];
    answer("increase when full", change(XENMEM_increase_reservation, 0, 1, 0, 0, DOMID_SELF));
    answer("give one back", decrease(last));
    answer("increase", change(XENMEM_increase_reservation, 0, 1, 0, 0, DOMID_SELF));
    answer("the new page has no pfn", machine_to_phys[list[0]] == ~0ul);
}

static void ask_of_exchange(void)
{
    struct xen_memory_exchange exchange = { .in = reservation(4, 0, 0, DOMID_SELF), .out = reservation(1, 2, 0, DOMID_SELF) };
    exchange.out.extent_start.p = list + 16;
    list[16] = 0x2000;
    for (int i = 0; i < 4; i++)
        list[i] = frame(21 + i);
    answer("exchange mapped pages", memory_op(XENMEM_exchange, &exchange));
    answer("extents exchanged", exchange.nr_exchanged);
    for (int i = 0; i < 4; i++)
        set_mapping(pages[21 + i], 0, UVMF_INVLPG);
    answer("exchange", memory_op(XENMEM_exchange, &exchange));
    answer("extents exchanged", exchange.nr_exchanged);
    answer("the new pages are aligned", list[16] % 4 == 0);
    answer("the last of them has its pfn", machine_to_phys[list[16] + 3] == 0x2003);
    exchange.nr_exchanged = 0;
    exchange.out.extent_order = 1;
    answer("exchange for fewer", memory_op(XENMEM_exchange, &exchange));
    exchange.out.extent_order = 10;
    answer("exchange for order 10", memory_op(XENMEM_exchange, &exchange));
    exchange.out.extent_order = 2;
    exchange.nr_exchanged = 5;
    answer("exchange with too many done", memory_op(XENMEM_exchange, &exchange));
    exchange.nr_exchanged = 0;
    exchange.out.domid = 5;
    answer("exchange with domain 5", memory_op(XENMEM_exchange, &exchange));
}

static void ask(void)
{
    ask_of_types();
    ask_of_flags();
    ask_of_mappings();
    ask_of_updates();
    ask_of_level_1();
    ask_of_upper_levels();
    ask_of_base_pointers();
    ask_of_other_operations();
    ask_of_descriptors();
    ask_of_memory();
    ask_of_the_balloon();
    ask_of_exchange();
}
