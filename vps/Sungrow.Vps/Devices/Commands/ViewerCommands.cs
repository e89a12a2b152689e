using System.CommandLine;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices.Commands;

/// <summary><c>sungrow-vps viewers</c>: who may see which devices of his tenant. A viewer is a name with tokens; what he sees is written at
/// each token. Viewers are not cached: what happens here counts from the next request on.</summary>
internal static class ViewerCommands
{
    private const string Facts =
        """
        SELECT viewer_tokens.name, tenants.name,
            array(
                SELECT DISTINCT seen.device_id FROM viewer_token_devices AS seen
                WHERE seen.digest = ANY(array_agg(viewer_tokens.digest)) ORDER BY 1),
            array_agg(encode(substring(viewer_tokens.digest FOR 4), 'hex') ORDER BY viewer_tokens.digest),
            array_agg(viewer_tokens.not_before ORDER BY viewer_tokens.digest),
            array_agg(viewer_tokens.not_after ORDER BY viewer_tokens.digest),
            bool_or(viewer_tokens.fleet)
        FROM viewer_tokens JOIN tenants ON tenants.id = viewer_tokens.tenant_id
        WHERE ($1::text IS NULL OR viewer_tokens.name = $1) AND ($2::text IS NULL OR tenants.name = $2)
        GROUP BY tenants.name, viewer_tokens.name ORDER BY tenants.name, viewer_tokens.name
        """;

    private const string His = "tenant_id = (SELECT id FROM tenants WHERE name = $1) AND name = $2";

    public static Command Create()
    {
        var name = RegistryCommands.Name("viewer", "Its name, unique in its tenant");
        var (tenant, ofTenant, overlap) = (RegistryCommands.Tenant(), RegistryCommands.OfTenant(), RegistryCommands.Overlap());
        var devices = new Option<string[]>("--device")
        {
            Description = "A device that the viewer may see; may stand several times.",
        };
        var fleet = new Option<bool>("--fleet")
        {
            Description = "The viewer may see what other VPSs push to this one (Application__RunMode=Admin); then no device is needed.",
        };
        var add = Admin.Verb(
            "add", "Add a viewer and show his token, once.",
            session => AddAsync(session, session.Word(tenant)!, session.Word(name), session.Word(devices) ?? [], session.Word(fleet)),
            name, devices, fleet, tenant);
        add.Validators.Add(words =>
        {
            if (words.GetResult(devices) is null && words.GetResult(fleet) is null)
            {
                words.AddError("Option '--device' is required, or '--fleet'.");
            }
        });
        return new Command("viewers", "Who may see which devices.")
        {
            add,
            Admin.Verb("list", "List viewers.", session => ListAsync(session, session.Word(ofTenant)), ofTenant),
            Admin.Verb("show", "Show one viewer and his tokens (never the tokens themselves).",
                session => ShowAsync(session, session.Word(tenant)!, session.Word(name)), name, tenant),
            Admin.Verb("rotate", "Give a viewer a new token beside his old ones, and show it, once.",
                session => RotateAsync(session, session.Word(tenant)!, session.Word(name), session.Word(overlap)), name, tenant, overlap),
            Admin.Verb("revoke", "End all tokens of a viewer; 'rotate' lets him in again.",
                session => RevokeAsync(session, session.Word(tenant)!, session.Word(name)), name, tenant),
            Admin.Verb("remove", "Remove a viewer and his tokens.",
                session => RemoveAsync(session, session.Word(tenant)!, session.Word(name)), name, tenant),
        };
    }

    private static async Task<ViewerFacts> FindAsync(AdminSession session, string tenant, string name)
    {
        await TenantCommands.FindAsync(session, tenant);
        return (await QueryAsync(session, tenant, name)).SingleOrDefault()
            ?? throw new RefusedException(
                $"The tenant {tenant} has no viewer {name}; those of VIEWER_TOKENS are not kept here. "
                + $"See: sungrow-vps viewers list --tenant {tenant}");
    }

    private static async Task AddAsync(AdminSession session, string tenant, string name, string[] devices, bool fleet)
    {
        if (fleet && session.Service<IOptions<ApplicationOptions>>().Value.RunMode is var mode and not RunMode.Admin)
        {
            throw new RefusedException($"--fleet is for a server that others push to: Application__RunMode is {mode}; allowed is Admin.");
        }

        await TenantCommands.FindAsync(session, tenant);
        var token = await session.TransactAsync(async () =>
        {
            await HoldAsync(session, tenant);
            if ((await QueryAsync(session, tenant, name)).Count > 0)
            {
                throw new RefusedException(
                    $"The tenant {tenant} has a viewer {name} already. See: sungrow-vps viewers show {name} --tenant {tenant}");
            }

            var known = await session.QueryAsync(
                """
                SELECT devices.device_id FROM devices JOIN sites ON sites.id = devices.site_id JOIN tenants ON tenants.id = sites.tenant_id
                WHERE tenants.name = $1 AND devices.device_id = ANY($2)
                """,
                row => row.GetString(0), tenant, devices);
            if (devices.Except(known).FirstOrDefault() is not null)
            {
                var position = Array.FindIndex(devices, device => !known.Contains(device)) + 1;
                throw new RefusedException(
                    $"--device {position} names no device of tenant {tenant}. See: sungrow-vps devices list --tenant {tenant}");
            }

            return await IssueAsync(session, tenant, name, devices, fleet);
        });
        session.Say(new(null, name, tenant, null, token, null), RegistryJson.Default.IssuedToken, issued =>
        {
            Console.WriteLine($"The viewer {name} of tenant {tenant} may see {Sees(devices.Distinct(), fleet)}. To sign in:");
            RegistryCommands.Show(issued);
        });
    }

    private static async Task ListAsync(AdminSession session, string? tenant)
    {
        var now = session.Service<TimeProvider>().GetUtcNow();
        session.Say(await QueryAsync(session, tenant, null), RegistryJson.Default.ListViewerFacts, viewers => AdminSession.Table(
            viewers, "There is no viewer here; those of VIEWER_TOKENS are not kept here.",
            ("viewer", viewer => viewer.Viewer), ("tenant", viewer => viewer.Tenant), ("sees", viewer => Sees(viewer.Devices, viewer.Fleet)),
            ("tokens", viewer => RegistryCommands.Tokens(viewer.Tokens, now))));
    }

    private static async Task ShowAsync(AdminSession session, string tenant, string name) =>
        session.Say(await FindAsync(session, tenant, name), RegistryJson.Default.ViewerFacts, viewer =>
        {
            AdminSession.Facts(("viewer", viewer.Viewer), ("tenant", viewer.Tenant), ("sees", Sees(viewer.Devices, viewer.Fleet)));
            RegistryCommands.ShowTokens(viewer.Tokens, session.Service<TimeProvider>().GetUtcNow());
        });

    private static async Task RotateAsync(AdminSession session, string tenant, string name, TimeSpan overlap)
    {
        var (token, end) = await session.TransactAsync(async () =>
        {
            await HoldAsync(session, tenant);
            var viewer = await FindAsync(session, tenant, name);
            var now = session.Service<TimeProvider>().GetUtcNow();
            if (overlap > TimeSpan.Zero && viewer.Tokens.Count(token => token.IsGoodAt(now)) >= RegistryCommands.MostTokens)
            {
                throw new RefusedException(
                    $"The viewer {name} has {RegistryCommands.MostTokens} good tokens, and may have no more. "
                    + "With --overlap 00:00:00 the new one takes the place of them all.");
            }

            await session.ExecuteAsync(
                $"UPDATE viewer_tokens SET not_after = now() + $3 WHERE {His} AND (not_after IS NULL OR not_after > now() + $3)",
                tenant, name, overlap);
            var token = await IssueAsync(session, tenant, name, [.. viewer.Devices], viewer.Fleet);
            await DeleteAsync(session, tenant, name, "not_after <= now()");
            var end = await session.QueryAsync(
                $"SELECT max(not_after) FROM viewer_tokens WHERE {His}", row => RegistryCommands.TimeAt(row, 0), tenant, name);
            return (token, end.Single());
        });
        await RegistryCommands.TellOfViewersAsync(session);
        session.Say(new(null, name, tenant, null, token, end), RegistryJson.Default.IssuedToken, issued =>
        {
            Console.WriteLine($"A new token of the viewer {name} of tenant {tenant}:");
            RegistryCommands.Show(issued);
            if (end is null)
            {
                Console.WriteLine("His old tokens are good no more.");
            }
        });
    }

    private static async Task RevokeAsync(AdminSession session, string tenant, string name)
    {
        await FindAsync(session, tenant, name);
        await session.TransactAsync(async () =>
        {
            await session.ExecuteAsync(
                $"DELETE FROM viewer_sessions WHERE token_digest IN (SELECT digest FROM viewer_tokens WHERE {His})", tenant, name);
            return await session.ExecuteAsync(
                $"UPDATE viewer_tokens SET not_after = now() WHERE {His} AND (not_after IS NULL OR not_after > now())", tenant, name);
        });
        await RegistryCommands.TellOfViewersAsync(session);
        session.Say(new(null, name, null, tenant, "REVOKED"), RegistryJson.Default.Changed, _ =>
            Console.WriteLine($"All tokens of the viewer {name} of tenant {tenant} have ended."));
    }

    private static async Task RemoveAsync(AdminSession session, string tenant, string name)
    {
        await FindAsync(session, tenant, name);
        await session.TransactAsync(() => DeleteAsync(session, tenant, name, "true"));
        await RegistryCommands.TellOfViewersAsync(session);
        session.Say(new(null, name, null, tenant, "REMOVED"), RegistryJson.Default.Changed, _ =>
            Console.WriteLine($"The viewer {name} of tenant {tenant} is removed."));
    }

    // With the sessions that were traded for the tokens.
    private static Task<int> DeleteAsync(AdminSession session, string tenant, string name, string which) => session.ExecuteAsync(
        $"""
        WITH gone AS (DELETE FROM viewer_tokens WHERE {His} AND {which} RETURNING digest)
        DELETE FROM viewer_sessions WHERE token_digest IN (SELECT digest FROM gone)
        """,
        tenant, name);

    // One at a time: a name is many rows, and no key of its own.
    private static Task<int> HoldAsync(AdminSession session, string tenant) =>
        session.ExecuteAsync("SELECT FROM tenants WHERE name = $1 FOR UPDATE", tenant);

    private static string Sees(IEnumerable<string> devices, bool fleet) => string.Join(", ", fleet ? devices.Prepend("the fleet") : devices);

    private static async Task<string> IssueAsync(AdminSession session, string tenant, string name, string[] devices, bool fleet)
    {
        var token = Tokens.Issue();
        var digest = Tokens.Digest(token);
        await session.ExecuteAsync(
            "INSERT INTO viewer_tokens (digest, tenant_id, name, fleet) SELECT $1, id, $3, $4 FROM tenants WHERE name = $2",
            digest, tenant, name, fleet);
        await session.ExecuteAsync(
            "INSERT INTO viewer_token_devices (digest, device_id) SELECT DISTINCT $1, device_id FROM unnest($2) AS device_id",
            digest, devices);
        return token;
    }

    private static Task<List<ViewerFacts>> QueryAsync(AdminSession session, string? tenant, string? name) => session.QueryAsync(
        Facts,
        row => new ViewerFacts(
            row.GetString(0), row.GetString(1), row.GetFieldValue<string[]>(2), row.GetBoolean(6), RegistryCommands.TokensAt(row, 3)),
        name, tenant);
}
