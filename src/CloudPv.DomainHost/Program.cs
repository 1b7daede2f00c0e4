using CloudPv.DomainHost;

if (args is ["--inspect", var imagePath])
    return ImageInspector.Run(imagePath);
if (args is not ["--spec", var specPath])
{
    Console.Error.WriteLine("usage: cloudpv-domain --spec FILE | --inspect FILE\n\nRuns the domain that the file describes, until it ends; or tells what an image file is. See docs/domain-control.md.");
    return 2;
}
return await DomainProcess.RunAsync(specPath);
