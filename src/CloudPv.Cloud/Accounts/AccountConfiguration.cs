using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class AccountConfiguration : IEntityTypeConfiguration<Account>
{
    public void Configure(EntityTypeBuilder<Account> account)
    {
        account.ToTable("accounts");
        account.Property(a => a.Id).HasMaxLength(12).IsFixedLength();
        account.Property(a => a.Name).HasMaxLength(100);
        account.HasIndex(a => a.Name).IsUnique();
    }
}
