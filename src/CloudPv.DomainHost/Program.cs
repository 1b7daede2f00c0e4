using CloudPv.DomainHost;

if (args is not ["--spec", var specPath])
{
    Console.Error.WriteLine("usage: cloudpv-domain --spec FILE\n\nRuns the domain that the file describes, until it ends. See docs/domain-control.md.");
    return 2;
}
return await DomainProcess.RunAsync(specPath);
