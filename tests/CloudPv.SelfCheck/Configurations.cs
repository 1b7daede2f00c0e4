using CloudPv.X86;

namespace CloudPv.SelfCheck;

/// <summary>Choices of the translator's switches.</summary>
internal static class Configurations
{
    /// <summary>Each switch on or off by chance, whichever there are.</summary>
    public static TranslatorOptions Draw(int seed)
    {
        var random = new Random(seed);
        var options = new TranslatorOptions();
        foreach (var property in typeof(TranslatorOptions).GetProperties().Where(property => property.PropertyType == typeof(bool)))
            property.SetValue(options, random.Next(2) != 0);
        return options;
    }
}
