using System.Text.Json;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public sealed class DeadLettersTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string?> _settings;

    public DeadLettersTests() => _settings = EdgeProgram.Settings(_folder);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Path => _folder.File("buffer.db");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task They_are_listed_with_their_values_and_why()
    {
        DeadLetterSome();

        var ended = await EdgeProgram.RunAsync(_settings, "dead-letters", "list", "--json");

        Assert.Equal(0, ended.ExitCode);
        var letters = ended.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal([2, 4], letters.Select(letter => letter.GetProperty("seq").GetInt64()));
        Assert.Equal("OUT_OF_RANGE", letters[0].GetProperty("code").GetString());
        Assert.Equal("0 .. 100", letters[0].GetProperty("detail").GetString());
        Assert.Contains("OUT_OF_RANGE", string.Join('\n', (await EdgeProgram.RunAsync(_settings, "dead-letters", "list")).Lines));
    }

    [Fact]
    public async Task Without_any_it_says_so()
    {
        SampleBuffer.Open(Path, "boot").Dispose();

        Assert.Equal(["There are no dead letters."], (await EdgeProgram.RunAsync(_settings, "dead-letters", "list")).Lines);
    }

    [Fact]
    public async Task Retried_one_waits_again_and_the_other_stays()
    {
        DeadLetterSome();

        var ended = await EdgeProgram.RunAsync(_settings, "dead-letters", "retry", "4");

        Assert.Equal(["1 dead letter to be sent again."], ended.Lines);
        var state = SampleBuffer.ReadState(Path);
        Assert.Equal((1, 1), (state.DeadLettered, state.Waiting));
        Assert.Equal(2, Assert.Single(SampleBuffer.ReadDeadLetters(Path)).Sample.Seq);
    }

    [Fact]
    public async Task Dropped_they_are_gone_and_still_counted()
    {
        DeadLetterSome();

        Assert.Equal(["2 dead letters given up."], (await EdgeProgram.RunAsync(_settings, "dead-letters", "drop", "--all")).Lines);

        Assert.Empty(SampleBuffer.ReadDeadLetters(Path));
        Assert.Equal(2, SampleBuffer.ReadState(Path).DeadLettered);
    }

    [Fact]
    public async Task Beside_a_running_daemon_the_order_is_left_for_it_and_it_carries_it_out()
    {
        DeadLetterSome();
        await using var daemon = EdgeProgram.Start(_settings);
        await daemon.LineAsync("Buffer ", cancellationToken: Cancelled);

        var ended = await EdgeProgram.RunAsync(_settings, "dead-letters", "retry", "--all");

        Assert.Equal(0, ended.ExitCode);
        Assert.StartsWith("Left for the running daemon", Assert.Single(ended.Lines), StringComparison.Ordinal);
        await Until.TrueAsync(() => SampleBuffer.ReadState(Path) is { DeadLettered: 0, Waiting: 2 }, cancellationToken: Cancelled);
    }

    [Fact]
    public async Task The_brake_is_released()
    {
        using (var buffer = SampleBuffer.Open(Path, "boot"))
        {
            buffer.SetBrake(new("OUT_OF_RANGE", TimeProvider.System.GetUtcNow()));
        }

        Assert.Equal(["The brake is released."], (await EdgeProgram.RunAsync(_settings, "dead-letters", "release")).Lines);
        Assert.Null(SampleBuffer.ReadState(Path).Brake);
        Assert.Equal(["There was no brake."], (await EdgeProgram.RunAsync(_settings, "dead-letters", "release")).Lines);
    }

    [Theory]
    [InlineData("dead-letters", "retry")]
    [InlineData("dead-letters", "drop")]
    [InlineData("dead-letters", "drop", "--all", "3")]
    [InlineData("dead-letters", "drop", "--Buffer:KeepSent=7.00:00:00")]
    public async Task Without_numbers_or_with_both_it_says_what_is_allowed(params string[] words)
    {
        DeadLetterSome();

        Assert.Equal($"'dead-letters {words[1]}' takes the numbers of dead letters, or --all.", (await EdgeProgram.RunAsync(_settings, words)).Refusal(2));
        Assert.Equal(2, SampleBuffer.ReadDeadLetters(Path).Count());
    }

    [Fact]
    public async Task A_setting_behind_all_is_no_number()
    {
        DeadLetterSome();

        var ended = await EdgeProgram.RunAsync(_settings, "dead-letters", "drop", "--all", "--Buffer:KeepSent=7.00:00:00");

        Assert.Equal(["2 dead letters given up."], ended.Lines);
    }

    private void DeadLetterSome()
    {
        using var buffer = SampleBuffer.Open(Path, "boot", new() { KeepSent = TimeSpan.FromDays(3650) });
        buffer.AppendMany(1, 5);
        var refused = new DeadLetter("OUT_OF_RANGE", "0 .. 100");
        buffer.Settle(buffer.Peek(5)!, new Dictionary<long, Verdict> { [2] = refused, [4] = refused });
    }
}
