using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class InstanceTypeConfiguration : IEntityTypeConfiguration<InstanceType>
{
    public void Configure(EntityTypeBuilder<InstanceType> type)
    {
        type.ToTable("instance_types");
        type.HasKey(t => t.Name);
        type.Property(t => t.Name).HasMaxLength(32);
        type.Property(t => t.MemoryMiB).HasColumnName("memory_mib");
        type.HasData(InstanceType.Catalogue);
    }
}
