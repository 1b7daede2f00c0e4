using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace CloudPv.Cloud;

/// <summary>Stores an enum as its word.</summary>
internal sealed class EnumWordConverter<T>() : ValueConverter<T, string>(value => value.ToWord(), word => EnumWords.Parse<T>(word)!.Value)
    where T : struct, Enum;
