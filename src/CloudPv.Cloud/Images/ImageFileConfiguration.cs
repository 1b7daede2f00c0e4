using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CloudPv.Cloud;

internal sealed class ImageFileConfiguration : IEntityTypeConfiguration<ImageFile>
{
    public void Configure(EntityTypeBuilder<ImageFile> file)
    {
        file.ToTable("image_files");
        file.HasKey(f => f.Sha256);
        file.Property(f => f.Sha256).HasMaxLength(64).IsFixedLength();
        file.Property(f => f.Kind).HasMaxLength(10);
        file.Property(f => f.Description).HasMaxLength(255);
    }
}
