using System.CommandLine;
using System.CommandLine.Parsing;
using CloudPv.Cli;
using CloudPv.Cli.StarterImage;

namespace CloudPv.Benchmarks;

/// <summary>The options of the suite that runs in a guest.</summary>
internal sealed class GuestOptions
{
    private readonly Option<string> _rows = new("--rows")
    {
        Description = $"Rows and groups to measure, with commas. Groups: {string.Join(", ", GuestRows.Groups)}",
        DefaultValueFactory = _ => string.Join(',', GuestRows.Groups),
    };

    private readonly Option<string> _vcpus = new("--vcpus") { Description = "Numbers of CPUs of the guest, with commas", DefaultValueFactory = _ => "1,2" };
    private readonly Option<int> _repeat = new("--repeat") { Description = "Times that everything is measured", DefaultValueFactory = _ => 5 };
    private readonly Option<double> _time = new("--time") { Description = "Seconds for each row", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _alone = new("--alone") { Description = "Without the peer and without native" };
    private readonly Option<string> _kernel = new("--kernel-package") { Description = "Debian package of the kernel", DefaultValueFactory = _ => StarterImageBuilder.DefaultKernelPackage };
    private readonly Option<string> _app = new("--app") { Description = "Folder with the built programs", DefaultValueFactory = _ => Path.GetFullPath("artifacts/current") };

    public GuestOptions()
    {
        _repeat.Validators.Add(result => Require(result, result.GetValueOrDefault<int>() >= 1, "at least 1"));
        _time.Validators.Add(result => Require(result, result.GetValueOrDefault<double>() is > 0 and <= 3600, "seconds from above 0 to 3600"));
        _vcpus.Validators.Add(result => Require(result, Numbers(result.GetValueOrDefault<string>()) is { Length: > 0 }, "numbers from 1 to 32 with commas"));
    }

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _rows, _vcpus, _repeat, _time, _alone, _kernel, _app })
            command.Add(option);
    }

    public int RepeatOf(ParseResult arguments) => arguments.GetValue(_repeat);

    /// <exception cref="CommandFailedException">A name in --rows is neither a row nor a group.</exception>
    public GuestSuite Read(ParseResult arguments)
    {
        string[] rows = arguments.GetValue(_rows)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        GuestRows.Choose(rows);
        return new GuestSuite
        {
            Rows = rows,
            Cpus = Numbers(arguments.GetValue(_vcpus)!)!,
            Repeat = RepeatOf(arguments),
            Seconds = arguments.GetValue(_time),
            Alone = arguments.GetValue(_alone),
            KernelPackage = arguments.GetValue(_kernel)!,
            App = arguments.GetValue(_app)!,
        };
    }

    /// <summary>Null where something else stands among them.</summary>
    private static int[]? Numbers(string text)
    {
        var numbers = text.Split(',').Select(word => int.TryParse(word, out var number) && number is >= 1 and <= 32 ? number : 0).Distinct().Order().ToArray();
        return numbers[0] == 0 ? null : numbers;
    }

    private static void Require(OptionResult result, bool holds, string wanted)
    {
        if (!holds)
            result.AddError($"{result.Option.Name} takes {wanted}");
    }
}
