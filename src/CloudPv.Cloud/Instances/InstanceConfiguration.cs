using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class InstanceConfiguration : IEntityTypeConfiguration<Instance>
{
    public void Configure(EntityTypeBuilder<Instance> instance)
    {
        instance.ToTable("instances");
        instance.Property(i => i.Id).HasMaxLength(19);
        instance.Property(i => i.ReservationId).HasMaxLength(19);
        instance.Property(i => i.Name).HasMaxLength(128);
        instance.Property(i => i.MemoryMiB).HasColumnName("memory_mib");
        instance.Property(i => i.CommandLine).HasMaxLength(1023);
        instance.Property(i => i.MacAddress).HasMaxLength(17).IsFixedLength();
        instance.Property(i => i.PrivateIp).HasMaxLength(15);
        instance.Property(i => i.State).HasConversion<EnumWordConverter<InstanceState>>().HasMaxLength(13);
        instance.Property(i => i.StateReason).HasMaxLength(64);
        instance.Property(i => i.StateMessage).HasMaxLength(1000);
        instance.Property(i => i.Version).IsRowVersion();
        instance.Ignore(i => i.HoldsMemory);
        instance.HasOne<Account>().WithMany().HasForeignKey(i => i.AccountId).OnDelete(DeleteBehavior.Restrict);
        instance.HasOne<Image>().WithMany().HasForeignKey(i => i.ImageId).OnDelete(DeleteBehavior.Restrict);
        instance.HasOne<Image>().WithMany().HasForeignKey(i => i.KernelId).OnDelete(DeleteBehavior.Restrict);
        instance.HasOne<Image>().WithMany().HasForeignKey(i => i.RamdiskId).OnDelete(DeleteBehavior.Restrict);
        instance.HasOne<InstanceType>().WithMany().HasForeignKey(i => i.InstanceType).OnDelete(DeleteBehavior.Restrict);
        instance.HasOne<Host>().WithMany().HasForeignKey(i => i.HostId).OnDelete(DeleteBehavior.Restrict);
        instance.HasIndex(i => i.ReservationId);
        instance.HasIndex(i => i.PrivateIp).IsUnique().HasFilter("state <> 'terminated'");
        instance.HasIndex(i => i.MacAddress).IsUnique().HasFilter("state <> 'terminated'");
    }
}
