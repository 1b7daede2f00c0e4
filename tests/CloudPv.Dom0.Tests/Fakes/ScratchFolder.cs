namespace CloudPv.Dom0.Tests.Fakes;

/// <summary>A folder for one test's files.</summary>
internal sealed class ScratchFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudpv-dom0-test-");

    public string this[string name] => Path.Combine(_folder.FullName, name);

    /// <summary>A file whose bytes are told by a seed.</summary>
    public string RandomFile(string name, int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
