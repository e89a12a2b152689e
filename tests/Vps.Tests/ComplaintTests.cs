using Xunit;

namespace Sungrow.Vps.Tests;

public class ComplaintTests
{
    [Fact]
    public void A_sentence_is_broken_between_words_in_a_terminal_alone()
    {
        const string sentence = "sungrow-vps: DATABASE_URL: not set; allowed is postgres://user:password@host:port/database or nothing.";

        Assert.Equal(
            ["sungrow-vps: DATABASE_URL: not set; allowed is", "postgres://user:password@host:port/database or", "nothing."],
            Complaint.Wrap(sentence, 50).Split(Environment.NewLine));
        Assert.Equal(sentence, Complaint.Wrap(sentence, 0));
    }
}
