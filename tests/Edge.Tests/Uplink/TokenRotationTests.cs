using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class TokenRotationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_token_in_the_file_is_used_from_the_next_401_on_without_a_restart()
    {
        await using var vps = await ScriptedVps.StartAsync();
        using var api = Api(vps, "old-token");
        Assert.IsType<Answered<IngestAnswer>>(await api.IngestAsync(Batches.Of(1), Cancelled));
        File.WriteAllText(_folder.File("token"), "new-token\n");
        vps.Next(Answers.Problem(401, "TOKEN_INVALID"));

        Assert.IsType<Answered<IngestAnswer>>(await api.IngestAsync(Batches.Of(7), Cancelled));
        Assert.IsType<Answered<IngestAnswer>>(await api.IngestAsync(Batches.Of(1), Cancelled));

        Assert.Equal(
            ["old-token", "old-token", "new-token", "new-token"],
            vps.Requests.Select(request => request.Headers["Authorization"]["Bearer ".Length..]));
        Assert.Equal(vps.Requests[1].Raw, vps.Requests[2].Raw);
    }

    /// <summary>Null: the file is gone.</summary>
    [Theory]
    [InlineData("old-token")]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("für-alle")]
    [InlineData(null)]
    public async Task A_file_that_holds_no_other_token_changes_nothing(string? content)
    {
        await using var vps = await ScriptedVps.StartAsync();
        using var api = Api(vps, "old-token");
        File.Delete(_folder.File("token"));
        if (content is not null)
        {
            File.WriteAllText(_folder.File("token"), content);
        }

        vps.Next(Answers.Problem(401, "TOKEN_INVALID"));

        Assert.Equal(401, Assert.IsType<Refused<IngestAnswer>>(await api.IngestAsync(Batches.Of(1), Cancelled)).Status);
        Assert.Single(vps.Requests);
    }

    [Fact]
    public async Task Another_s_401_does_not_make_it_look()
    {
        await using var vps = await ScriptedVps.StartAsync();
        using var api = Api(vps, "old-token");
        File.WriteAllText(_folder.File("token"), "new-token");
        vps.Next(Answers.Plain(401, "text/html", "<h1>Sign in</h1>"));

        Assert.IsType<NoAnswer<IngestAnswer>>(await api.IngestAsync(Batches.Of(1), Cancelled));
        Assert.Single(vps.Requests);
    }

    public void Dispose() => _folder.Dispose();

    private IngestApi Api(ScriptedVps vps, string token)
    {
        File.WriteAllText(_folder.File("token"), token);
        return Batches.Api(vps.Url, more: options =>
        {
            options.Token = null;
            options.TokenFile = _folder.File("token");
        });
    }
}
