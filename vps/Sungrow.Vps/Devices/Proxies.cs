using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices;

/// <summary>Behind a proxy every request comes from its address; the one that it forwards is believed from those named in
/// <c>TRUSTED_PROXIES</c> and from nobody else, as anybody may write such a header.</summary>
internal static class Proxies
{
    public const string Form = "addresses and networks, for example 127.0.0.1,10.0.0.0/8";

    public static bool TryParse(string text, out List<System.Net.IPNetwork> networks)
    {
        networks = [];
        foreach (var entry in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (IPAddress.TryParse(entry, out var address))
            {
                networks.Add(new(address, address.GetAddressBytes().Length * 8));
            }
            else if (System.Net.IPNetwork.TryParse(entry, out var network))
            {
                networks.Add(network);
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    public static void AddTrustedProxies(this IServiceCollection services) =>
        services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<DevicesOptions>>((forwarded, devices) =>
        {
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            if (TryParse(devices.Value.TrustedProxies, out var networks) && networks.Count > 0)
            {
                networks.ForEach(forwarded.KnownIPNetworks.Add);
                forwarded.ForwardLimit = null; // Back through every trusted one.
                forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            }
        });
}
