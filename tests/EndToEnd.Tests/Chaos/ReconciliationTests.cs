using System.Globalization;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>The judge is judged: each way in which a balance can be wrong is seen.</summary>
public class ReconciliationTests
{
    private static readonly Guid Id = Guid.NewGuid();
    private static readonly DateTimeOffset First = new(2026, 6, 1, 10, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Rows_that_are_each_in_one_place_close_the_balance()
    {
        // 1 .. 3 stored, 4 conflicting, 5 elsewhere, 6 dead-lettered, 7 evicted, 8 held, 9 waiting.
        var buffer = Buffer(9) with
        {
            Cursor = 8,
            DeadLetters = new HashSet<long> { 6 },
            Evicted = new HashSet<long> { 7 },
            Held = new HashSet<long> { 8 },
            Rows = Rows(9).Where(row => row.Key is not 6 and not 7).ToDictionary(),
            Counters = new(9, 5, 1, 1),
        };
        var server = Server(buffer, 1, 2, 3) with { Conflicting = [4], Elsewhere = [5] };

        var balance = Reconciliation.Of(buffer, server, Served(9));

        Assert.True(balance.Closes, $"{balance}");
        Assert.Equal(
            (9, 3, 1, 1, 2, 1, 1),
            (balance.Committed, balance.Stored, balance.Conflicting, balance.Elsewhere, balance.Waiting, balance.DeadLettered, balance.Evicted));
    }

    [Fact]
    public void An_acknowledged_row_that_the_VPS_does_not_have_is_lost()
    {
        var buffer = Buffer(3);

        var balance = Reconciliation.Of(buffer, Server(buffer, 1, 3), Served(3));

        Assert.Equal([2L], balance.Lost);
        Assert.False(balance.Closes);
    }

    [Fact]
    public void A_row_that_is_stored_twice_is_doubled()
    {
        var buffer = Buffer(3);

        var balance = Reconciliation.Of(buffer, Server(buffer, 1, 2, 3, 2), Served(3));

        Assert.Equal([2L], balance.Doubled);
        Assert.False(balance.Closes);
    }

    [Fact]
    public void A_dead_letter_that_is_stored_too_is_doubled()
    {
        var buffer = Buffer(3) with { DeadLetters = new HashSet<long> { 2 }, Counters = new(3, 2, 1, 0) };

        Assert.Equal([2L], Reconciliation.Of(buffer, Server(buffer, 1, 2, 3), Served(3)).Doubled);
    }

    [Fact]
    public void An_evicted_row_whose_answer_was_lost_counts_as_stored()
    {
        var buffer = Buffer(3) with { Evicted = new HashSet<long> { 2 }, Counters = new(3, 2, 0, 1) };

        var balance = Reconciliation.Of(buffer, Server(buffer, 1, 2, 3), Served(3));

        Assert.True(balance.Closes, $"{balance}");
        Assert.Equal((3, 0, 1), (balance.Stored, balance.Evicted, balance.EvictedButStored));
    }

    [Fact]
    public void A_row_that_the_buffer_has_forgotten_is_seen()
    {
        // It came back from a kill without its last row, which the VPS had already.
        var buffer = Buffer(3);

        AssertWrong(buffer, Server(buffer, 1, 2, 3, 4), Served(4), "never committed");
    }

    [Fact]
    public void A_waiting_row_that_is_gone_is_seen()
    {
        var buffer = Buffer(3) with { Cursor = 2, Rows = Rows(2), Counters = new(3, 2, 0, 0) };

        AssertWrong(buffer, Server(buffer, 1, 2), Served(3), "row 3 waits, but is not in the buffer");
    }

    [Fact]
    public void A_row_in_two_places_of_the_edge_is_seen()
    {
        var buffer = Buffer(3) with { DeadLetters = new HashSet<long> { 2 }, Evicted = new HashSet<long> { 2 }, Counters = new(3, 2, 1, 1) };

        AssertWrong(buffer, Server(buffer, 1, 3), Served(3), "several places");
    }

    [Fact]
    public void A_counter_that_its_rows_contradict_is_seen()
    {
        var buffer = Buffer(3) with { Counters = new(4, 3, 0, 0) };

        AssertWrong(buffer, Server(buffer, 1, 2, 3), Served(3), "counters");
    }

    [Fact]
    public void A_report_that_says_something_else_is_seen()
    {
        var buffer = Buffer(3);

        AssertWrong(buffer, Server(buffer, 1, 2, 3) with { Reported = new(2, 2, 0, 0) }, Served(3), "last report");
    }

    [Fact]
    public void A_stored_value_that_the_buffer_does_not_have_is_seen()
    {
        var buffer = Buffer(3);
        var server = Server(buffer, 1, 2, 3);
        server = server with { Stored = [.. server.Stored.Take(2), server.Stored[2] with { Metrics = Values(99) }] };

        AssertWrong(buffer, server, Served(3), "row 3 is stored as");
    }

    [Fact]
    public void A_value_that_the_inverter_never_served_is_seen()
    {
        var buffer = Buffer(3);

        AssertWrong(buffer, Server(buffer, 1, 2, 3), ServedBook.Of(Lines(1).Concat(Lines(3))), "row 2 holds what the inverter did not serve");
    }

    [Theory]
    [InlineData(1, true)] // The daily counter, of a clock that nobody trusts.
    [InlineData(0, false)]
    [InlineData(6, false)]
    public void A_value_that_is_missing_is_seen(int metric, bool allowed)
    {
        var rows = Rows(2);
        rows[2] = rows[2] with { Metrics = new([.. Values(2).Values.Select((value, index) => index == metric ? null : value)]) };
        var buffer = Buffer(2) with { Rows = rows };

        Assert.Equal(allowed, Reconciliation.Of(buffer, Server(buffer, 1, 2), Served(2)).Closes);
    }

    [Fact]
    public void One_poll_that_became_two_rows_is_seen()
    {
        var rows = Rows(2);
        rows[2] = rows[2] with { Metrics = rows[1].Metrics };
        var buffer = Buffer(2) with { Rows = rows };
        var server = Server(buffer, 1, 2);

        AssertWrong(buffer, server, Served(2), "row 2 holds what the inverter did not serve");
    }

    [Fact]
    public void A_row_of_another_buffer_is_seen()
    {
        var buffer = Buffer(1);

        AssertWrong(buffer, Server(buffer, 1) with { Strangers = 1 }, Served(1), "no buffer of this edge");
    }

    [Fact]
    public void A_poll_that_was_broken_off_and_an_answer_that_a_fault_bent_are_nobodys_row()
    {
        var buffer = Buffer(2);
        var bent = Lines(7).Select(line => line.Replace("{\"values\"", "{\"faults\":[\"zeros\"],\"values\"", StringComparison.Ordinal));
        var served = ServedBook.Of(Lines(1).Concat(Lines(5).Take(1)).Concat(bent).Concat(Lines(2)));

        var balance = Reconciliation.Of(buffer, Server(buffer, 1, 2), served);

        Assert.True(balance.Closes, $"{balance}");
        Assert.Equal(2, balance.Served);
    }

    private static void AssertWrong(BufferBook buffer, ServerBook server, ServedBook served, string sentence)
    {
        var balance = Reconciliation.Of(buffer, server, served);

        Assert.Contains(balance.Wrong, wrong => wrong.Contains(sentence, StringComparison.Ordinal));
        Assert.False(balance.Closes);
    }

    /// <summary>Everything in it is acknowledged.</summary>
    private static BufferBook Buffer(int rows) =>
        new(Id, rows, rows, Rows(rows), new HashSet<long>(), new HashSet<long>(), new HashSet<long>(), new(rows, rows, 0, 0));

    private static Dictionary<long, BookedRow> Rows(int rows) =>
        Enumerable.Range(1, rows).ToDictionary(seq => (long)seq, seq => new BookedRow(First.AddSeconds(seq), Values(seq)));

    private static ServerBook Server(BufferBook buffer, params long[] stored) =>
        new([.. stored.Select(seq => Stored(buffer, seq))], [], [], 0, buffer.Counters);

    private static StoredSample Stored(BufferBook buffer, long seq) =>
        buffer.Rows.TryGetValue(seq, out var row)
            ? new(seq, row.Ts!.Value, row.Metrics)
            : new(seq, First.AddSeconds(seq), Values((int)seq));

    private static Metrics Values(int seq) => new([.. Enumerable.Range(1, Metrics.Names.Length).Select(metric => (double?)((seq * 10) + metric))]);

    private static ServedBook Served(int polls) => ServedBook.Of(Enumerable.Range(1, polls).SelectMany(Lines));

    /// <summary>Two blocks with values and, as in a real poll, one without.</summary>
    private static IEnumerable<string> Lines(int seq)
    {
        var values = Metrics.Names.Zip(Values(seq).Values, (name, value) => string.Create(CultureInfo.InvariantCulture, $"\"{name}\":{value}")).ToList();
        return [$"{{\"values\":{{{string.Join(',', values[..2])}}}}}", "{\"values\":{}}", $"{{\"values\":{{{string.Join(',', values[2..])}}}}}"];
    }
}
