using System.CommandLine;
using System.Globalization;
using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>Where a report goes and what it is compared with: options of every command that writes one.</summary>
internal sealed class ReportOptions
{
    private const string Markdown = "performance-report.md", Json = "performance-report.json", Picture = "performance.svg";

    private readonly Option<string> _output = new("--output")
    {
        Description = $"Folder for {Markdown}, {Json} and {Picture}",
        DefaultValueFactory = _ => Path.Combine("artifacts", "bench", DateTime.UtcNow.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)),
    };

    private readonly Option<string?> _against = new("--against")
    {
        Description = $"An earlier {Json}: names what became slower and faster beyond the noise; exit status 1 if anything became slower",
    };

    public void AddTo(Command command)
    {
        command.Add(_output);
        command.Add(_against);
    }

    /// <summary>Measures, writes the report, compares. Gives the exit status.</summary>
    public async Task<int> RunAsync(ParseResult arguments, Func<IReadOnlyList<ISuite>> choose, CancellationToken cancel)
    {
        try
        {
            var suites = choose();
            var before = arguments.GetValue(_against) is { } against ? JsonReport.Read(against) : null;
            var folder = Directory.CreateDirectory(arguments.GetValue(_output)!).FullName;
            var measurements = new Measurements();
            var report = await MeasureAsync(suites, measurements, string.Join(' ', ["./cloudpv bench", .. arguments.Tokens.Select(token => token.Value)]), cancel);

            var text = MarkdownReport.Write(report, Picture);
            await File.WriteAllTextAsync(Path.Combine(folder, Json), JsonReport.Write(report), cancel);
            await File.WriteAllTextAsync(Path.Combine(folder, Picture), SvgPicture.Write(report), cancel);
            await File.WriteAllTextAsync(Path.Combine(folder, Markdown), text, cancel);
            Console.WriteLine(text);
            Console.WriteLine($"Written to {folder}");

            if (before is null)
                return measurements.Failed ? 1 : 0;
            var comparison = Comparison.Of(before, report);
            Console.WriteLine();
            Console.WriteLine(comparison.ToMarkdown());
            return measurements.Failed || comparison.Slower.Count > 0 ? 1 : 0;
        }
        catch (CommandFailedException failure)
        {
            await Console.Error.WriteLineAsync($"cloudpv bench: {failure.Message}");
            return 2;
        }
    }

    private static async Task<Report> MeasureAsync(IReadOnlyList<ISuite> suites, Measurements measurements, string commandLine, CancellationToken cancel)
    {
        var machine = await Machine.DescribeAsync(cancel);
        var started = DateTimeOffset.UtcNow;
        var load = Machine.Load();
        foreach (var suite in suites)
            await suite.MeasureAsync(measurements, cancel);
        return new Report
        {
            Machine = machine,
            CommandLine = commandLine,
            Started = started,
            Ended = DateTimeOffset.UtcNow,
            LoadAtStart = load,
            LoadAtEnd = Machine.Load(),
            Notes = measurements.Notes,
            Results = measurements.Results,
        };
    }
}
