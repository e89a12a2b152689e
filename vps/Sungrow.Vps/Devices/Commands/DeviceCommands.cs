using System.CommandLine;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices.Commands;

/// <summary><c>sungrow-vps devices</c>: what may send samples, and with which tokens.</summary>
internal static class DeviceCommands
{
    private const string Facts =
        """
        SELECT devices.device_id, tenants.name, sites.name, devices.status, devices.poll_interval_s, devices.first_seen, devices.last_seen,
            devices.created_at,
            array(
                SELECT encode(substring(digest FOR 4), 'hex') FROM device_tokens AS t
                WHERE t.device_id = devices.device_id ORDER BY t.digest),
            array(SELECT not_before FROM device_tokens AS t WHERE t.device_id = devices.device_id ORDER BY t.digest),
            array(SELECT not_after FROM device_tokens AS t WHERE t.device_id = devices.device_id ORDER BY t.digest)
        FROM devices JOIN sites ON sites.id = devices.site_id JOIN tenants ON tenants.id = sites.tenant_id
        WHERE ($1::text IS NULL OR devices.device_id = $1) AND ($2::text IS NULL OR tenants.name = $2)
            AND ($3::text IS NULL OR sites.name = $3)
        ORDER BY tenants.name, sites.name, devices.device_id
        """;

    public static Command Create()
    {
        var id = RegistryCommands.Name("device", "Its device id, unique on the whole server");
        var (tenant, site, overlap) = (RegistryCommands.Tenant(), RegistryCommands.Site(), RegistryCommands.Overlap());
        var ofTenant = RegistryCommands.OfTenant();
        var ofSite = new Option<string?>("--site") { Description = "Only of this site." };
        var undo = new Option<bool>("--undo") { Description = "Let a revoked device in again." };
        return new Command("devices", "What may send samples, and with which tokens.")
        {
            Admin.Verb("add", "Add a device and show its token, once.",
                session => AddAsync(session, session.Word(id), session.Word(tenant)!, session.Word(site)!), id, tenant, site),
            Admin.Verb("list", "List devices.",
                session => ListAsync(session, session.Word(ofTenant), session.Word(ofSite)), ofTenant, ofSite),
            Admin.Verb("show", "Show one device and its tokens (never the tokens themselves).",
                session => ShowAsync(session, session.Word(id)), id),
            Admin.Verb("rotate", "Give a device a new token beside its old ones, and show it, once.",
                session => RotateAsync(session, session.Word(id), session.Word(overlap)), id, overlap),
            Admin.Verb("revoke", "Refuse a device, whatever its token; its data stays.",
                session => RevokeAsync(session, session.Word(id), session.Word(undo)), id, undo),
            Admin.Verb("remove", "Remove a device that has never sent anything.", session => RemoveAsync(session, session.Word(id)), id),
        };
    }

    private static async Task<DeviceFacts> FindAsync(AdminSession session, string id) =>
        (await QueryAsync(session, id, null, null)).SingleOrDefault()
        ?? throw new RefusedException($"There is no device {id}. See: sungrow-vps devices list");

    private static async Task AddAsync(AdminSession session, string id, string tenant, string site)
    {
        await SiteCommands.FindAsync(session, tenant, site);
        var token = await session.TransactAsync(async () =>
        {
            if (await session.ExecuteAsync(
                """
                INSERT INTO devices (device_id, site_id)
                SELECT $1, sites.id FROM sites JOIN tenants ON tenants.id = sites.tenant_id WHERE tenants.name = $2 AND sites.name = $3
                ON CONFLICT (device_id) DO NOTHING
                """,
                id, tenant, site) == 0)
            {
                var holder = await FindAsync(session, id);
                throw new RefusedException(
                    $"{ErrorCodes.DeviceIdTaken}: the device id {id} is in use in tenant {holder.Tenant}, site {holder.Site}, and a device "
                    + $"id is unique on the whole server. Choose another one, or see: sungrow-vps devices show {id}");
            }

            return await IssueAsync(session, id);
        });
        session.Say(new(id, null, tenant, site, token, null), RegistryJson.Default.IssuedToken, issued =>
        {
            Console.WriteLine($"The device {id} is added to tenant {tenant}, site {site}. For its edge's Uplink__Token:");
            RegistryCommands.Show(issued);
        });
    }

    private static async Task ListAsync(AdminSession session, string? tenant, string? site)
    {
        var now = session.Service<TimeProvider>().GetUtcNow();
        session.Say(await QueryAsync(session, null, tenant, site), RegistryJson.Default.ListDeviceFacts, devices => AdminSession.Table(
            devices, "There is no device.",
            ("device", device => device.DeviceId), ("tenant/site", device => $"{device.Tenant}/{device.Site}"),
            ("status", device => device.Status), ("tokens", device => $"{device.Tokens.Count(token => token.IsGoodAt(now))}"),
            ("last seen (UTC)", device => AdminSession.Time(device.LastSeen))));
    }

    private static async Task ShowAsync(AdminSession session, string id) =>
        session.Say(await FindAsync(session, id), RegistryJson.Default.DeviceFacts, device =>
        {
            AdminSession.Facts(
                ("device", device.DeviceId), ("tenant", device.Tenant), ("site", device.Site), ("status", device.Status),
                ("poll interval", $"{device.PollIntervalS} s"), ("first seen", AdminSession.Time(device.FirstSeen)),
                ("last seen", AdminSession.Time(device.LastSeen)), ("created", AdminSession.Time(device.CreatedAt)),
                ("DEVICE_TOKENS", IsOfEnvironment(session, id) ? "names it too" : "does not name it"));
            RegistryCommands.ShowTokens(device.Tokens, session.Service<TimeProvider>().GetUtcNow());
        });

    private static async Task RotateAsync(AdminSession session, string id, TimeSpan overlap)
    {
        DeviceFacts device = null!;
        var (token, end) = await session.TransactAsync(async () =>
        {
            await session.ExecuteAsync("SELECT FROM devices WHERE device_id = $1 FOR UPDATE", id); // One rotation at a time.
            device = await FindAsync(session, id);
            RefuseRotation(session, device, overlap);
            await session.ExecuteAsync("DELETE FROM device_tokens WHERE device_id = $1 AND not_after <= now()", id);
            await session.ExecuteAsync(
                "UPDATE device_tokens SET not_after = now() + $2 WHERE device_id = $1 AND (not_after IS NULL OR not_after > now() + $2)",
                id, overlap);
            var end = await session.QueryAsync(
                "SELECT max(not_after) FROM device_tokens WHERE device_id = $1 AND not_after > now()",
                row => RegistryCommands.TimeAt(row, 0), id);
            return (await IssueAsync(session, id), end.Single());
        });
        var noticed = await RegistryCommands.TellAsync(session, device.Tenant, id);
        session.Say(new(id, null, device.Tenant, device.Site, token, end, noticed), RegistryJson.Default.IssuedToken, issued =>
        {
            Console.WriteLine($"A new token of the device {id}, for its edge's Uplink__Token:");
            RegistryCommands.Show(issued);
            if (end is null)
            {
                Console.WriteLine($"Its old tokens are good no more. {noticed.Sentence}");
            }

            if (IsOfEnvironment(session, id))
            {
                Console.WriteLine("Its token in DEVICE_TOKENS stays good for as long as it stands there.");
            }
        });
    }

    private static void RefuseRotation(AdminSession session, DeviceFacts device, TimeSpan overlap)
    {
        if (device.Status == Device.Revoked)
        {
            throw new RefusedException(
                $"The device {device.DeviceId} is revoked, so no token would let it in. "
                + $"First: sungrow-vps devices revoke {device.DeviceId} --undo");
        }

        var now = session.Service<TimeProvider>().GetUtcNow();
        if (overlap > TimeSpan.Zero && device.Tokens.Count(token => token.IsGoodAt(now)) >= RegistryCommands.MostTokens)
        {
            throw new RefusedException(
                $"The device {device.DeviceId} has {RegistryCommands.MostTokens} good tokens, and may have no more. "
                + "With --overlap 00:00:00 the new one takes the place of them all.");
        }
    }

    private static async Task RevokeAsync(AdminSession session, string id, bool undo)
    {
        var device = await FindAsync(session, id);
        var status = undo ? Device.Active : Device.Revoked;
        await session.ExecuteAsync("UPDATE devices SET status = $2 WHERE device_id = $1", id, status);
        var noticed = await RegistryCommands.TellAsync(session, device.Tenant, id);
        session.Say(new(id, null, device.Site, device.Tenant, status, noticed), RegistryJson.Default.Changed, _ =>
            Console.WriteLine($"The device {id} is {(undo ? "active" : "revoked")}. {noticed.Sentence}"));
    }

    private static async Task RemoveAsync(AdminSession session, string id)
    {
        var device = await FindAsync(session, id);
        if (IsOfEnvironment(session, id))
        {
            throw new RefusedException(
                $"DEVICE_TOKENS names the device {id}, so the next start would make it again: take it out there first, or refuse it with: "
                + $"sungrow-vps devices revoke {id}");
        }

        if (await DataAsync(session, id) is { } table)
        {
            throw new RefusedException(
                $"The device {id} has data ({table}), which would be nobody's without it. Refuse it instead, and keep the data: "
                + $"sungrow-vps devices revoke {id}");
        }

        await session.ExecuteAsync("DELETE FROM devices WHERE device_id = $1", id);
        var noticed = await RegistryCommands.TellAsync(session, device.Tenant, id);
        session.Say(new(id, null, device.Site, device.Tenant, "REMOVED", noticed), RegistryJson.Default.Changed, _ =>
            Console.WriteLine($"The device {id} is removed. {noticed.Sentence}"));
    }

    // Whatever table names a device, also one that a later version adds, holds data of it; but for its tokens and who may see it.
    private static async Task<string?> DataAsync(AdminSession session, string id)
    {
        var tables = await session.QueryAsync(
            """
            SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
                AND a.attname = 'device_id' AND NOT a.attisdropped
                AND c.relname NOT IN ('devices', 'device_tokens', 'viewer_token_devices')
            ORDER BY c.relname
            """,
            row => row.GetString(0));
        foreach (var table in tables)
        {
            var used = await session.QueryAsync(
                $"SELECT EXISTS (SELECT FROM {table} WHERE device_id = $1)", row => row.GetBoolean(0), id);
            if (used.Single())
            {
                return table;
            }
        }

        return null;
    }

    private static async Task<string> IssueAsync(AdminSession session, string id)
    {
        var token = Tokens.Issue();
        await session.ExecuteAsync(
            "INSERT INTO device_tokens (digest, device_id) VALUES ($1, $2)", Tokens.Digest(token), id);
        return token;
    }

    private static bool IsOfEnvironment(AdminSession session, string id) => EnvironmentTokens.Parse(
        session.Service<IOptions<DevicesOptions>>().Value.DeviceTokens, oneDevicePerToken: true).Devices.Contains(id);

    private static Task<List<DeviceFacts>> QueryAsync(AdminSession session, string? id, string? tenant, string? site) =>
        session.QueryAsync(
            Facts,
            row => new DeviceFacts(
                row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetDouble(4), RegistryCommands.TimeAt(row, 5),
                RegistryCommands.TimeAt(row, 6), row.GetFieldValue<DateTimeOffset>(7), RegistryCommands.TokensAt(row, 8)),
            id, tenant, site);
}
