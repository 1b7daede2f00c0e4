using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class HostConfiguration : IEntityTypeConfiguration<Host>
{
    public void Configure(EntityTypeBuilder<Host> host)
    {
        host.ToTable("hosts");
        host.Property(h => h.Id).HasMaxLength(255);
        host.Property(h => h.Name).HasMaxLength(255);
        host.Property(h => h.MemoryMiB).HasColumnName("memory_mib");
    }
}
