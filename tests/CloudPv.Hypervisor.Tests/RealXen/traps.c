/* What does a PV guest see when it may not use the FPU, when Xen can't go back to it as it asks, and what else isn't in the other probes?
   traps.answers holds what Xen 4.17 did; 3 vCPUs. */
#include "probe.h"
#include <xen/callback.h>
#include <xen/physdev.h>
#include <xen/vcpu.h>

#define NOT_CANONICAL 0x900000000000ul
#define BEYOND_THE_TABLE 0xfff8
#define KERNEL_CODE 0xe030
#define USER_CODE 0xe033
#define USER_STACK 0xe02b

/* What a handler found: the frame from rcx on, with the error code taken out. */
static struct { u64 vector, stack, words[13], cr0; unsigned ds, es, fs, gs; } seen;
static void *recovery[5];
static u64 kernel_stack[512] PAGE, user_stack[512] PAGE;

#define HAS_ERROR_CODE(vector) (0x27d00 >> (vector) & 1)

void note_trap(u64 vector, u64 *frame)
{
    asm("mov %%cr0, %0" : "=r"(seen.cr0));
    seen.vector = vector;
    seen.stack = (u64)frame;
    for (int i = 0; i < 13; i++)
        seen.words[i] = frame[i];
    __builtin_longjmp(recovery, 1);
}

#define HANDLER(vector) void trap_##vector(void); asm("trap_" #vector ": mov %rsp, %rsi; and $~15, %rsp; mov $" #vector ", %edi; call note_trap");
HANDLER(1) HANDLER(6) HANDLER(7) HANDLER(11) HANDLER(12) HANDLER(13) HANDLER(80)

static struct trap_info traps[] = {
    { .vector = 1, .cs = USER_CODE, .address = (u64)trap_1 },
    { .vector = 6, .cs = USER_CODE, .address = (u64)trap_6 }, { .vector = 7, .cs = USER_CODE, .address = (u64)trap_7 },
    { .vector = 11, .cs = USER_CODE, .address = (u64)trap_11 }, { .vector = 12, .cs = USER_CODE, .address = (u64)trap_12 },
    { .vector = 13, .cs = USER_CODE, .address = (u64)trap_13 }, { 0 } };

#define CATCH(code) do { seen.vector = 99; if (!__builtin_setjmp(recovery)) { code; } } while (0)

static void answer_trap(const char *question)
{
    answer(question, seen.vector);
    if (seen.vector == 99)
        return;
    u64 *frame = seen.words + 2 + HAS_ERROR_CODE(seen.vector);
    if (HAS_ERROR_CODE(seen.vector))
        answer("error code", seen.words[2]);
    answer("cs", frame[1]);
    answer("ss", frame[4]);
    answer("on the kernel's stack", seen.stack > (u64)kernel_stack && seen.stack <= (u64)(kernel_stack + 512));
}

static void answer_trap_at(const char *question, u64 rip, u64 rsp)
{
    answer_trap(question);
    u64 *frame = seen.words + 2 + HAS_ERROR_CODE(seen.vector);
    answer("at its target", frame[0] == rip);
    answer("with its stack", frame[3] == rsp);
    answer("with rcx", seen.words[0]);
    answer("with r11", seen.words[1]);
}

static void ask_of_the_fpu(void)
{
    answer("fpu_taskswitch 1", hypercall(__HYPERVISOR_fpu_taskswitch, 1, 0, 0, 0));
    CATCH(asm volatile("movd %eax, %xmm0"));
    answer_trap("SSE");
    answer("CR0 in the handler", seen.cr0);
    CATCH(asm volatile("movd %eax, %xmm0"));
    answer_trap("SSE again");
    hypercall(__HYPERVISOR_fpu_taskswitch, 1, 0, 0, 0);
    CATCH(asm volatile("fld1"));
    answer_trap("x87");
    hypercall(__HYPERVISOR_fpu_taskswitch, 1, 0, 0, 0);
    CATCH(asm volatile("fwait"));
    answer_trap("wait");
    hypercall(__HYPERVISOR_fpu_taskswitch, 1, 0, 0, 0);
    CATCH(asm volatile("stmxcsr %0" : "=m"(arguments[0])));
    answer_trap("stmxcsr");
    hypercall(__HYPERVISOR_fpu_taskswitch, 1, 0, 0, 0);
    CATCH(asm volatile("movnti %%rax, %0; mfence; prefetcht0 %0" : "=m"(arguments[0])));
    answer_trap("movnti, mfence and prefetch");
    CATCH(asm volatile("clts; emms"));
    answer_trap("MMX after clts");
}

static void iret(u64 rip, u64 cs, u64 rsp, u64 ss, u64 flags)
{
    u64 frame[] = { 1, 0x1111, 0x2222, flags, rip, cs, 2 /* events stay masked: there is no callback */, rsp, ss };
    asm volatile("mov %0, %%rsp; mov $23, %%eax; syscall" :: "r"(frame) : "memory");
    __builtin_unreachable();
}

void arrived(void);
asm("arrived: ud2");

static void ask_of_iret(u64 kind, const char *mode)
{
    u64 rsp = (u64)(user_stack + 256), rip = (u64)arrived;
    print(mode), print("\n");
    CATCH(iret(rip, KERNEL_CODE | kind, rsp, USER_STACK, 0));
    answer_trap_at("iret", rip, rsp);
    CATCH(iret(rip, BEYOND_THE_TABLE | kind, rsp, USER_STACK, 0));
    answer_trap_at("iret to a selector beyond the table", rip, rsp);
    CATCH(iret(rip, kind, rsp, USER_STACK, 0));
    answer_trap_at("iret to the null selector", rip, rsp);
    CATCH(iret(rip, (USER_STACK & ~3) | kind, rsp, USER_STACK, 0));
    answer_trap_at("iret to data", rip, rsp);
    CATCH(iret(rip, 0x1000 | kind, rsp, USER_STACK, 0));
    answer_trap_at("iret to an empty descriptor", rip, rsp);
    CATCH(iret(rip, KERNEL_CODE | kind, rsp, BEYOND_THE_TABLE, 0));
    answer_trap_at("iret to a stack beyond the table", rip, rsp);
    CATCH(iret(rip, KERNEL_CODE | kind, rsp, 0, 0));
    answer_trap_at("iret to the null stack", rip, rsp);
    CATCH(iret(rip, KERNEL_CODE | kind, rsp, USER_CODE, 0));
    answer_trap_at("iret to a stack of code", rip, rsp);
    CATCH(iret(NOT_CANONICAL, KERNEL_CODE | kind, rsp, USER_STACK, 0));
    answer_trap_at("iret to no canonical address", NOT_CANONICAL, rsp);
    CATCH(iret(rip, BEYOND_THE_TABLE | kind, rsp, BEYOND_THE_TABLE, VGCF_in_syscall));
    answer_trap("sysret with bad selectors");
    CATCH(iret(NOT_CANONICAL, KERNEL_CODE | kind, rsp, USER_STACK, VGCF_in_syscall));
    answer_trap("sysret to no canonical address");
}

/* Vector 80 stands for the syscall callback. */
void user_syscall(void);
asm("user_syscall: nop; syscall");

static void ask_of_syscalls(void)
{
    u64 rsp = (u64)(user_stack + 256);
    struct callback_register callback = { .type = CALLBACKTYPE_syscall, .flags = CALLBACKF_mask_events, .address = (u64)trap_80 };
    CATCH(iret((u64)user_syscall, USER_CODE, rsp, USER_STACK, 0));
    answer_trap("syscall without a callback");
    answer("at the instruction", seen.words[2] == (u64)user_syscall + 1);
    answer("syscall callback", hypercall(__HYPERVISOR_callback_op, CALLBACKOP_register, (u64)&callback, 0, 0));
    CATCH(iret((u64)user_syscall, USER_CODE, rsp, USER_STACK, 0));
    answer_trap("syscall");
}

static void ask_of_debug_registers(void)
{
    answer("DR7 with an I/O breakpoint that isn't enabled", hypercall(__HYPERVISOR_set_debugreg, 7, 2 << 16, 0, 0));
    answer("it is", hypercall(__HYPERVISOR_get_debugreg, 7, 0, 0, 0));
    answer("DR7 with an I/O breakpoint", hypercall(__HYPERVISOR_set_debugreg, 7, 2 << 16 | 1, 0, 0));
    answer("DR7 with one beside another", hypercall(__HYPERVISOR_set_debugreg, 7, 2 << 20 | 1, 0, 0));
    u64 cr4;
    asm("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" :: "r"(cr4 | 8));
    answer("DR7 with an I/O breakpoint and debug extensions", hypercall(__HYPERVISOR_set_debugreg, 7, 2 << 16 | 1, 0, 0));
    answer("it is", hypercall(__HYPERVISOR_get_debugreg, 7, 0, 0, 0));
    answer("DR5 with debug extensions", hypercall(__HYPERVISOR_set_debugreg, 5, 0, 0, 0));
    answer("DR7 0", hypercall(__HYPERVISOR_set_debugreg, 7, 0, 0, 0));
    asm volatile("mov %0, %%cr4" :: "r"(cr4));
}

void watched_code(void);
void behind_watched_store(void);
static volatile u64 watched_words[3];
asm("watched_code: movl $1, watched_words + 8\n behind_watched_store: ret");

static s64 set_debug_register(unsigned number, u64 value) { return hypercall(__HYPERVISOR_set_debugreg, number, value, 0, 0); }

static void answer_debug_trap(const char *question)
{
    set_debug_register(7, 0);
    answer_trap(question);
    answer("DR6", hypercall(__HYPERVISOR_get_debugreg, 6, 0, 0, 0));
    answer("at the instruction", seen.words[2] == (u64)watched_code);
    answer("behind it", seen.words[2] == (u64)behind_watched_store);
    answer("saved resume flag", seen.words[4] >> 16 & 1);
    set_debug_register(6, 0);
}

static void ask_of_breakpoints(void)
{
    CATCH({ set_debug_register(0, (u64)(watched_words + 1)); set_debug_register(7, 0xd << 16 | 1); watched_code(); });
    answer_debug_trap("write to a watched word");
    CATCH({ set_debug_register(0, (u64)(watched_words + 2)); set_debug_register(7, 0xd << 16 | 1); watched_code(); });
    answer_debug_trap("write beside it");
    CATCH({ set_debug_register(3, (u64)(watched_words + 1)); set_debug_register(7, 0xful << 28 | 1 << 7); watched_code(); });
    answer_debug_trap("write to a word watched for all accesses by DR3");
    CATCH({ set_debug_register(0, (u64)watched_code); set_debug_register(7, 1); watched_code(); });
    answer_debug_trap("watched code");
    CATCH({ set_debug_register(0, (u64)watched_code); set_debug_register(1, (u64)(watched_words + 1)); set_debug_register(7, 0xd << 20 | 1 << 2 | 0 << 16 | 2); watched_code(); });
    answer_debug_trap("watched code that writes a watched word");
}

#define STEP(name, code) void step_##name(void); void behind_##name(void); \
    asm("step_" #name ": pushf; orl $0x100, (%rsp); popf; " code "; behind_" #name ": nop; ret");
STEP(nop, "nop") STEP(cpuid, "cpuid") STEP(forced_cpuid, "ud2; .ascii \"xen\"; cpuid") STEP(mov_from_cr0, "mov %cr0, %rax") STEP(wbinvd, "wbinvd")

static void ask_of_single_steps(void)
{
#define ASK_OF_STEP(name) do { \
        CATCH(step_##name()); \
        answer_trap("single step over " #name); \
        answer("DR6", hypercall(__HYPERVISOR_get_debugreg, 6, 0, 0, 0)); \
        answer("behind it", seen.words[2] == (u64)behind_##name); \
        set_debug_register(6, 0); \
    } while (0)
    ASK_OF_STEP(nop);
    ASK_OF_STEP(cpuid);
    ASK_OF_STEP(forced_cpuid);
    ASK_OF_STEP(mov_from_cr0);
    ASK_OF_STEP(wbinvd);
}

static void ask_of_physical_irqs(void)
{
    static const unsigned commands[] = { PHYSDEVOP_pirq_eoi_gmfn_v2, PHYSDEVOP_pirq_eoi_gmfn_v1 };
    for (int i = 0; i < 2; i++) {
        struct physdev_pirq_eoi_gmfn map = { .gmfn = FOREIGN_FRAME };
        answer("EOI map", commands[i]);
        answer("from nowhere", hypercall(__HYPERVISOR_physdev_op, commands[i], NO_ADDRESS, 0, 0));
        answer("in a foreign frame", hypercall(__HYPERVISOR_physdev_op, commands[i], (u64)&map, 0, 0));
        map.gmfn = frame(3);
        answer("in a page of its own", hypercall(__HYPERVISOR_physdev_op, commands[i], (u64)&map, 0, 0));
    }
    struct physdev_map_pirq map = { .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 5, .pirq = 5 };
    answer("map a PIRQ from nowhere", hypercall(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, NO_ADDRESS, 0, 0));
    answer("map a PIRQ", hypercall(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, (u64)&map, 0, 0));
    map.type = MAP_PIRQ_TYPE_MSI;
    answer("map an MSI", hypercall(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, (u64)&map, 0, 0));
}

static void ask_of_memory(void)
{
    for (unsigned command = 13; command < 40; command++) {
        for (int i = 0; i < 64; i++)
            arguments[i] = 0;
        if (command == XENMEM_machphys_mfn_list)
            continue;
        answer("memory_op", command);
        answer("answers", memory_op(command, arguments));
    }
}

static struct vcpu_guest_context context;

/* A vCPU above 0 that is entered with a stack of its own, in the kernel. */
static void describe(unsigned stack)
{
    u64 root;
    asm("mov %%cr3, %0" : "=r"(root));
    for (unsigned i = 0; i < sizeof context; i++)
        ((volatile char *)&context)[i] = 0;
    context.flags = VGCF_in_kernel;
    context.user_regs.rip = (u64)arrived;
    context.user_regs.rsp = (u64)(pages[stack] + 512) - 8;
    context.user_regs.rflags = 0x202;
    context.user_regs.cs = USER_CODE;
    context.user_regs.ss = USER_STACK;
    context.user_regs.rcx = 0x3333;
    context.user_regs.r11 = 0x4444;
    context.ctrlreg[3] = root;
    for (int i = 0; traps[i].address; i++)
        context.trap_ctxt[traps[i].vector] = traps[i];
}

static s64 initialise(unsigned vcpu) { return hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, vcpu, (u64)&context, 0); }

static volatile u64 failsafe_stack;
static volatile unsigned failsafe_selectors[4];
void failsafe(void);
void other_trap(void);

static void ask_of_initialise(void)
{
#define ASK_OF(field, value) do { describe(0); context.field = (value); answer("initialise with bad " #field, initialise(1)); } while (0)
    ASK_OF(user_regs.rip, NOT_CANONICAL);
    ASK_OF(user_regs.rsp, NOT_CANONICAL);
    ASK_OF(kernel_sp, NOT_CANONICAL);
    ASK_OF(fs_base, NOT_CANONICAL);
    ASK_OF(gs_base_kernel, NOT_CANONICAL);
    ASK_OF(gs_base_user, NOT_CANONICAL);
    ASK_OF(event_callback_eip, NOT_CANONICAL);
    ASK_OF(syscall_callback_eip, NOT_CANONICAL);
    ASK_OF(failsafe_callback_eip, NOT_CANONICAL);
    ASK_OF(trap_ctxt[5].address, NOT_CANONICAL);
    ASK_OF(ldt_base, NOT_CANONICAL & ~4095ul);
    ASK_OF(ldt_base, 8);
    ASK_OF(ldt_ents, 8193);
    ASK_OF(gdt_ents, 7169);
    ASK_OF(ctrlreg[3], FOREIGN_FRAME << 12);
}

static void ask_of_failsafe(void)
{
    describe(1);
    u64 rsp = context.user_regs.rsp;
    context.user_regs.ds = BEYOND_THE_TABLE | 3;
    context.user_regs.es = USER_STACK;
    context.user_regs.fs = USER_CODE;
    context.user_regs.gs = 0x1003;
    context.fs_base = 0x5000, context.gs_base_kernel = 0x6000;
    context.failsafe_callback_eip = (u64)failsafe;
    answer("initialise with selectors that can't be loaded", initialise(1));
    answer("bring it up", hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0, 0));
    while (!failsafe_stack)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    u64 *frame = (u64 *)failsafe_stack;
    static const char *names[] = { "rcx", "r11", "ds", "es", "fs", "gs" };
    for (int i = 0; i < 6; i++)
        answer(names[i], frame[i]);
    answer("rip is the entry", frame[6] == (u64)arrived);
    answer("cs", frame[7]);
    answer("rflags", frame[8]);
    answer("rsp is the given", frame[9] == rsp);
    answer("ss", frame[10]);
    answer("words below the aligned stack", ((rsp & ~15ul) - failsafe_stack) / 8);
    for (int i = 0; i < 4; i++)
        answer("selector", failsafe_selectors[i]);

    describe(2);
    context.user_regs.ds = BEYOND_THE_TABLE | 3;
    context.trap_ctxt[6].address = (u64)other_trap;
    failsafe_stack = 0;
    asm volatile("movw $0x0b0f, 0");    /* what is at address 0 is mapped, and now UD2 */
    answer("without a failsafe callback", initialise(2));
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, 2, 0, 0);
    while (!failsafe_stack)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    frame = (u64 *)failsafe_stack;
    answer("it goes on at address", frame[2]);
}

asm("failsafe: mov %ds, %eax; mov %eax, failsafe_selectors; mov %es, %eax; mov %eax, failsafe_selectors + 4;"
    "mov %fs, %eax; mov %eax, failsafe_selectors + 8; mov %gs, %eax; mov %eax, failsafe_selectors + 12;"
    "other_trap: mov %rsp, failsafe_stack; 1: jmp 1b");

static void ask(void)
{
    u64 root;
    asm("mov %%cr3, %0" : "=r"(root));
    answer("trap table", hypercall(__HYPERVISOR_set_trap_table, (u64)traps, 0, 0, 0));
    ask_of_the_fpu();
    answer("kernel stack", hypercall(__HYPERVISOR_stack_switch, USER_STACK, (u64)(kernel_stack + 512), 0, 0));
    answer("user page table", mmuext(MMUEXT_NEW_USER_BASEPTR, root >> 12, 0));
    ask_of_iret(0, "to the kernel");
    ask_of_iret(3, "to the user");
    ask_of_syscalls();
    ask_of_debug_registers();
    ask_of_breakpoints();
    ask_of_single_steps();
    ask_of_physical_irqs();
    ask_of_memory();
    ask_of_initialise();
    ask_of_failsafe();
}
