using Sungrow.Edge.Commands;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public class ComplaintTests
{
    private const string Sentence =
        "sungrow-edge: The buffer /var/lib/sungrow-edge/buffer.db is in use by another sungrow-edge: one daemon per buffer.";

    [Fact]
    public void In_a_terminal_a_sentence_is_broken_between_words()
    {
        Assert.Equal(
            [
                "sungrow-edge: The buffer /var/lib/sungrow-edge/buffer.db is in use by another",
                "sungrow-edge: one daemon per buffer.",
            ],
            Complaint.Wrap(Sentence, 80).Split(Environment.NewLine));
        Assert.All(Complaint.Wrap(Sentence, 40).Split(Environment.NewLine), line => Assert.InRange(line.Length, 1, 40));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(200)]
    public void Elsewhere_and_where_there_is_room_it_stays_one_line(int columns) => Assert.Equal(Sentence, Complaint.Wrap(Sentence, columns));

    [Fact]
    public void A_path_longer_than_a_line_stays_whole()
    {
        var path = "/" + new string('x', 100);

        var lines = Complaint.Wrap($"sungrow-edge: {path} is not there.", 60).Split(Environment.NewLine);

        Assert.Equal(["sungrow-edge:", path, "is not there."], lines);
    }
}
