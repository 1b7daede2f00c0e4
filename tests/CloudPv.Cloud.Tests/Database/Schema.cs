using Npgsql;

namespace CloudPv.Cloud.Tests;

/// <summary>A database's whole schema as lines of text, in an order of its own, with the rows of seeded tables.</summary>
internal static class Schema
{
    private static readonly string[] Queries =
    [
        """
        SELECT table_name || '.' || column_name || ' ' || data_type || coalesce('(' || character_maximum_length || ')', '')
            || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
            || coalesce(' DEFAULT ' || column_default, '') || coalesce(' IDENTITY ' || identity_generation, '')
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '__EFMigrationsHistory'
        """,
        """
        SELECT c.conrelid::regclass || ' CONSTRAINT ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
        FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
        WHERE n.nspname = 'public' AND c.conrelid::regclass::text <> '"__EFMigrationsHistory"'
        """,
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '__EFMigrationsHistory'",
        "SELECT 'SEQUENCE ' || sequence_name || ' ' || data_type FROM information_schema.sequences WHERE sequence_schema = 'public'",
        "SELECT 'TYPE ' || name || ' ' || vcpus || ' ' || memory_mib || ' ' || cpu_weight || ' ' || cpu_cap FROM instance_types",
    ];

    public static async Task<IReadOnlyList<string>> ReadAsync(string connectionString)
    {
        var lines = new List<string>();
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        foreach (var query in Queries)
        {
            await using var command = new NpgsqlCommand(query, connection);
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                lines.Add(reader.GetString(0));
        }
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }
}
