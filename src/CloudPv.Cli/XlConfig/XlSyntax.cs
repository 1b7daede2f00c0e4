using System.Text;

namespace CloudPv.Cli.XlConfig;

/// <summary>The syntax of xl.cfg(5): <c>key = value</c> per line or separated by semicolons; a value is a number, a quoted string or a list that may span lines; # starts a comment.</summary>
public sealed class XlSyntax
{
    private readonly string _text;
    private int _at;
    private int _line = 1;

    private XlSyntax(string text) => _text = text;

    /// <exception cref="XlConfigException">The text isn't in this syntax.</exception>
    public static IReadOnlyList<XlSetting> Parse(string text)
    {
        var parser = new XlSyntax(text);
        var settings = new List<XlSetting>();
        while (parser.SkipToSetting())
            settings.Add(parser.Setting());
        return settings;
    }

    private char Current => _at < _text.Length ? _text[_at] : '\0';

    private XlSetting Setting()
    {
        var line = _line;
        var key = TakeWhile(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');
        if (key.Length == 0)
            throw new XlConfigException(_line, $"expected a key, found '{Current}'");
        SkipBlanks();
        if (Current == '+' && _at + 1 < _text.Length && _text[_at + 1] == '=')
            throw new XlConfigException(_line, $"{key}: += is not supported");
        if (Current != '=')
            throw new XlConfigException(_line, $"{key}: expected '=' after the key");
        Advance();
        SkipBlanks();
        var value = Value(key);
        SkipBlanks();
        if (Current is not ('\n' or ';' or '#' or '\0'))
            throw new XlConfigException(_line, $"{key}: unexpected '{Current}' after the value");
        return new XlSetting(line, key, value);
    }

    private XlValue Value(string key) => Current switch
    {
        '"' or '\'' => Quoted(key),
        '[' => List(key),
        >= '0' and <= '9' or '-' => new XlValue.Text(_line, TakeWhile(static c => char.IsAsciiHexDigit(c) || c is 'x' or 'X' or '-')),
        '\n' or ';' or '#' or '\0' => throw new XlConfigException(_line, $"{key}: the value is missing"),
        var other => throw new XlConfigException(_line, $"{key}: a value is a number, a quoted string or a list; found '{other}'"),
    };

    private XlValue.Text Quoted(string key)
    {
        var line = _line;
        var quote = Current;
        Advance();
        var content = new StringBuilder();
        while (Current != quote)
        {
            if (Current is '\n' or '\0')
                throw new XlConfigException(line, $"{key}: the string has no closing {quote}");
            if (Current == '\\' && _at + 1 < _text.Length && _text[_at + 1] != '\n')
                Advance();
            content.Append(Current);
            Advance();
        }

        Advance();
        return new XlValue.Text(line, content.ToString());
    }

    private XlValue.List List(string key)
    {
        var line = _line;
        var items = new List<XlValue>();
        Advance();
        while (true)
        {
            SkipSpace();
            if (Current == ']')
                break;
            if (Current == '\0')
                throw new XlConfigException(line, $"{key}: the list has no closing ]");
            items.Add(Value(key));
            SkipSpace();
            if (Current == ',')
                Advance();
            else if (Current is not (']' or '\0'))
                throw new XlConfigException(_line, $"{key}: expected ',' or ']' in the list, found '{Current}'");
        }

        Advance();
        return new XlValue.List(line, items);
    }

    private bool SkipToSetting()
    {
        SkipSpace();
        while (Current == ';')
        {
            Advance();
            SkipSpace();
        }

        return Current != '\0';
    }

    private void SkipBlanks()
    {
        while (Current is ' ' or '\t' or '\r')
            Advance();
    }

    private void SkipSpace()
    {
        while (Current is ' ' or '\t' or '\r' or '\n' or '#')
        {
            if (Current == '#')
                TakeWhile(static c => c != '\n');
            else
                Advance();
        }
    }

    private string TakeWhile(Func<char, bool> accept)
    {
        var start = _at;
        while (_at < _text.Length && accept(_text[_at]))
            Advance();
        return _text[start.._at];
    }

    private void Advance()
    {
        if (Current == '\n')
            _line++;
        _at++;
    }
}
