using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class ClientRequestConfiguration : IEntityTypeConfiguration<ClientRequest>
{
    public void Configure(EntityTypeBuilder<ClientRequest> request)
    {
        request.ToTable("client_requests");
        request.HasKey(r => new { r.AccountId, r.ClientToken });
        request.Property(r => r.ClientToken).HasMaxLength(128);
        request.Property(r => r.ResourceId).HasMaxLength(21);
        request.HasOne<Account>().WithMany().HasForeignKey(r => r.AccountId).OnDelete(DeleteBehavior.Cascade);
    }
}
