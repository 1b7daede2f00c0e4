using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class EventConfiguration : IEntityTypeConfiguration<Event>
{
    public void Configure(EntityTypeBuilder<Event> entry)
    {
        entry.ToTable("events");
        entry.Property(e => e.Id).UseIdentityAlwaysColumn();
        entry.Property(e => e.ResourceId).HasMaxLength(64);
        entry.Property(e => e.Kind).HasMaxLength(64);
        entry.Property(e => e.Message).HasMaxLength(1000);
        entry.HasOne<Account>().WithMany().HasForeignKey(e => e.AccountId).OnDelete(DeleteBehavior.Cascade);
        entry.HasIndex(e => new { e.AccountId, e.Id });
        entry.HasIndex(e => new { e.ResourceId, e.Id });
    }
}
