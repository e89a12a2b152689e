using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class TlsTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Authority _ours = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_certificate_of_an_authority_in_the_ca_file_is_trusted()
    {
        await using var vps = await ScriptedVps.StartAsync(certificate: _ours.Issue("localhost"));

        Assert.IsType<Answered<IngestAnswer>>(await SendAsync(vps, caFile: _ours.Pem));

        Assert.Single(vps.Requests);
    }

    [Fact]
    public async Task A_ca_file_may_hold_several_authorities()
    {
        await using var vps = await ScriptedVps.StartAsync(certificate: _ours.Issue("localhost"));
        using var older = new Authority();

        Assert.IsType<Answered<IngestAnswer>>(await SendAsync(vps, caFile: older.Pem + "\n" + _ours.Pem));
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_refused_and_nothing_is_sent()
    {
        await using var vps = await ScriptedVps.StartAsync(certificate: _ours.Issue("localhost"));

        Assert.Contains("no certificate that can be trusted", Refusal(await SendAsync(vps, caFile: null)));

        Assert.Empty(vps.Requests);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_than_the_ca_file_s_is_refused()
    {
        await using var vps = await ScriptedVps.StartAsync(certificate: _ours.Issue("localhost"));
        using var theirs = new Authority();

        Assert.Contains("no certificate that can be trusted", Refusal(await SendAsync(vps, caFile: theirs.Pem)));

        Assert.Empty(vps.Requests);
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_refused_though_its_authority_is_trusted()
    {
        await using var vps = await ScriptedVps.StartAsync(certificate: _ours.Issue("sungrow.example.net"));

        Assert.Contains("no certificate that can be trusted", Refusal(await SendAsync(vps, caFile: _ours.Pem)));

        Assert.Empty(vps.Requests);
    }

    [Fact]
    public async Task A_certificate_that_is_over_is_refused()
    {
        var over = _ours.Issue("localhost", until: TimeProvider.System.GetUtcNow().AddMinutes(-1));
        await using var vps = await ScriptedVps.StartAsync(certificate: over);

        Assert.Contains("no certificate that can be trusted", Refusal(await SendAsync(vps, caFile: _ours.Pem)));

        Assert.Empty(vps.Requests);
    }

    [Fact]
    public async Task A_server_that_speaks_no_tls_is_no_answer()
    {
        await using var vps = await ScriptedVps.StartAsync();

        Refusal(await SendAsync(vps, caFile: null, scheme: "https"));

        Assert.Empty(vps.Requests);
    }

    public void Dispose()
    {
        _ours.Dispose();
        _folder.Dispose();
    }

    private async Task<Answer<IngestAnswer>> SendAsync(ScriptedVps vps, string? caFile, string scheme = "https")
    {
        using var api = Batches.Api(new Uri($"{scheme}://localhost:{vps.Url.Port}"), more: options =>
        {
            if (caFile is not null)
            {
                options.CaFile = _folder.File("ca.pem");
                File.WriteAllText(options.CaFile, caFile);
            }
        });
        return await api.IngestAsync(Batches.Of(1), Cancelled);
    }

    private static string Refusal(Answer<IngestAnswer> answer) => Assert.IsType<NoAnswer<IngestAnswer>>(answer).Sentence;

    /// <summary>A certificate authority of one test.</summary>
    private sealed class Authority : IDisposable
    {
        private static readonly DateTimeOffset Yesterday = TimeProvider.System.GetUtcNow().AddDays(-1);

        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly X509Certificate2 _certificate;

        public Authority()
        {
            var request = new CertificateRequest($"CN=Home {Guid.NewGuid()}", _key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            _certificate = request.CreateSelfSigned(Yesterday.AddDays(-1), Yesterday.AddDays(30));
        }

        public string Pem => _certificate.ExportCertificatePem();

        public X509Certificate2 Issue(string name, DateTimeOffset? until = null)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], true));
            using var issued = request.Create(_certificate, Yesterday, until ?? Yesterday.AddDays(30), RandomNumberGenerator.GetBytes(8));
            using var whole = issued.CopyWithPrivateKey(key);
            return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
        }

        public void Dispose()
        {
            _certificate.Dispose();
            _key.Dispose();
        }
    }
}
