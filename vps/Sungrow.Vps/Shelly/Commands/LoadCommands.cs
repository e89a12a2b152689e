using System.CommandLine;
using System.Text.Json.Serialization;
using Sungrow.Protocol;
using Sungrow.Vps.Devices.Commands;

namespace Sungrow.Vps.Shelly.Commands;

/// <summary><c>sungrow-vps loads</c>: which Shelly devices there are, where they stand, and what hangs on their channels.</summary>
internal static class LoadCommands
{
    private const int LongestName = 64;

    private const string Facts =
        """
        SELECT loads.device_id, channel, loads.name, tenants.name, sites.name, power_w, ts
        FROM loads JOIN load_devices USING (device_id)
        JOIN sites ON sites.id = load_devices.site_id JOIN tenants ON tenants.id = sites.tenant_id
        WHERE ($1::text IS NULL OR tenants.name = $1) AND ($2::text IS NULL OR sites.name = $2)
        ORDER BY tenants.name, sites.name, loads.device_id, channel
        """;

    public static Command Create()
    {
        var device = new Argument<string>("src") { Description = "The Shelly device, as listed." };
        var channel = new Argument<int>("channel") { Description = $"Its channel: 0 .. {ShellyBatchReader.Channels - 1}." };
        var name = new Argument<string>("name") { Description = $"What hangs on it: 1 to {LongestName} characters, or '' for no name." };
        name.Validators.Add(word =>
        {
            if (word.Tokens.Any(token => token.Value.Length > LongestName || token.Value.Any(char.IsControl)))
            {
                word.AddError($"name is too long or not printable; allowed is 1 to {LongestName} characters, or '' for no name.");
            }
        });
        var ofSite = new Option<string?>("--site") { Description = "Only of this site." };
        var site = new Option<string>("--site") { Description = "Where it stands.", Required = true };
        var (tenant, ofTenant) = (RegistryCommands.Tenant(), RegistryCommands.OfTenant());
        return new Command("loads", "What Shelly devices measure.")
        {
            Admin.Verb("list", "List loads, with their newest reading.",
                session => ListAsync(session, session.Word(ofTenant), session.Word(ofSite)), ofTenant, ofSite),
            Admin.Verb("assign", "Say at which site a Shelly device stands; a new one stands at site default.",
                session => AssignAsync(session, session.Word(device), session.Word(tenant)!, session.Word(site)!), device, site, tenant),
            Admin.Verb("name", "Name what hangs on a channel.",
                session => NameAsync(session, session.Word(device), session.Word(channel), session.Word(name).Trim()), device, channel, name),
        };
    }

    private static async Task ListAsync(AdminSession session, string? tenant, string? site) =>
        session.Say(
            await session.QueryAsync(
                Facts,
                row => new LoadFacts(
                    row.GetString(0), row.GetInt32(1), row.IsDBNull(2) ? null : row.GetString(2), row.GetString(3), row.GetString(4),
                    row.GetDouble(5), row.GetFieldValue<DateTimeOffset>(6)),
                tenant, site),
            LoadsJson.Default.ListLoadFacts,
            loads => AdminSession.Table(
                loads, "There is no load; the first batch of messages makes them.",
                ("src", load => load.DeviceId), ("ch", load => $"{load.Channel}"), ("name", load => load.Name ?? "-"),
                ("tenant", load => load.Tenant), ("site", load => load.Site), ("W", load => $"{load.PowerW:0.#}"),
                ("at (UTC)", load => AdminSession.Time(load.Ts))));

    private static async Task AssignAsync(AdminSession session, string device, string tenant, string site)
    {
        await SiteCommands.FindAsync(session, tenant, site);
        if (await session.ExecuteAsync(
            """
            UPDATE load_devices SET site_id = sites.id FROM sites JOIN tenants ON tenants.id = sites.tenant_id
            WHERE load_devices.device_id = $1 AND tenants.name = $2 AND sites.name = $3
            """,
            device, tenant, site) == 0)
        {
            throw Unknown();
        }

        session.Say(new(device, null, null, tenant, site), LoadsJson.Default.LoadChange, _ =>
            Console.WriteLine($"The loads of {device} belong to site {site} of tenant {tenant}."));
    }

    private static async Task NameAsync(AdminSession session, string device, int channel, string name)
    {
        if (await session.ExecuteAsync(
            "UPDATE loads SET name = nullif($3, '') WHERE device_id = $1 AND channel = $2", device, channel, name) == 0)
        {
            throw Unknown();
        }

        session.Say(new(device, channel, name.Length > 0 ? name : null, null, null), LoadsJson.Default.LoadChange, _ =>
            Console.WriteLine(name.Length > 0 ? $"Channel {channel} of {device} is {name}." : $"Channel {channel} of {device} has no name."));
    }

    private static RefusedException Unknown() =>
        new("No reading of this device and channel has come, and only what has sent one is known. See: sungrow-vps loads list");
}

internal sealed record LoadFacts(
    string DeviceId, int Channel, string? Name, string Tenant, string Site, double PowerW, DateTimeOffset Ts);

/// <param name="Channel">Null: all of the device.</param>
internal sealed record LoadChange(
    string DeviceId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Channel,
    string? Name,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Tenant,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Site);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(List<LoadFacts>))]
[JsonSerializable(typeof(LoadChange))]
internal sealed partial class LoadsJson : JsonSerializerContext;
