using Microsoft.Data.Sqlite;
using Sungrow.Edge.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class RefusalTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Path => _folder.File("buffer.db");

    [Fact]
    public void A_second_daemon_on_the_same_buffer_is_refused_and_the_first_goes_on()
    {
        using var first = SampleBuffer.Open(Path, "boot");

        Assert.Contains("in use by another sungrow-edge", Refusal(Path));

        Assert.Equal(1, first.Append(Rows.Number(1)));
    }

    [Fact]
    public void A_buffer_that_was_closed_can_be_opened_by_the_next()
    {
        SampleBuffer.Open(Path, "boot").Dispose();
        SampleBuffer.Open(Path, "boot").Dispose();
    }

    [Fact]
    public void A_refused_open_leaves_the_buffer_free()
    {
        File.WriteAllText(Path, "no database");
        Refusal(Path);
        File.Delete(Path);

        SampleBuffer.Open(Path, "boot").Dispose();
    }

    [Fact]
    public void Another_programs_database_is_refused_and_not_touched()
    {
        Sql(Path, "CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')");
        var before = File.ReadAllBytes(Path);

        Assert.Contains("is a database, but not a buffer of sungrow-edge", Refusal(Path));
        Assert.Contains("is a database, but not a buffer of sungrow-edge", StatusRefusal(Path));

        Assert.Equal(before, File.ReadAllBytes(Path));
    }

    [Fact]
    public void Another_programs_database_without_a_table_yet_is_refused_too()
    {
        Sql(Path, "PRAGMA application_id = 1234");
        var before = File.ReadAllBytes(Path);

        Assert.Contains("not a buffer of sungrow-edge", Refusal(Path));

        Assert.Equal(before, File.ReadAllBytes(Path));
    }

    [Fact]
    public void A_newer_format_is_refused_and_not_touched()
    {
        using (var buffer = SampleBuffer.Open(Path, "boot"))
        {
            buffer.AppendMany(1, 3);
        }

        Sql(Path, "PRAGMA user_version = 4");
        var before = File.ReadAllBytes(Path);

        Assert.Contains("written by a newer sungrow-edge (format 4, this one knows 3)", Refusal(Path));
        Assert.Contains("written by a newer sungrow-edge (format 4, this one knows 3)", StatusRefusal(Path));

        Assert.Equal(before, File.ReadAllBytes(Path));
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused_and_not_touched()
    {
        File.WriteAllText(Path, string.Join('\n', Enumerable.Repeat("Dear diary, today the sun shone.", 200)));
        var before = File.ReadAllBytes(Path);

        Assert.Contains("it is not a database", Refusal(Path));
        Assert.Contains("it is not a database", StatusRefusal(Path));

        Assert.Equal(before, File.ReadAllBytes(Path));
    }

    [Fact]
    public void An_empty_file_becomes_a_buffer()
    {
        File.WriteAllBytes(Path, []);

        using var buffer = SampleBuffer.Open(Path, "boot");

        Assert.Equal(1, buffer.Append(Rows.Number(1)));
    }

    [Fact]
    public void A_missing_folder_is_named() =>
        Assert.Contains("its folder does not exist", Refusal(_folder.File("not/there/buffer.db")));

    [Fact]
    public void A_folder_in_the_files_place_is_refused()
    {
        Directory.CreateDirectory(Path);

        Refusal(Path);
    }

    [Fact]
    public void A_path_beneath_a_file_is_refused()
    {
        File.WriteAllText(_folder.File("file"), "");

        Refusal(_folder.File("file/buffer.db"));
    }

    [Fact]
    public void A_folder_where_nobody_may_write_is_named()
    {
        Assert.SkipUnless(Directory.Exists("/sys/kernel"), "needs /sys, where not even root may make a file");

        Assert.Contains("this user may not write there", Refusal("/sys/kernel/buffer.db"));
    }

    [Fact]
    public void Status_without_a_buffer_says_who_makes_it() =>
        Assert.Contains("made by the first 'sungrow-edge run'", StatusRefusal(Path));

    public void Dispose() => _folder.Dispose();

    private static string Refusal(string path) =>
        IsOneSentence(Assert.Throws<BufferUnavailableException>(() => SampleBuffer.Open(path, "boot-2")), path);

    private static string StatusRefusal(string path) =>
        IsOneSentence(Assert.Throws<BufferUnavailableException>(() => SampleBuffer.ReadState(path)), path);

    private static string IsOneSentence(Exception refusal, string path)
    {
        Assert.IsType<BufferUnavailableException>(refusal);
        Assert.Contains(path, refusal.Message);
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.DoesNotContain("Exception", refusal.Message);
        return refusal.Message;
    }

    private static void Sql(string path, string sql)
    {
        NativeSqlite.Load();
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
