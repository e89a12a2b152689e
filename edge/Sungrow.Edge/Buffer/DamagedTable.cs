using Microsoft.Data.Sqlite;

namespace Sungrow.Edge.Buffer;

/// <summary>Reads what can be read of a table in a damaged file: in the order of its keys, around the pages that are bad.</summary>
/// <param name="last">No key lies beyond it.</param>
internal sealed class DamagedTable(SqliteConnection connection, string table, string columns, long last)
{
    private const int Step = 500;

    /// <summary>Keys that may have been on bad pages.</summary>
    public long Skipped { get; private set; }

    /// <param name="map">Reads the columns; throws for values that make no sense.</param>
    /// <param name="after">Keys up to this one are not asked for.</param>
    public IEnumerable<T> Rows<T>(Func<SqliteDataReader, T> map, long after = 0)
    {
        while (after < last)
        {
            var (rows, read, isDamaged) = Read(map, after);
            foreach (var row in rows)
            {
                yield return row;
            }

            if (!isDamaged && read == after)
            {
                yield break;
            }

            after = isDamaged ? PassBadPages(read) : read;
        }
    }

    /// <summary>Corrupt, not a database, a missing table, or a value that is none.</summary>
    public static bool IsDamage(Exception exception) =>
        exception is SqliteException { SqliteErrorCode: 1 or 11 or 26 } or InvalidCastException or FormatException or OverflowException
            or InvalidOperationException or ArgumentException;

    private (List<T> Rows, long Read, bool IsDamaged) Read<T>(Func<SqliteDataReader, T> map, long after)
    {
        List<T> rows = [];
        try
        {
            using var select = connection.CreateCommand();
            select.CommandText = $"SELECT {columns}, rowid AS key FROM {table} WHERE rowid > $after AND rowid <= $last ORDER BY rowid LIMIT {Step}";
            select.Parameters.AddWithValue("$after", after);
            select.Parameters.AddWithValue("$last", last);
            using var reader = select.ExecuteReader();
            var key = reader.FieldCount - 1;
            while (reader.Read())
            {
                var row = reader.GetInt64(key);
                if (row <= after)
                {
                    // Bad pages that lead back to where we were.
                    return (rows, after, true);
                }

                try
                {
                    rows.Add(map(reader));
                }
                catch (Exception senseless) when (IsDamage(senseless))
                {
                    Skipped++;
                }

                after = row;
            }

            return (rows, after, false);
        }
        catch (SqliteException broken) when (IsDamage(broken))
        {
            return (rows, after, true);
        }
    }

    /// <returns>The first key after which reading works again.</returns>
    private long PassBadPages(long after)
    {
        long step = 1;
        while (after + step < last && !Works(after + step))
        {
            step *= 2;
        }

        // Between half of it, where it failed, and all of it, where it works or all ends.
        var (bad, good) = (after + (step / 2), Math.Min(after + step, last));
        while (bad + 1 < good)
        {
            var middle = bad + ((good - bad) / 2);
            (bad, good) = Works(middle) ? (bad, middle) : (middle, good);
        }

        Skipped += good - after;
        return good;
    }

    private bool Works(long after)
    {
        try
        {
            // With the columns: a key may be readable whose row is not.
            _ = connection.Rows($"SELECT {columns} FROM {table} WHERE rowid > $after ORDER BY rowid LIMIT 1", _ => true, ("$after", after));
            return true;
        }
        catch (SqliteException broken) when (IsDamage(broken))
        {
            return false;
        }
    }
}
