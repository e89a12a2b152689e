using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Options;
using Npgsql;
using Spectre.Console;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps;

/// <summary>What an admin asked for and cannot have, in a sentence that says what he can.</summary>
internal sealed class RefusedException(string sentence) : Exception(sentence);

/// <summary>The frame of the admin commands, <c>sungrow-vps &lt;noun&gt; &lt;verb&gt;</c>: they work on the database that the settings
/// name, beside servers that may be running. Whatever fails is one line on standard error. Exit code 1: refused, or failed; 2: a wrong word or
/// setting.</summary>
internal static class Admin
{
    private const int Failed = 1;
    private const int WrongWord = 2;

    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON." };

    public static Command Verb(string name, string description, Func<AdminSession, Task> work, params ReadOnlySpan<Symbol> words)
    {
        var verb = new Command(name, description) { TreatUnmatchedTokensAsErrors = false }; // --DATABASE_URL=.. is one.
        foreach (var word in words)
        {
            if (word is Argument argument)
            {
                verb.Arguments.Add(argument);
            }
            else
            {
                verb.Options.Add((Option)word);
            }
        }

        verb.Options.Add(Json);
        verb.SetAction((parsed, cancellationToken) => RunAsync(parsed, work, cancellationToken));
        return verb;
    }

    /// <summary>Says what is wrong with the words of the command line.</summary>
    public static int Refuse(ParseResult parsed) =>
        Fail(WrongWord, [.. parsed.Errors.Select(error => $"{error.Message.TrimEnd()} See --help.")]);

    private static async Task<int> RunAsync(ParseResult parsed, Func<AdminSession, Task> work, CancellationToken cancellationToken)
    {
        WebApplication app;
        try
        {
            Settings.CheckArguments([.. parsed.UnmatchedTokens]);
            app = Program.Build([.. parsed.UnmatchedTokens, "--Logging:LogLevel:Default=None", "--Logging:LogLevel:Npgsql=None"]);
            app.Services.GetRequiredService<IStartupValidator>().Validate();
        }
        catch (Exception failure) when (Settings.Complaints(failure) is { Count: > 0 } complaints)
        {
            return Fail(WrongWord, [.. complaints]);
        }

        await using (app)
        {
            try
            {
                var source = app.Services.GetRequiredService<NpgsqlDataSource>();
                await using var connection = await source.OpenConnectionAsync(cancellationToken);
                await work(new AdminSession(parsed, app.Services, connection, parsed.GetValue(Json), cancellationToken));
                return 0;
            }
            catch (RefusedException refused)
            {
                return Fail(Failed, refused.Message);
            }
            catch (PostgresException missing) when (missing.SqlState == PostgresErrorCodes.UndefinedTable)
            {
                return Fail(Failed, "The database has no tables yet, or those of an older version: start sungrow-vps on it once.");
            }
            catch (PostgresException used) when (used.SqlState == PostgresErrorCodes.ForeignKeyViolation)
            {
                return Fail(Failed, "Somebody changed the same thing at the same moment, so nothing was done: look again, and repeat it.");
            }
            catch (Exception failure) when (DatabaseErrors.IsUnavailable(failure))
            {
                var name = app.Services.GetRequiredService<Database>().Name;
                return Fail(Failed, $"The database {name} is not available: {DatabaseErrors.Describe(failure)}");
            }
        }
    }

    private static int Fail(int code, params ReadOnlySpan<string> lines)
    {
        foreach (var line in lines)
        {
            Console.Error.WriteLine($"sungrow-vps: {line}");
        }

        return code;
    }
}

/// <summary>One admin command at work.</summary>
internal sealed class AdminSession(
    ParseResult words, IServiceProvider services, NpgsqlConnection connection, bool json, CancellationToken cancellationToken)
{
    private const string Minute = "yyyy-MM-dd HH:mm'Z'";

    public NpgsqlConnection Connection => connection;

    public CancellationToken CancellationToken => cancellationToken;

    public T Service<T>() where T : notnull => services.GetRequiredService<T>();

    public T Word<T>(Argument<T> argument) => words.GetRequiredValue(argument);

    public T? Word<T>(Option<T> option) => words.GetValue(option);

    /// <summary>All of <paramref name="work"/> or nothing.</summary>
    public async Task<T> TransactAsync<T>(Func<Task<T>> work)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var result = await work();
        await transaction.CommitAsync(cancellationToken);
        return result;
    }

    /// <returns>The rows touched.</returns>
    public async Task<int> ExecuteAsync(string sql, params object?[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> read, params object?[] values)
    {
        await using var command = Command(sql, values);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        List<T> result = [];
        while (await rows.ReadAsync(cancellationToken))
        {
            result.Add(read(rows));
        }

        return result;
    }

    /// <summary>As JSON where that was asked for, else as <paramref name="print"/> does.</summary>
    public void Say<T>(T answer, JsonTypeInfo<T> form, Action<T> print)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(answer, form));
        }
        else
        {
            print(answer);
        }
    }

    /// <summary>A table that fits into 80 columns.</summary>
    public static void Table<T>(
        IReadOnlyCollection<T> rows, string nothing, params ReadOnlySpan<(string Title, Func<T, string> Cell)> columns)
    {
        if (rows.Count == 0)
        {
            Console.WriteLine(nothing);
            return;
        }

        var table = new Table { Border = TableBorder.Simple };
        foreach (var (title, _) in columns)
        {
            table.AddColumn(new TableColumn(Markup.Escape(title)) { Padding = new(0, 0, 1, 0) });
        }

        foreach (var row in rows)
        {
            var cells = new string[columns.Length];
            for (var i = 0; i < cells.Length; i++)
            {
                cells[i] = Markup.Escape(columns[i].Cell(row));
            }

            table.AddRow(cells);
        }

        AnsiConsole.Write(table);
    }

    /// <summary>One thing: a line for each of its facts.</summary>
    public static void Facts(params ReadOnlySpan<(string Name, string Value)> facts)
    {
        foreach (var (name, value) in facts)
        {
            Console.WriteLine($"{name,-16}{value}");
        }
    }

    public static string Time(DateTimeOffset? time) => time is { } known ? known.UtcDateTime.ToString(Minute) : "-";

    private NpgsqlCommand Command(string sql, object?[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value ?? DBNull.Value });
        }

        return command;
    }
}
