using Microsoft.EntityFrameworkCore;

namespace CloudPv.Cloud;

/// <summary>The catalogue in PostgreSQL. Its schema is made by the steps in <c>migrations/</c>.</summary>
public sealed class CloudContext(DbContextOptions<CloudContext> options) : DbContext(options)
{
    public DbSet<Account> Accounts => Set<Account>();

    public DbSet<AccessKey> AccessKeys => Set<AccessKey>();

    public DbSet<ClientRequest> ClientRequests => Set<ClientRequest>();

    public DbSet<ImageFile> ImageFiles => Set<ImageFile>();

    public DbSet<Image> Images => Set<Image>();

    public DbSet<InstanceType> InstanceTypes => Set<InstanceType>();

    public DbSet<Host> Hosts => Set<Host>();

    public DbSet<Instance> Instances => Set<Instance>();

    public DbSet<Event> Events => Set<Event>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(CloudContext).Assembly);
        modelBuilder.UseSnakeCaseNames();
    }
}
