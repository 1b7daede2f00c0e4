/* What does Xen answer to a PV guest's vCPU, event, grant, time and other hypercalls? cpu.answers holds what Xen 4.17 said. */
#include "probe.h"
#include <xen/callback.h>
#include <xen/grant_table.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define NOT_CANONICAL 0x900000000000ul

static s64 vcpu_op(unsigned command, unsigned vcpu, const void *argument) { return hypercall(__HYPERVISOR_vcpu_op, command, vcpu, (u64)argument, 0); }
static s64 sched_op(unsigned command, const void *argument) { return hypercall(__HYPERVISOR_sched_op, command, (u64)argument, 0, 0); }
static s64 event_op(unsigned command, void *argument) { return hypercall(__HYPERVISOR_event_channel_op, command, (u64)argument, 0, 0); }
static s64 physdev_op(unsigned command, void *argument) { return hypercall(__HYPERVISOR_physdev_op, command, (u64)argument, 0, 0); }
static s64 version(unsigned command, void *argument) { return hypercall(__HYPERVISOR_xen_version, command, (u64)argument, 0, 0); }
static s64 grant_op(unsigned command, void *argument, unsigned count) { return hypercall(__HYPERVISOR_grant_table_op, command, (u64)argument, count, 0); }

static void ask_of_vcpus(void)
{
    struct vcpu_set_periodic_timer periodic = { .period_ns = 1000 };
    struct vcpu_register_vcpu_info info = { .mfn = frame(0), .offset = 4096 - 60 };
    u64 area = 0;
    answer("is vCPU 0 up", vcpu_op(VCPUOP_is_up, 0, 0));
    answer("is vCPU 1 up", vcpu_op(VCPUOP_is_up, 1, 0));
    answer("initialise vCPU 0 from nowhere", vcpu_op(VCPUOP_initialise, 0, (void *)NO_ADDRESS));
    answer("initialise vCPU 0", vcpu_op(VCPUOP_initialise, 0, pages[0]));
    answer("bring vCPU 0 up", vcpu_op(VCPUOP_up, 0, 0));
    answer("runstate to nowhere", vcpu_op(VCPUOP_get_runstate_info, 0, (void *)NO_ADDRESS));
    answer("runstate area from nowhere", vcpu_op(VCPUOP_register_runstate_memory_area, 0, (void *)NO_ADDRESS));
    answer("runstate area at 0", vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area));
    area = 0xffff800000000000;
    answer("runstate area at Xen's", vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area));
    answer("time area at Xen's", vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area));
    area = NO_ADDRESS;
    answer("runstate area at no address", vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area));
    answer("time area at no address", vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area));
    area = 0;
    vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area);
    answer("time area at 0", vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area));
    answer("periodic timer too short", vcpu_op(VCPUOP_set_periodic_timer, 0, &periodic));
    periodic.period_ns = 1ul << 63;
    answer("periodic timer too long", vcpu_op(VCPUOP_set_periodic_timer, 0, &periodic));
    answer("stop periodic timer", vcpu_op(VCPUOP_stop_periodic_timer, 0, 0));
    answer("stop single-shot timer", vcpu_op(VCPUOP_stop_singleshot_timer, 0, 0));
    answer("single-shot timer from nowhere", vcpu_op(VCPUOP_set_singleshot_timer, 0, (void *)NO_ADDRESS));
    struct vcpu_set_singleshot_timer past = { .timeout_abs_ns = 1, .flags = VCPU_SSHOTTMR_future };
    answer("single-shot timer in the past", vcpu_op(VCPUOP_set_singleshot_timer, 0, &past));
    answer("vcpu_info over the page's end", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    info.offset = 0, info.mfn = FOREIGN_FRAME;
    answer("vcpu_info in a foreign frame", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    info.mfn = frame(0);
    answer("vcpu_info", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    answer("pending in new vcpu_info", ((struct vcpu_info *)pages[0])->evtchn_upcall_pending);
    answer("mask in new vcpu_info", ((struct vcpu_info *)pages[0])->evtchn_upcall_mask);
    answer("selector in new vcpu_info", ((struct vcpu_info *)pages[0])->evtchn_pending_sel);
    answer("vcpu_info again", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    answer("physical id", vcpu_op(VCPUOP_get_physid, 0, pages[1]));
    answer("NMI with an argument", vcpu_op(VCPUOP_send_nmi, 0, pages[1]));
    answer("vcpu_op 99", vcpu_op(99, 0, 0));
}

static void ask_of_scheduling(void)
{
    struct sched_poll poll = { .nr_ports = 129 };
    struct sched_watchdog watchdog = { .id = 3 };
    struct sched_remote_shutdown remote = { .domain_id = 0 };
    evtchn_port_t port = 4000;
    answer("yield", sched_op(SCHEDOP_yield, 0));
    answer("poll 129 ports", sched_op(SCHEDOP_poll, &poll));
    poll.nr_ports = 1;
    set_xen_guest_handle(poll.ports, (void *)NO_ADDRESS);
    answer("poll ports at no address", sched_op(SCHEDOP_poll, &poll));
    set_xen_guest_handle(poll.ports, &port);
    answer("poll a port beyond", sched_op(SCHEDOP_poll, &poll));
    port = 60;
    answer("poll a free port", sched_op(SCHEDOP_poll, &poll));
    answer("watchdog 3", sched_op(SCHEDOP_watchdog, &watchdog));
    watchdog.id = 1;
    answer("watchdog 1 before there is one", sched_op(SCHEDOP_watchdog, &watchdog));
    watchdog.id = 0, watchdog.timeout = 100;
    answer("first watchdog", sched_op(SCHEDOP_watchdog, &watchdog));
    answer("second watchdog", sched_op(SCHEDOP_watchdog, &watchdog));
    answer("third watchdog", sched_op(SCHEDOP_watchdog, &watchdog));
    watchdog.id = 1, watchdog.timeout = 0;
    answer("stop watchdog 1", sched_op(SCHEDOP_watchdog, &watchdog));
    watchdog.id = 2;
    answer("stop watchdog 2", sched_op(SCHEDOP_watchdog, &watchdog));
    answer("shut domain 0 down", sched_op(SCHEDOP_remote_shutdown, &remote));
    remote.domain_id = 999;
    answer("shut domain 999 down", sched_op(SCHEDOP_remote_shutdown, &remote));
    answer("pin", sched_op(SCHEDOP_pin_override, pages[1]));
    answer("sched_op 99", sched_op(99, 0));
    answer("sched_op_compat 99", hypercall(__HYPERVISOR_sched_op_compat, 99, 0, 0, 0));
    answer("set_timer_op 0", hypercall(__HYPERVISOR_set_timer_op, 0, 0, 0, 0));
    answer("set_timer_op -1", hypercall(__HYPERVISOR_set_timer_op, -1ul, 0, 0, 0));
}

static void ask_of_events(void)
{
    struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER, .vcpu = 7 };
    struct evtchn_bind_ipi ipi = { .vcpu = 7 };
    struct evtchn_alloc_unbound unbound = { .dom = 0, .remote_dom = 0 };
    struct evtchn_bind_interdomain inter = { .remote_dom = 0, .remote_port = 1 };
    struct evtchn_bind_pirq pirq = { .pirq = 5 };
    struct evtchn_bind_vcpu vcpu = { .port = start_info->console.domU.evtchn, .vcpu = 0 };
    struct evtchn_status status = { .dom = DOMID_SELF, .port = start_info->console.domU.evtchn };
    struct evtchn_init_control control = { .control_gfn = frame(2), .vcpu = 0, .offset = 4096 - 64 };
    struct evtchn_expand_array array = { .array_gfn = frame(3) };
    struct evtchn_set_priority priority = { .port = start_info->console.domU.evtchn, .priority = 3 };
    evtchn_port_t port = 60;
    answer("VIRQ on vCPU 7", event_op(EVTCHNOP_bind_virq, &virq));
    virq.vcpu = 0, virq.virq = 24;
    answer("VIRQ 24", event_op(EVTCHNOP_bind_virq, &virq));
    virq.virq = VIRQ_TIMER;
    answer("VIRQ_TIMER", event_op(EVTCHNOP_bind_virq, &virq));
    answer("VIRQ_TIMER again", event_op(EVTCHNOP_bind_virq, &virq));
    answer("IPI on vCPU 7", event_op(EVTCHNOP_bind_ipi, &ipi));
    answer("allocate for domain 0", event_op(EVTCHNOP_alloc_unbound, &unbound));
    unbound.dom = 999;
    answer("allocate for domain 999", event_op(EVTCHNOP_alloc_unbound, &unbound));
    answer("bind to domain 0's port 1", event_op(EVTCHNOP_bind_interdomain, &inter));
    inter.remote_dom = 999;
    answer("bind to domain 999", event_op(EVTCHNOP_bind_interdomain, &inter));
    answer("bind PIRQ 5", event_op(EVTCHNOP_bind_pirq, &pirq));
    pirq.pirq = 1 << 20;
    answer("bind a PIRQ beyond", event_op(EVTCHNOP_bind_pirq, &pirq));
    answer("send to a free port", event_op(EVTCHNOP_send, &port));
    answer("close a free port", event_op(EVTCHNOP_close, &port));
    answer("unmask a free port", event_op(EVTCHNOP_unmask, &port));
    port = 4000;
    answer("send to a port beyond", event_op(EVTCHNOP_send, &port));
    answer("close a port beyond", event_op(EVTCHNOP_close, &port));
    answer("unmask a port beyond", event_op(EVTCHNOP_unmask, &port));
    port = 0;
    answer("send to port 0", event_op(EVTCHNOP_send, &port));
    answer("close port 0", event_op(EVTCHNOP_close, &port));
    port = virq.port;
    answer("send to a VIRQ", event_op(EVTCHNOP_send, &port));
    answer("move the console to vCPU 0", event_op(EVTCHNOP_bind_vcpu, &vcpu));
    vcpu.vcpu = 7;
    answer("move the console to vCPU 7", event_op(EVTCHNOP_bind_vcpu, &vcpu));
    vcpu.vcpu = 0, vcpu.port = virq.port;
    answer("move VIRQ_TIMER", event_op(EVTCHNOP_bind_vcpu, &vcpu));
    answer("status of the console", event_op(EVTCHNOP_status, &status));
    answer("its status", status.status);
    answer("its domain", status.u.interdomain.dom);
    status.port = virq.port;
    answer("status of VIRQ_TIMER", event_op(EVTCHNOP_status, &status));
    answer("its status", status.status);
    status.port = 61;
    answer("status of a free port", event_op(EVTCHNOP_status, &status));
    answer("its status", status.status);
    status.dom = 0;
    answer("status of domain 0's port", event_op(EVTCHNOP_status, &status));
    answer("priority in the 2-level ABI", event_op(EVTCHNOP_set_priority, &priority));
    answer("array in the 2-level ABI", event_op(EVTCHNOP_expand_array, &array));
    answer("control block over the page's end", event_op(EVTCHNOP_init_control, &control));
    control.offset = 4;
    answer("control block at offset 4", event_op(EVTCHNOP_init_control, &control));
    control.offset = 0, control.vcpu = 7;
    answer("control block of vCPU 7", event_op(EVTCHNOP_init_control, &control));
    control.vcpu = 0, control.control_gfn = FOREIGN_FRAME;
    answer("control block in a foreign frame", event_op(EVTCHNOP_init_control, &control));
    control.control_gfn = frame(2);
    answer("control block", event_op(EVTCHNOP_init_control, &control));
    answer("link bits", control.link_bits);
    answer("control block again", event_op(EVTCHNOP_init_control, &control));
    array.array_gfn = FOREIGN_FRAME;
    answer("array in a foreign frame", event_op(EVTCHNOP_expand_array, &array));
    array.array_gfn = frame(3);
    answer("array", event_op(EVTCHNOP_expand_array, &array));
    answer("priority 3", event_op(EVTCHNOP_set_priority, &priority));
    priority.priority = 16;
    answer("priority 16", event_op(EVTCHNOP_set_priority, &priority));
    port = virq.port;
    answer("close VIRQ_TIMER", event_op(EVTCHNOP_close, &port));
    answer("event_channel_op 99", event_op(99, &port));
    answer("from nowhere", event_op(EVTCHNOP_send, (void *)NO_ADDRESS));
}

static void ask_of_grants(void)
{
    struct gnttab_query_size size = { .dom = DOMID_SELF };
    struct gnttab_setup_table setup = { .dom = 0, .nr_frames = 1 };
    struct gnttab_set_version set = { .version = 3 };
    struct gnttab_get_version get = { .dom = DOMID_SELF };
    struct gnttab_map_grant_ref map = { .flags = 0, .dom = 999, .ref = 10 };
    struct gnttab_unmap_grant_ref unmap = { .host_addr = (u64)pages[5], .handle = 77 };
    struct gnttab_copy copy = { .len = 4096, .source.offset = 1, .source.domid = DOMID_SELF, .dest.domid = DOMID_SELF };
    struct gnttab_swap_grant_ref swap = { .ref_a = 10, .ref_b = 1 << 20 };
    struct gnttab_get_status_frames frames = { .dom = DOMID_SELF, .nr_frames = 1 };
    struct gnttab_transfer transfer = { .mfn = FOREIGN_FRAME, .domid = 0, .ref = 1 };
    answer("grant table size", grant_op(GNTTABOP_query_size, &size, 1));
    answer("its status", size.status);
    answer("its frames", size.nr_frames);
    answer("its limit", size.max_nr_frames);
    answer("two sizes at once", grant_op(GNTTABOP_query_size, &size, 2));
    size.dom = 0;
    answer("domain 0's size", grant_op(GNTTABOP_query_size, &size, 1));
    answer("its status", size.status);
    answer("domain 0's table", grant_op(GNTTABOP_setup_table, &setup, 1));
    answer("its status", setup.status);
    setup.dom = DOMID_SELF, setup.nr_frames = 1 << 20;
    set_xen_guest_handle(setup.frame_list, (void *)list);
    answer("too many frames", grant_op(GNTTABOP_setup_table, &setup, 1));
    answer("its status", setup.status);
    setup.nr_frames = 1;
    answer("one frame", grant_op(GNTTABOP_setup_table, &setup, 1));
    answer("its status", setup.status);
    answer("status frames in version 1", grant_op(GNTTABOP_get_status_frames, &frames, 1));
    answer("its status", frames.status);
    answer("version", grant_op(GNTTABOP_get_version, &get, 1));
    answer("it is", get.version);
    answer("version 3", grant_op(GNTTABOP_set_version, &set, 1));
    answer("map without flags", grant_op(GNTTABOP_map_grant_ref, &map, 1));
    answer("its status", map.status);
    map.flags = GNTMAP_host_map;
    answer("map of domain 999", grant_op(GNTTABOP_map_grant_ref, &map, 1));
    answer("its status", map.status);
    answer("unmap an unknown handle", grant_op(GNTTABOP_unmap_grant_ref, &unmap, 1));
    answer("its status", unmap.status);
    answer("copy over a page's end", grant_op(GNTTABOP_copy, &copy, 1));
    answer("its status", copy.status);
    copy.source.offset = 0, copy.source.u.gmfn = FOREIGN_FRAME;
    answer("copy from a foreign frame", grant_op(GNTTABOP_copy, &copy, 1));
    answer("its status", copy.status);
    copy.source.domid = 0, copy.source.u.gmfn = frame(4);
    answer("copy from domain 0's frame", grant_op(GNTTABOP_copy, &copy, 1));
    answer("its status", copy.status);
    copy.source.domid = DOMID_SELF, copy.dest.u.gmfn = frame(5);
    answer("copy", grant_op(GNTTABOP_copy, &copy, 1));
    answer("its status", copy.status);
    answer("swap with a reference beyond", grant_op(GNTTABOP_swap_grant_ref, &swap, 1));
    answer("its status", swap.status);
    swap.ref_b = 11;
    answer("swap", grant_op(GNTTABOP_swap_grant_ref, &swap, 1));
    answer("its status", swap.status);
    answer("transfer a foreign frame", grant_op(GNTTABOP_transfer, &transfer, 1));
    answer("its status", transfer.status);
    answer("dump table", grant_op(GNTTABOP_dump_table, &size, 1));
    answer("grant_table_op 99", grant_op(99, &size, 1));
}

static void ask_of_the_cpu(void)
{
    struct callback_register callback = { .type = CALLBACKTYPE_event, .address = NOT_CANONICAL };
    struct callback_unregister unregister = { .type = CALLBACKTYPE_event };
    struct physdev_set_iopl iopl = { .iopl = 4 };
    struct physdev_set_iobitmap bitmap = { .nr_ports = 65537 };
    answer("callback at no canonical address", hypercall(__HYPERVISOR_callback_op, CALLBACKOP_register, (u64)&callback, 0, 0));
    callback.type = 99, callback.address = 0;
    answer("callback of type 99", hypercall(__HYPERVISOR_callback_op, CALLBACKOP_register, (u64)&callback, 0, 0));
    answer("unregister the event callback", hypercall(__HYPERVISOR_callback_op, CALLBACKOP_unregister, (u64)&unregister, 0, 0));
    unregister.type = CALLBACKTYPE_nmi;
    answer("unregister the NMI callback", hypercall(__HYPERVISOR_callback_op, CALLBACKOP_unregister, (u64)&unregister, 0, 0));
    answer("callback_op 99", hypercall(__HYPERVISOR_callback_op, 99, 0, 0, 0));
    answer("FS at no canonical address", hypercall(__HYPERVISOR_set_segment_base, 0, NOT_CANONICAL, 0, 0));
    answer("segment base 9", hypercall(__HYPERVISOR_set_segment_base, 9, 0, 0, 0));
    answer("user GS of a bad selector", hypercall(__HYPERVISOR_set_segment_base, 3, 0x1000, 0, 0));
    answer("stack switch", hypercall(__HYPERVISOR_stack_switch, 0xe02b, 0x1000, 0, 0));
    answer("fpu_taskswitch 0", hypercall(__HYPERVISOR_fpu_taskswitch, 0, 0, 0, 0));
    for (int i = 0; i < 9; i++) {
        answer("read DR", i);
        answer("it is", hypercall(__HYPERVISOR_get_debugreg, i, 0, 0, 0));
    }
    answer("DR0 at Xen's address", hypercall(__HYPERVISOR_set_debugreg, 0, 0xffff800000000000, 0, 0));
    answer("DR0", hypercall(__HYPERVISOR_set_debugreg, 0, 0x1234, 0, 0));
    answer("DR6 over 32 bits", hypercall(__HYPERVISOR_set_debugreg, 6, 1ul << 32, 0, 0));
    answer("DR6 0", hypercall(__HYPERVISOR_set_debugreg, 6, 0, 0, 0));
    answer("it is", hypercall(__HYPERVISOR_get_debugreg, 6, 0, 0, 0));
    answer("DR7 with general detect", hypercall(__HYPERVISOR_set_debugreg, 7, 1 << 13, 0, 0));
    answer("DR7 0xf800", hypercall(__HYPERVISOR_set_debugreg, 7, 0xd800, 0, 0));
    answer("it is", hypercall(__HYPERVISOR_get_debugreg, 7, 0, 0, 0));
    answer("DR9", hypercall(__HYPERVISOR_set_debugreg, 9, 0, 0, 0));
    for (int type = 0; type < 8; type++) {
        answer("assist", type);
        answer("enable it", hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, type, 0, 0));
    }
    answer("disable architectural IOPL", hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_disable, VMASST_TYPE_architectural_iopl, 0, 0));
    answer("assist command 9", hypercall(__HYPERVISOR_vm_assist, 9, 2, 0, 0));
    answer("trap table from nowhere", hypercall(__HYPERVISOR_set_trap_table, NO_ADDRESS, 0, 0, 0));
    answer("IOPL 4", physdev_op(PHYSDEVOP_set_iopl, &iopl));
    iopl.iopl = 1;
    answer("IOPL 1", physdev_op(PHYSDEVOP_set_iopl, &iopl));
    answer("I/O bitmap too long", physdev_op(PHYSDEVOP_set_iobitmap, &bitmap));
    for (unsigned command = 4; command < 34; command++) {
        for (int i = 0; i < 64; i++)
            arguments[i] = 0;
        if (command == PHYSDEVOP_pirq_eoi_gmfn_v1 || command == PHYSDEVOP_pirq_eoi_gmfn_v2 || command == PHYSDEVOP_map_pirq)
            continue;
        answer("physdev_op", command);
        answer("answers", physdev_op(command, arguments));
    }
}

static void ask_of_versions(void)
{
    struct xen_feature_info features = { .submap_idx = 1 };
    answer("version", version(XENVER_version, 0));
    answer("capabilities to nowhere", version(XENVER_capabilities, (void *)NO_ADDRESS));
    answer("feature map 1", version(XENVER_get_features, &features));
    features.submap_idx = 0;
    answer("feature map 0", version(XENVER_get_features, &features));
    answer("it is", features.submap);
    answer("page size", version(XENVER_pagesize, 0));
    answer("page size with an argument", version(XENVER_pagesize, pages[1]));
    answer("build id", version(XENVER_build_id, 0));
    answer("changeset", version(XENVER_changeset, pages[1]));
    answer("it begins with", *(char *)pages[1]);
    answer("command line", version(XENVER_commandline, pages[1]));
    print((char *)pages[1]), print("\n");
    answer("version 99", version(99, 0));
}

static void ask_of_privilege(void)
{
    static const unsigned numbers[] = { 7, 11, 18, 27, 28, 31, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 47, 48, 49, 55, 63, 64, 1000 };
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (int j = 0; j < 64; j++)
            arguments[j] = 0;
        answer("hypercall", numbers[i]);
        answer("answers", hypercall(numbers[i], 0, (u64)arguments, (u64)arguments, 0));
    }
    struct multicall_entry calls[2] = { { .op = 1000 }, { .op = __HYPERVISOR_multicall } };
    answer("multicall", hypercall(__HYPERVISOR_multicall, (u64)calls, 2, 0, 0));
    answer("unknown in it", calls[0].result);
    answer("multicall in it", calls[1].result);
    answer("multicall from nowhere", hypercall(__HYPERVISOR_multicall, NO_ADDRESS, 1, 0, 0));
}

static void ask(void)
{
    ask_of_vcpus();
    ask_of_scheduling();
    ask_of_events();
    ask_of_grants();
    ask_of_the_cpu();
    ask_of_versions();
    ask_of_privilege();
}
