using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class ImageConfiguration : IEntityTypeConfiguration<Image>
{
    public void Configure(EntityTypeBuilder<Image> image)
    {
        image.ToTable("images");
        image.Property(i => i.Id).HasMaxLength(21);
        image.Property(i => i.Kind).HasConversion<EnumWordConverter<ImageKind>>().HasMaxLength(10);
        image.Property(i => i.Name).HasMaxLength(128);
        image.Property(i => i.Architecture).HasMaxLength(10);
        image.Property(i => i.Description).HasMaxLength(255);
        image.Property(i => i.RootDevice).HasMaxLength(32);
        image.Property(i => i.CommandLine).HasMaxLength(1023);
        image.Property(i => i.Version).IsRowVersion();
        image.Ignore(i => i.State);
        image.HasOne<Account>().WithMany().HasForeignKey(i => i.AccountId).OnDelete(DeleteBehavior.Restrict);
        image.HasOne<Image>().WithMany().HasForeignKey(i => i.KernelId).OnDelete(DeleteBehavior.Restrict);
        image.HasOne<Image>().WithMany().HasForeignKey(i => i.RamdiskId).OnDelete(DeleteBehavior.Restrict);
        image.HasOne(i => i.File).WithMany().HasForeignKey(i => i.FileSha256).OnDelete(DeleteBehavior.Restrict);
    }
}
