using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace CloudPv.Xen.Tests;

/// <summary>Asks the C compiler what Xen's public headers (Debian: libxen-dev) say. All questions go into one program.</summary>
internal static class XenHeaders
{
    private static readonly Lazy<Dictionary<string, long>> Answers = new(Ask);

    /// <summary>The value of a C expression, which must be one that a row of <see cref="AbiTable"/> leads to.</summary>
    public static long Evaluate(string expression) => Answers.Value[expression];

    private static Dictionary<string, long> Ask()
    {
        List<string> expressions = [.. AbiTable.Expressions().Distinct()];
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cloudpv-abi");
        try
        {
            string source = Path.Combine(folder.FullName, "abi.c"), program = Path.Combine(folder.FullName, "abi");
            File.WriteAllText(source, Program(expressions));
            Run("gcc", "-w", "-o", program, source);
            string[] lines = Run(program).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            lines.Length.ShouldBe(expressions.Count);
            return expressions.Zip(lines).ToDictionary(pair => pair.First, pair => long.Parse(pair.Second, CultureInfo.InvariantCulture));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Program(IEnumerable<string> expressions)
    {
        var text = new StringBuilder("#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <sys/types.h>\n#include <string.h>\n");
        text.Append("#define __XEN_TOOLS__ 1\n#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__\n");
        foreach (string header in AbiTable.Headers)
            text.Append(CultureInfo.InvariantCulture, $"#include <xen/{header}>\n");
        text.Append("int main(void) {\n");
        foreach (string expression in expressions)
            text.Append(CultureInfo.InvariantCulture, $"printf(\"%lld\\n\", (long long)({expression}));\n");
        return text.Append("return 0; }\n").ToString();
    }

    private static string Run(string file, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, errors.Result);
        return output;
    }
}
