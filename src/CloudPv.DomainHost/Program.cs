using CloudPv.DomainHost;

switch (args)
{
    case ["--spec", var specPath]:
        return await DomainProcess.RunAsync(specPath, listening: static () => { });
    case ["--warm", var folder]:
        return await WarmProcess.RunAsync(folder);
    case ["--inspect", var imagePath]:
        return ImageInspector.Run(imagePath);
    default:
        Console.Error.WriteLine(
            "usage: cloudpv-domain --spec FILE | --warm FOLDER | --inspect FILE\n\nRuns the domain that the file describes, until it ends; gets ready for a domain that is yet to come; or tells what an image file is. See docs/domain-control.md.");
        return 2;
}
