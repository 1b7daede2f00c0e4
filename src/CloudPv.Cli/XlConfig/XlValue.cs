namespace CloudPv.Cli.XlConfig;

/// <summary>A value of an xl.cfg file; numbers are strings of digits, as xl has it.</summary>
/// <param name="Line">Where it starts, counted from 1.</param>
public abstract record XlValue(int Line)
{
    public sealed record Text(int Line, string Content) : XlValue(Line);

    public sealed record List(int Line, IReadOnlyList<XlValue> Items) : XlValue(Line);
}

/// <summary>One <c>key = value</c> of the file.</summary>
public sealed record XlSetting(int Line, string Key, XlValue Value);
