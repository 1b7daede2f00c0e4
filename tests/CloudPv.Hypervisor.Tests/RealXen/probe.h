/* The runtime of a probe: a tiny PV kernel that asks Xen questions and prints each answer as a line on its console. */
#include <stdint.h>
#define __XEN_TOOLS__ 1
#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>

typedef uint64_t u64;
typedef int64_t s64;

enum { PRESENT = 1, WRITABLE = 2, USER = 4, WRITE_THROUGH = 8, CACHE_DISABLE = 0x10, ACCESSED = 0x20, DIRTY = 0x40, LARGE = 0x80, GLOBAL = 0x100 };

#define PAGE __attribute__((aligned(4096)))
#define NO_ADDRESS 0x700000000000ul      /* mapped by nobody */
#define FOREIGN_FRAME 0x2000ul           /* memory, but not this domain's */
#define FRAME_BEYOND (1ul << 33)         /* more than any machine has */
#define FRAME_MASK 0x000ffffffffff000ul

static u64 *const machine_to_phys = (u64 *)0xffff800000000000;
static struct start_info *start_info;
static struct xencons_interface *console;
static u64 *p2m;

static u64 pages[32][512] PAGE;          /* to be made tables and whatever else of */
static u64 arguments[512] PAGE, list[512] PAGE;

static s64 hypercall(unsigned number, u64 a, u64 b, u64 c, u64 d)
{
    register u64 fourth asm("r10") = d;
    s64 result;
    asm volatile("syscall" : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(fourth) : "0"((u64)number) : "rcx", "r11", "r8", "r9", "memory");
    return result;
}

static void notify_console(void)
{
    struct evtchn_send send = { .port = start_info->console.domU.evtchn };
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (u64)&send, 0, 0);
}

static void print(const char *text)
{
    for (; *text; text++) {
        volatile struct xencons_interface *ring = console;
        while (ring->out_prod - ring->out_cons >= sizeof ring->out) {
            notify_console();
            hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
        }
        ring->out[ring->out_prod % sizeof ring->out] = *text;
        asm volatile("" ::: "memory");
        ring->out_prod++;
    }
    notify_console();
}

static void print_number(u64 value, unsigned base)
{
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do
        *--at = "0123456789abcdef"[value % base];
    while (value /= base);
    print(at);
}

/* A line "question answer". */
static void answer(const char *question, s64 value)
{
    print(question);
    print(value < 0 ? " -" : " ");
    print_number(value < 0 ? -value : value, 10);
    print("\n");
}

/* A line "question flags", without the frame, which differs from machine to machine. */
static void answer_entry(const char *question, u64 entry)
{
    print(question);
    print(" 0x");
    print_number(entry & ~FRAME_MASK, 16);
    print("\n");
}

static u64 pfn(const void *page) { return (u64)page >> 12; }
static u64 frame(unsigned page) { return p2m[pfn(pages[page])]; }
static u64 entry(unsigned page, u64 flags) { return frame(page) << 12 | flags; }

static s64 set_mapping(const void *address, u64 value, u64 flush)
{
    return hypercall(__HYPERVISOR_update_va_mapping, (u64)address, value, flush, 0);
}

static s64 map(unsigned page, u64 flags) { return set_mapping(pages[page], entry(page, flags), UVMF_INVLPG); }

/* The entry that maps an address, found through the tables as the domain builder mapped them. */
static u64 entry_of(const void *address)
{
    u64 *table = (u64 *)start_info->pt_base;
    for (int level = 3; level > 0; level--)
        table = (u64 *)(machine_to_phys[(table[(u64)address >> (12 + 9 * level) & 511] & FRAME_MASK) >> 12] << 12);
    return table[(u64)address >> 12 & 511];
}

static s64 mmuext_of(unsigned command, u64 first, u64 second, unsigned domain)
{
    struct mmuext_op *operation = (void *)arguments;
    operation->cmd = command;
    operation->arg1.mfn = first;
    *(u64 *)&operation->arg2 = second;
    return hypercall(__HYPERVISOR_mmuext_op, (u64)operation, 1, 0, domain);
}

static s64 mmuext(unsigned command, u64 first, u64 second) { return mmuext_of(command, first, second, DOMID_SELF); }

static s64 update_of(u64 pointer, u64 value, unsigned domains)
{
    arguments[0] = pointer;
    arguments[1] = value;
    return hypercall(__HYPERVISOR_mmu_update, (u64)arguments, 1, 0, domains);
}

static s64 update(unsigned table, unsigned slot, u64 value) { return update_of(frame(table) << 12 | slot * 8, value, DOMID_SELF); }

static s64 memory_op(unsigned command, void *argument) { return hypercall(__HYPERVISOR_memory_op, command, (u64)argument, 0, 0); }

/* An empty page that nothing maps writable. */
static void make_table(unsigned page)
{
    map(page, PRESENT | WRITABLE);
    for (int i = 0; i < 512; i++)
        pages[page][i] = 0;
    map(page, PRESENT);
}

static void ask(void);

void kernel(struct start_info *info)
{
    start_info = info;
    p2m = (u64 *)info->mfn_list;
    console = (void *)(machine_to_phys[info->console.domU.mfn] << 12);
    ask();
    struct sched_shutdown shutdown = { .reason = SHUTDOWN_poweroff };
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (u64)&shutdown, 0, 0);
}

#define NUMBER_NOTE(type, value) ".align 4\n .long 4, 8, " #type "\n .asciz \"Xen\"\n .quad " value "\n"
#define TEXT_NOTE(type, text) ".align 4\n .long 4, 2f - 1f, " #type "\n .asciz \"Xen\"\n 1: .asciz \"" text "\"\n 2:\n"

asm(".text\n .globl entry_point\n entry_point: cld\n mov %rsi, %rdi\n call kernel\n"
    ".section .note.Xen, \"a\", @note\n"
    NUMBER_NOTE(1, "entry_point") NUMBER_NOTE(3, "0") NUMBER_NOTE(4, "0")
    TEXT_NOTE(5, "xen-3.0") TEXT_NOTE(6, "probe") TEXT_NOTE(8, "generic") TEXT_NOTE(10, "!writable_page_tables|pae_pgdir_above_4gb")
    ".align 4\n .text\n");
