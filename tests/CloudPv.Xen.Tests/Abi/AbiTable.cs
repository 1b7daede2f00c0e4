using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using CloudPv.Xen.Io;

namespace CloudPv.Xen.Tests;

/// <summary>A struct of CloudPv.Xen and Xen's name of it. A field's name is turned into Xen's (<c>NrPages</c> is <c>nr_pages</c>);
/// where that isn't it, <paramref name="Renamed"/> says so: <c>"ConsoleMfn=console.domU.mfn"</c>. A field with <c>=-</c> has no counterpart.</summary>
public sealed record StructRow(Type Type, string XenName, params string[] Renamed)
{
    public override string ToString() => XenName;
}

/// <summary>An enumeration, or a class of constants, and the prefix of Xen's names: <c>PinL1Table</c> is <c>MMUEXT_PIN_L1_TABLE</c>. Renamed as above.</summary>
public sealed record ConstantsRow(Type Type, string Prefix, params string[] Renamed)
{
    public override string ToString() => Type.Name;
}

/// <summary>Every type of CloudPv.Xen that has a counterpart in Xen's headers. A new one needs one line here.</summary>
public static partial class AbiTable
{
    public static readonly string[] Headers =
    [
        "xen.h", "memory.h", "elfnote.h", "errno.h", "grant_table.h", "sched.h", "vcpu.h", "event_channel.h", "callback.h", "physdev.h", "platform.h",
        "features.h", "version.h", "nmi.h", "io/console.h", "io/xenbus.h", "io/xs_wire.h", "io/blkif.h", "io/netif.h",
    ];

    public static readonly StructRow[] Structs =
    [
        new(typeof(StartInfo), "struct start_info", "ConsoleMfn=console.domU.mfn", "ConsoleEvtchn=console.domU.evtchn"),
        new(typeof(SharedInfo), "struct shared_info"),
        new(typeof(ArchSharedInfo), "struct arch_shared_info", "P2mCr3=p2m_cr3"),
        new(typeof(VcpuInfo), "struct vcpu_info", "UpcallWord=-", "Cr2=arch.cr2"),
        new(typeof(VcpuTimeInfo), "struct vcpu_time_info"),
        new(typeof(MmuUpdateRequest), "struct mmu_update"),
        new(typeof(MmuextOperation), "struct mmuext_op",
            "Mfn=arg1.mfn", "LinearAddr=arg1.linear_addr", "NrEnts=arg2.nr_ents", "Vcpumask=arg2.vcpumask", "SrcMfn=arg2.src_mfn"),
        new(typeof(MemoryReservation), "struct xen_memory_reservation"),
        new(typeof(MemoryExchangeArguments), "struct xen_memory_exchange"),
        new(typeof(MachphysMfnList), "struct xen_machphys_mfn_list"),
        new(typeof(MachphysMapping), "struct xen_machphys_mapping"),
        new(typeof(MemoryMap), "struct xen_memory_map"),
        new(typeof(ForeignMemoryMap), "struct xen_foreign_memory_map"),
        new(typeof(CallbackRegister), "struct callback_register"),
        new(typeof(CallbackUnregister), "struct callback_unregister"),
        new(typeof(EvtchnAllocUnbound), "struct evtchn_alloc_unbound"),
        new(typeof(EvtchnBindInterdomain), "struct evtchn_bind_interdomain"),
        new(typeof(EvtchnBindVirq), "struct evtchn_bind_virq"),
        new(typeof(EvtchnBindPirq), "struct evtchn_bind_pirq"),
        new(typeof(EvtchnBindIpi), "struct evtchn_bind_ipi"),
        new(typeof(EvtchnStatus), "struct evtchn_status",
            "RemoteDom=u.interdomain.dom", "RemotePort=u.interdomain.port", "Pirq=u.pirq", "Virq=u.virq"),
        new(typeof(EvtchnBindVcpu), "struct evtchn_bind_vcpu"),
        new(typeof(EvtchnInitControl), "struct evtchn_init_control"),
        new(typeof(EvtchnSetPriority), "struct evtchn_set_priority"),
        new(typeof(EvtchnFifoControlBlock), "struct evtchn_fifo_control_block"),
        new(typeof(GrantEntryV1), "struct grant_entry_v1", "Header=-"),
        new(typeof(GrantEntryV2), "union grant_entry_v2",
            "Flags=hdr.flags", "Domid=hdr.domid", "Header=-", "PageOff=sub_page.page_off", "Length=sub_page.length",
            "Frame=full_page.frame", "TransDomid=transitive.trans_domid", "TransGref=transitive.gref"),
        new(typeof(GnttabSetupTable), "struct gnttab_setup_table"),
        new(typeof(GnttabQuerySize), "struct gnttab_query_size"),
        new(typeof(GnttabGetStatusFrames), "struct gnttab_get_status_frames"),
        new(typeof(GnttabGetVersion), "struct gnttab_get_version"),
        new(typeof(GnttabMapGrantRef), "struct gnttab_map_grant_ref"),
        new(typeof(GnttabUnmapGrantRef), "struct gnttab_unmap_grant_ref"),
        new(typeof(GnttabUnmapAndReplace), "struct gnttab_unmap_and_replace"),
        new(typeof(GnttabTransfer), "struct gnttab_transfer"),
        new(typeof(GnttabCopy), "struct gnttab_copy"),
        new(typeof(GnttabCopyPointer), "struct gnttab_copy_ptr", "Ref=u.ref", "Gmfn=u.gmfn"),
        new(typeof(GnttabSwapGrantRef), "struct gnttab_swap_grant_ref"),
        new(typeof(SchedPoll), "struct sched_poll"),
        new(typeof(SchedRemoteShutdown), "struct sched_remote_shutdown"),
        new(typeof(SchedWatchdog), "struct sched_watchdog"),
        new(typeof(VcpuGuestContext), "struct vcpu_guest_context"),
        new(typeof(CpuUserRegs), "struct cpu_user_regs", "SavedUpcallMask=saved_upcall_mask"),
        new(typeof(TrapInfo), "struct trap_info"),
        new(typeof(IretContext), "struct iret_context"),
        new(typeof(VcpuRunstateInfo), "struct vcpu_runstate_info", "TimeRunning=time[0]", "TimeRunnable=time[1]", "TimeBlocked=time[2]", "TimeOffline=time[3]"),
        new(typeof(VcpuSetSingleshotTimer), "struct vcpu_set_singleshot_timer"),
        new(typeof(VcpuRegisterVcpuInfo), "struct vcpu_register_vcpu_info"),
        new(typeof(XenconsInterface), "struct xencons_interface"),
        new(typeof(XenstoreInterface), "struct xenstore_domain_interface", "Requests=req", "Responses=rsp"),
        new(typeof(XsHeader), "struct xsd_sockmsg", "RequestId=req_id", "TransactionId=tx_id", "Length=len"),
        new(typeof(NetifTxRequest), "struct netif_tx_request"),
        new(typeof(NetifTxResponse), "struct netif_tx_response"),
        new(typeof(NetifRxRequest), "struct netif_rx_request"),
        new(typeof(NetifRxResponse), "struct netif_rx_response"),
        new(typeof(NetifExtraInfo), "struct netif_extra_info",
            "GsoSize=u.gso.size", "GsoType=u.gso.type", "GsoFeatures=u.gso.features", "MulticastLow=u.mcast.addr", "MulticastHigh=u.mcast.addr[4]"),
    ];

    public static readonly ConstantsRow[] Constants =
    [
        new(typeof(ElfNote), "XEN_ELFNOTE_", "ModStartPfn=XEN_ELFNOTE_MOD_START_PFN"),
        new(typeof(StartInfoFlags), "SIF_", "None=-", "InitDomain=SIF_INITDOMAIN", "VirtP2mForTools=SIF_VIRT_P2M_4TOOLS"),
        new(typeof(MmuUpdateCommand), "MMU_"),
        new(typeof(MmuextCommand), "MMUEXT_"),
        new(typeof(UvmFlags), "UVMF_", "FlushTypeMask=UVMF_FLUSHTYPE_MASK"),
        new(typeof(MemoryCommand), "XENMEM_"),
        new(typeof(SpecialDomain), "DOMID_"),
        new(typeof(VmAssistType), "VMASST_TYPE_",
            "FourGbSegments=VMASST_TYPE_4gb_segments", "FourGbSegmentsNotify=VMASST_TYPE_4gb_segments_notify"),
        new(typeof(XenErrno), "-XEN_", "EINTR=-"),
        new(typeof(GrantStatus), "GNTST_",
            "BadGrantReference=GNTST_bad_gntref", "BadVirtualAddress=GNTST_bad_virt_addr", "BadDeviceAddress=GNTST_bad_dev_addr",
            "NoDeviceSpace=GNTST_no_device_space", "BadCopyArgument=GNTST_bad_copy_arg", "Again=GNTST_eagain"),
        new(typeof(CallbackOpCommand), "CALLBACKOP_"),
        new(typeof(CallbackType), "CALLBACKTYPE_"),
        new(typeof(EventChannelOpCommand), "EVTCHNOP_"),
        new(typeof(EventChannelStatus), "EVTCHNSTAT_"),
        new(typeof(Virq), "VIRQ_"),
        new(typeof(GrantTableOpCommand), "GNTTABOP_"),
        new(typeof(SchedOpCommand), "SCHEDOP_"),
        new(typeof(VcpuOpCommand), "VCPUOP_"),
        new(typeof(Runstate), "RUNSTATE_"),
        new(typeof(HypercallNumber), "__HYPERVISOR_", "Mca=__HYPERVISOR_arch_0", "PagingDomctlCont=__HYPERVISOR_arch_1"),
        new(typeof(ShutdownReason), "SHUTDOWN_", "PowerOff=SHUTDOWN_poweroff", "SoftReset=SHUTDOWN_soft_reset"),
        new(typeof(XenbusState), "XenbusState", [.. Enum.GetNames<XenbusState>().Select(name => $"{name}=XenbusState{name}")]),
        new(typeof(XsMessageType), "XS_"),
        new(typeof(XsLimits), "XENSTORE_", "AbsolutePathMax=XENSTORE_ABS_PATH_MAX", "RelativePathMax=XENSTORE_REL_PATH_MAX"),
        new(typeof(XenstoreServerFeatures), "XENSTORE_SERVER_FEATURE_", "None=-"),
        new(typeof(XenstoreConnectionState), "XENSTORE_"),
        new(typeof(XenstoreRingError), "XENSTORE_ERROR_", "Communication=XENSTORE_ERROR_COMM", "RingIndex=XENSTORE_ERROR_RINGIDX", "Protocol=XENSTORE_ERROR_PROTO"),
        new(typeof(BlkifOperation), "BLKIF_OP_"),
        new(typeof(BlkifStatus), "BLKIF_RSP_", "NotSupported=BLKIF_RSP_EOPNOTSUPP"),
        new(typeof(VdiskInfo), "VDISK_", "None=-", "ReadOnly=VDISK_READONLY"),
        new(typeof(Blkif), "BLKIF_", "SectorSize=-", "MaxSegments=BLKIF_MAX_SEGMENTS_PER_REQUEST", "MaxIndirectPages=BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST",
            "SegmentSize=sizeof(struct blkif_request_segment)", "SegmentsPerIndirectPage=-", "ResponseSize=-",
            "ResponseOperation=offsetof(struct blkif_response, operation)", "ResponseStatus=offsetof(struct blkif_response, status)", "DiscardSecure=BLKIF_DISCARD_SECURE"),
    ];

    /// <summary>The layout of blkif requests, which is data: the frontend chooses it.</summary>
    public static readonly (int Value, string Expression)[] BlkifX86_64 =
    [
        (BlkifAbi.X86_64.SlotSize, "sizeof(union blkif_sring_entry)"),
        (BlkifAbi.X86_64.Id, "offsetof(struct blkif_request, id)"),
        (BlkifAbi.X86_64.SectorNumber, "offsetof(struct blkif_request, sector_number)"),
        (BlkifAbi.X86_64.Segments, "offsetof(struct blkif_request, seg)"),
        (BlkifAbi.X86_64.DiscardSectors, "offsetof(struct blkif_request_discard, nr_sectors)"),
        (BlkifAbi.X86_64.IndirectHandle, "offsetof(struct blkif_request_indirect, handle)"),
        (BlkifAbi.X86_64.IndirectGrefs, "offsetof(struct blkif_request_indirect, indirect_grefs)"),
    ];

    /// <summary>Structs of the ABI that no public header spells out.</summary>
    public static readonly Type[] NotInHeaders = [typeof(E820Entry), typeof(RingHeader)];

    public static IEnumerable<string> Expressions() =>
        Structs.SelectMany(row => Fields(row).Select(field => field.Expression).Append($"sizeof({row.XenName})"))
            .Concat(Constants.SelectMany(row => Values(row).Select(value => value.Expression)))
            .Concat(BlkifX86_64.Select(row => row.Expression));

    /// <summary>Each field with its offset here and the C expression of its offset there.</summary>
    public static IEnumerable<(string Name, int Offset, string Expression)> Fields(StructRow row)
    {
        foreach (FieldInfo field in row.Type.GetFields(BindingFlags.Instance | BindingFlags.Public))
        {
            string name = Renaming(row.Renamed, field.Name) ?? SnakeCase(field.Name);
            if (name != "-")
                yield return (field.Name, field.GetCustomAttribute<FieldOffsetAttribute>()!.Value, $"offsetof({row.XenName}, {name})");
        }
    }

    /// <summary>Each constant with its value here and Xen's name of it.</summary>
    public static IEnumerable<(string Name, long Value, string Expression)> Values(ConstantsRow row)
    {
        foreach (FieldInfo field in row.Type.GetFields(BindingFlags.Static | BindingFlags.Public).Where(field => field.IsLiteral))
        {
            string name = Renaming(row.Renamed, field.Name) ?? row.Prefix + Spelling(row, field.Name);
            object value = field.GetRawConstantValue()!;
            if (name != "-")
                yield return (field.Name, value is ulong large ? (long)large : Convert.ToInt64(value, CultureInfo.InvariantCulture), name);
        }
    }

    /// <summary>Xen writes some families of constants in capitals and some in small letters.</summary>
    private static string Spelling(ConstantsRow row, string name) =>
        !name.Any(char.IsLower) ? name
        : SmallLetters.Contains(row.Prefix) ? SnakeCase(name)
        : SnakeCase(name).ToUpperInvariant();

    private static readonly string[] SmallLetters =
    [
        "XENMEM_", "GNTST_", "SHUTDOWN_", "__HYPERVISOR_", "VMASST_TYPE_", "CALLBACKOP_", "CALLBACKTYPE_", "EVTCHNOP_", "EVTCHNSTAT_", "GNTTABOP_", "SCHEDOP_", "VCPUOP_",
        "RUNSTATE_",
    ];

    private static string? Renaming(string[] renamed, string name) =>
        renamed.FirstOrDefault(rule => rule.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    private static string SnakeCase(string name) =>
        WordStart().Replace(name, "_$1").TrimStart('_').ToLowerInvariant();

    [GeneratedRegex("([A-Z])")]
    private static partial Regex WordStart();
}
