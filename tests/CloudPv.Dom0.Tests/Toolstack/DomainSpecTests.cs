namespace CloudPv.Dom0.Tests.Toolstack;

public sealed class DomainSpecTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void What_a_spec_file_leaves_out_has_its_default()
    {
        File.WriteAllText(_file, """{ "id": "guest", "kernel": "vmlinuz" }""");

        var spec = DomainSpec.Load(_file);

        spec.Disks.ShouldBeEmpty();
        spec.Nics.ShouldBeEmpty();
        spec.CommandLine.ShouldBe("");
        spec.Vcpus.ShouldBe(1);
        spec.MemoryMiB.ShouldBe(128);
        spec.Uuid.ShouldNotBe(Guid.Empty);
        spec.OnReboot.ShouldBe(AfterShutdown.Restart);
    }

    [Fact]
    public void A_spec_file_without_a_kernel_is_refused_by_its_name()
    {
        File.WriteAllText(_file, """{ "id": "guest" }""");

        Should.Throw<ToolstackException>(() => DomainSpec.Load(_file)).Message.ShouldContain("kernel");
    }
}
