using System.Numerics;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Uplink;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class DissectionTests
{
    [Fact]
    public void One_bad_row_wherever_it_stands_is_found_and_the_rest_sent_in_the_promised_number_of_requests()
    {
        for (var rows = 1; rows <= 130; rows++)
        {
            for (var bad = 0; bad < rows; bad++)
            {
                var (requests, deadLettered, taken) = Drain(rows, [bad]);

                Assert.Equal([bad], deadLettered);
                Assert.Equal(Enumerable.Range(0, rows).Where(row => row != bad), taken);
                Assert.True(requests <= Promised(rows), $"{requests} for row {bad} of {rows}");
            }
        }
    }

    [Theory]
    [InlineData(500, 0)]
    [InlineData(500, 249)]
    [InlineData(500, 250)]
    [InlineData(500, 499)]
    [InlineData(5_000, 4_095)]
    public void The_bound_holds_for_full_batches_too(int rows, int bad) => Assert.True(Drain(rows, [bad]).Requests <= Promised(rows));

    [Theory]
    [InlineData(64, new[] { 0, 63 })]
    [InlineData(64, new[] { 0, 1, 2 })]
    [InlineData(64, new[] { 30, 31, 32, 33 })]
    [InlineData(100, new[] { 5, 17, 50, 51, 98, 99 })]
    public void Each_bad_row_of_several_costs_no_more_than_a_single_one(int rows, int[] bad)
    {
        var (requests, deadLettered, taken) = Drain(rows, [.. bad]);

        Assert.Equal(bad, deadLettered);
        Assert.Equal(rows - bad.Length, taken.Count);
        Assert.True(requests <= bad.Length * Promised(rows), $"{requests}");
    }

    [Fact]
    public void All_bad_are_all_found() => Assert.Equal(Enumerable.Range(0, 40), Drain(40, [.. Enumerable.Range(0, 40)]).DeadLettered);

    [Fact]
    public void Rows_that_are_known_to_be_bad_are_left_out_and_the_others_stay_in_order()
    {
        var dissection = new Dissection();
        var batch = Batch(0, 5);
        Assert.Same(batch, dissection.Sound(batch));
        Assert.Null(dissection.Verdicts(batch));

        dissection.Judge(2, new DeadLetter("EMPTY_SAMPLE", ""));
        dissection.Judge(4, new DeadLetter("EMPTY_SAMPLE", ""));

        Assert.True(dissection.IsOpen);
        Assert.Equal([1, 3, 5], dissection.Sound(batch).Samples.Select(row => row.Seq));
        Assert.Equal([2, 4], dissection.Verdicts(batch)!.Keys.Order());
        Assert.Equal([2], dissection.Verdicts(Batch(0, 3))!.Keys);
        dissection.Settled(batch);
        Assert.False(dissection.IsOpen);
    }

    private static int Promised(int rows) => 1 + (2 * (BitOperations.Log2((uint)rows) + (BitOperations.IsPow2(rows) ? 0 : 1)));

    /// <summary>A queue of <paramref name="rows"/> rows, before a server that does not say which it refuses.</summary>
    private static (int Requests, List<int> DeadLettered, List<int> Taken) Drain(int rows, HashSet<int> bad)
    {
        var dissection = new Dissection();
        var (requests, cursor) = (0, 0);
        List<int> deadLettered = [], taken = [];
        while (cursor < rows)
        {
            var batch = Batch(cursor, Math.Min(rows - cursor, dissection.Take(rows)));
            var sent = dissection.Sound(batch).Samples.Select(row => (int)row.Seq - 1).ToList();
            requests++;
            if (!sent.Exists(bad.Contains))
            {
                taken.AddRange(sent);
            }
            else if (sent.Count > 1)
            {
                dissection.Suspect(batch.Samples.Count);
                continue;
            }
            else
            {
                dissection.Judge(sent[0] + 1, new DeadLetter("MALFORMED_BODY", ""));
                deadLettered.Add(sent[0]);
            }

            cursor += batch.Samples.Count;
            dissection.Settled(batch);
        }

        return (requests, deadLettered, taken);
    }

    private static BufferedBatch Batch(int first, int rows) =>
        new(Rows.Device, [.. Enumerable.Range(first, rows).Select(row => Rows.Row(row + 1, row))]);
}
