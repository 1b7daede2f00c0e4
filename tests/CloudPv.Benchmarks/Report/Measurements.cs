namespace CloudPv.Benchmarks;

/// <summary>Takes values in the order in which suites measure them, and gives the rows in the order of their first value.</summary>
internal sealed class Measurements
{
    private readonly List<Row> _rows = [];
    private readonly Dictionary<(Row Row, string Contender), List<double>> _values = [];
    private readonly List<string> _notes = [];

    /// <summary>Something that a suite had to measure and could not.</summary>
    public bool Failed { get; private set; }

    public IReadOnlyList<string> Notes => _notes;

    public IReadOnlyList<Result> Results =>
    [
        .. _rows.Select(row => new Result(
            row,
            _values.Where(entry => entry.Key.Row == row).ToDictionary(entry => entry.Key.Contender, entry => new Sample(entry.Value), StringComparer.Ordinal))),
    ];

    public void Add(Row row, string contender, double value)
    {
        if (!_rows.Contains(row))
            _rows.Add(row);
        if (!_values.TryGetValue((row, contender), out var values))
            _values[(row, contender)] = values = [];
        values.Add(value);
    }

    /// <summary>Tells the reader something, once.</summary>
    public void Note(string text)
    {
        if (!_notes.Contains(text))
            _notes.Add(text);
    }

    public void Fail(string text)
    {
        Failed = true;
        Note(text);
    }
}
