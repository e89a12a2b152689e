using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.Vps.Tests.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.History;

public class EndpointTests(Databases databases)
{
    private static readonly DateTimeOffset Start = Series.Start;

    [Theory]
    [InlineData("history?resolution=5m", "INVALID_QUERY")]
    [InlineData("history?from=yesterday", "INVALID_QUERY")]
    [InlineData("history?from=2026-06-21T10:00:00", "INVALID_QUERY")]
    [InlineData("history?from=2026-06-21T10:00:00Z&to=2026-06-21T10:00:00Z", "INVALID_QUERY")]
    [InlineData("history?from=1999-12-31T10:00:00Z&to=2026-06-21T10:00:00Z", "INVALID_QUERY")]
    [InlineData("history?to=9999-12-31T10:00:00Z", "INVALID_QUERY")]
    [InlineData("history?from=2001-01-01T00:00:00Z&resolution=15m", "RANGE_TOO_LARGE")]
    [InlineData("energy?group=year", "INVALID_QUERY")]
    [InlineData("completeness?group=month", "INVALID_QUERY")]
    [InlineData("completeness?from=2001-01-01T00:00:00Z", "RANGE_TOO_LARGE")]
    public async Task A_wrong_question_is_told_what_is_allowed(string route, string code)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());

        var answer = await server.GetAsync($"/v1/{route}", Requests.Viewer);

        Assert.Equal((HttpStatusCode.BadRequest, code, "application/problem+json"), (answer.Status, answer.Code, answer.ContentType));
        Assert.Contains("llowed", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plus_that_was_not_escaped_is_understood()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.IngestAsync(Series.Samples(10));
        var from = Start.ToOffset(TimeSpan.FromHours(2)).ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);

        var answer = await server.GetAsync($"/v1/history?from={from}&resolution=raw", Requests.Viewer);

        Assert.Equal(10, answer.Json.GetProperty("points").GetArrayLength());
    }

    [Fact]
    public async Task Raw_points_are_the_samples_that_were_sent_from_inclusive_and_to_exclusive()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.IngestAsync(Series.Numbered(Guid.NewGuid(), 1, Series.Samples(10)));

        var answer = await server.HistoryAsync("history", Start.AddSeconds(20), Start.AddSeconds(50), "&resolution=raw");

        Assert.Equal(
            ("inverter-1", "UTC", "raw"),
            (answer.GetProperty("device_id").GetString(), answer.GetProperty("time_zone").GetString(), answer.GetProperty("resolution").GetString()));
        var points = answer.GetProperty("points").EnumerateArray().ToArray();
        Assert.Equal([2, 3, 4], points.Select(point => point.Number("pv_power_w")));
        Assert.Equal(
            $$"""{"ts":"{{Rfc3339.Write(Start.AddSeconds(20))}}","pv_power_w":2,"pv_daily_kwh":0.2,"battery_power_w":-2,"battery_soc_pct":2,"battery_temp_c":null,"load_power_w":800.25,"export_power_w":null,"sample_count":1,"interval_s":10,"seq":3}""",
            points[0].GetRawText());
    }

    [Fact]
    public async Task A_period_has_the_shape_of_the_contract()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.IngestAsync(Series.Samples(10));

        var history = await server.HistoryAsync("history", Start, Start.AddMinutes(1), "&resolution=1d");
        var energy = await server.HistoryAsync("energy", Start, Start.AddMinutes(1));

        Assert.Equal(
            ["from", "to", "covered_s", "samples", "pv_power_w", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w",
             "export_power_w", "pv_daily_kwh"],
            Members(history.GetProperty("points")[0]));
        Assert.Equal("""{"avg":4.5,"min":0,"max":9}""", history.GetProperty("points")[0].GetProperty("pv_power_w").GetRawText());
        Assert.Equal("""{"avg":null,"min":null,"max":null}""", history.GetProperty("points")[0].GetProperty("export_power_w").GetRawText());
        Assert.Equal(
            ["from", "to", "pv_kwh", "pv_counter_kwh", "load_kwh", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh",
             "self_consumption_pct", "autarky_pct", "covered_s"],
            Members(energy.GetProperty("groups")[0]));

        static string[] Members(JsonElement element) => [.. element.EnumerateObject().Select(member => member.Name)];
    }

    [Theory]
    [InlineData(3_000, 10, "15m")]
    [InlineData(1_500, 10, "raw")]
    [InlineData(3_000, 1_000, "1h")]
    [InlineData(9_000, 3_000, "1d")]
    public async Task An_automatic_history_never_has_more_than_2000_points(int samples, int stepS, string expected)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        var start = TimeProvider.System.GetUtcNow().AddSeconds(-samples * stepS);
        await server.LoadAsync(Enumerable.Range(0, samples).Select(number =>
            new SungrowSample { DeviceId = VpsServer.Device, Ts = start.AddSeconds(number * stepS), LoadPowerW = number }));

        var history = await server.HistoryAsync("history", start, start.AddSeconds(samples * stepS));

        Assert.Equal(expected, history.GetProperty("resolution").GetString());
        Assert.InRange(history.GetProperty("points").GetArrayLength(), 2, 2000);

        // Read more often than the registry says.
        var finer = await server.HistoryAsync("history", start, start.AddSeconds(Math.Min(samples * stepS, 20_000)));
        Assert.InRange(finer.GetProperty("points").GetArrayLength(), 2, 2000);
    }

    [Fact]
    public async Task More_than_100000_samples_are_too_large_for_JSON_and_stream_as_CSV()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        const int Samples = 100_001;
        var start = TimeProvider.System.GetUtcNow().AddSeconds(-Samples);
        await server.LoadAsync(Enumerable.Range(0, Samples).Select(number =>
            new SungrowSample { DeviceId = VpsServer.Device, Ts = Rfc3339.Truncate(start.AddSeconds(number)), LoadPowerW = number }));
        var path = $"/v1/history?resolution=raw&from={Rfc3339.Write(start)}";

        var json = await server.GetAsync(path, Requests.Viewer);
        var csv = await AskAsync(server, path, "text/csv");

        Assert.Equal((HttpStatusCode.BadRequest, "RANGE_TOO_LARGE"), (json.Status, json.Code));
        Assert.Equal((HttpStatusCode.OK, "text/csv"), (csv.Status, csv.ContentType));
        var lines = csv.Body.Split("\r\n");
        Assert.Equal("ts,pv_power_w,pv_daily_kwh,battery_power_w,battery_soc_pct,battery_temp_c,load_power_w,export_power_w,sample_count,interval_s,seq", lines[0]);
        Assert.Equal(Samples + 2, lines.Length);
        Assert.EndsWith(",,,,,,100000,,1,10,", lines[^2], StringComparison.Ordinal);
        Assert.Equal("", lines[^1]);
    }

    [Theory]
    [InlineData("history?resolution=15m", "from,to,covered_s,samples,pv_power_w_avg,")]
    [InlineData("energy", "from,to,pv_kwh,pv_counter_kwh,load_kwh,import_kwh,export_kwh,charge_kwh,discharge_kwh,self_consumption_pct,autarky_pct,covered_s")]
    [InlineData("completeness", "from,to,expected,stored,waiting,conflicting,dead_lettered,evicted,missed,unexplained,gaps")]
    [InlineData("devices", "device_id,site_id,time_zone,status,model,serial,")]
    public async Task Each_is_there_as_CSV_with_as_many_fields_in_each_line(string route, string header)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.IngestAsync(Series.Samples(500));

        var csv = await AskAsync(server, $"/v1/{route}", "text/csv, */*;q=0.1");

        Assert.Equal((HttpStatusCode.OK, "text/csv"), (csv.Status, csv.ContentType));
        var lines = csv.Body.TrimEnd().Split("\r\n");
        Assert.StartsWith(header, lines[0], StringComparison.Ordinal);
        Assert.True(lines.Length > 1);
        Assert.All(lines, line => Assert.Equal(lines[0].Count(letter => letter == ','), line.Count(letter => letter == ',')));
        Assert.Equal("application/json", (await AskAsync(server, $"/v1/{route}", "application/json, text/csv;q=0.5")).ContentType);
    }

    [Theory]
    [InlineData("history?resolution=1h")]
    [InlineData("energy")]
    [InlineData("devices")]
    public async Task What_has_not_changed_is_not_sent_again(string route)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.IngestAsync(Series.Samples(10));
        var to = route == "devices" ? "" : $"{(route.Contains('?', StringComparison.Ordinal) ? '&' : '?')}from={Rfc3339.Write(Start)}&to={Rfc3339.Write(Start.AddDays(1))}";
        await server.GetAsync($"/v1/{route}{to}", Requests.Viewer);

        var first = await AskAsync(server, $"/v1/{route}{to}", "application/json");
        var again = await AskAsync(server, $"/v1/{route}{to}", "application/json", first.Tag);
        await server.IngestAsync(Series.Sample(20));
        var changed = await AskAsync(server, $"/v1/{route}{to}", "application/json", first.Tag);

        Assert.NotNull(first.Tag);
        Assert.Equal((HttpStatusCode.NotModified, "", first.Tag), (again.Status, again.Body, again.Tag));
        Assert.Equal(HttpStatusCode.OK, changed.Status);
        Assert.NotEqual(first.Tag, changed.Tag);
    }

    [Fact]
    public async Task Devices_are_shown_with_what_their_edges_last_reported()
    {
        await using var server = await VpsServer.StartAsync(
            await databases.CreateAsync(), "--VIEWER_TOKENS=viewer:inverter-1,viewer:inverter-2,viewer:nobody", "--SITE_TIMEZONE=Asia/Kathmandu");
        await server.IngestAsync(Series.Samples(3));
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/v1/heartbeat", HeartbeatTests.Body())).Status);

        var devices = (await server.GetAsync("/v1/devices", Requests.Viewer)).Json.GetProperty("devices").EnumerateArray().ToArray();

        Assert.Equal(["inverter-1", "inverter-2"], devices.Select(device => device.GetProperty("device_id").GetString()));
        Assert.Equal(
            ["device_id", "site_id", "time_zone", "status", "model", "serial", "poll_interval_s", "first_seen", "last_seen", "last_sample",
             "reachable", "waiting_rows"],
            devices[0].EnumerateObject().Select(member => member.Name));
        Assert.Equal(
            ("default", "Asia/Kathmandu", "ACTIVE"),
            (devices[0].GetProperty("site_id").GetString(), devices[0].GetProperty("time_zone").GetString(), devices[0].GetProperty("status").GetString()));
        Assert.Equal(Start.AddSeconds(20), devices[0].Time("last_sample"));
        Assert.Equal(JsonValueKind.True, devices[0].GetProperty("reachable").ValueKind);
        Assert.Equal(JsonValueKind.Null, devices[1].GetProperty("last_sample").ValueKind);
        Assert.Equal(JsonValueKind.Null, devices[1].GetProperty("reachable").ValueKind);
    }

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task Each_hour_says_where_its_samples_are(Kind kind)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(kind));
        var hour = new DateTimeOffset(Start.Ticks - (Start.Ticks % TimeSpan.TicksPerHour), TimeSpan.Zero);
        // Of two hours: the first but ten minutes of it, in which the inverter was away, and half of the second.
        await server.IngestAsync([.. Series.Samples(360, hour).Where((_, number) => number is < 60 or >= 120)]);
        await server.IngestAsync(Series.Samples(180, hour.AddHours(1)));
        await server.IngestAsync(Series.Sample(1, hour) with { LoadPowerW = 1 });
        await server.ExecuteAsync(
            $"""
            INSERT INTO poll_intervals VALUES ('inverter-1', '{hour:O}', 10, 1);
            INSERT INTO gaps VALUES ('inverter-1', '{hour.AddMinutes(10):O}', 'inverter_unreachable', '{hour.AddMinutes(20):O}', 60, now());
            INSERT INTO missing_ranges (buffer_id, device_id, from_seq, to_seq, rows, from_ts, to_ts, reason, received_at)
            VALUES (gen_random_uuid(), 'inverter-1', 1, 100, 100, '{hour.AddMinutes(95):O}', '{hour.AddMinutes(110):O}', 'evicted', now());
            """);

        var answer = await server.HistoryAsync("completeness", hour.AddMinutes(5), hour.AddMinutes(65));

        var periods = answer.GetProperty("periods").EnumerateArray().ToArray();
        Assert.Equal(2, periods.Length);
        Assert.Equal("361 300 0 1 0 0 60 0", Counts(periods[0]));
        Assert.Equal("360 180 0 0 0 100 0 80", Counts(periods[1]));
        Assert.Equal(
            $$"""[{"from":"{{Rfc3339.Write(hour.AddMinutes(10))}}","to":"{{Rfc3339.Write(hour.AddMinutes(20))}}","reason":"inverter_unreachable","missed":60}]""",
            periods[0].GetProperty("gaps").GetRawText());

        var days = await server.HistoryAsync("completeness", hour, hour.AddMinutes(65), "&group=day");
        // Two, where midnight lies between the hours.
        Assert.Equal(480, days.GetProperty("periods").EnumerateArray().Sum(day => day.Number("stored")));

        static string Counts(JsonElement period) => string.Join(' ', period.EnumerateObject()
            .Where(member => member.Value.ValueKind == JsonValueKind.Number).Select(member => member.Value.GetInt64()));
    }

    [Fact]
    public async Task The_database_away_is_503_also_as_CSV()
    {
        await using var postgres = await Databases.StartAsync(Kind.Plain);
        await using var server = await VpsServer.StartAsync(await postgres.CreateDatabaseAsync());
        await postgres.KillAsync();

        foreach (var route in new[] { "history?resolution=raw", "history?resolution=1h", "energy", "completeness", "devices" })
        {
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/problem+json"), await StatusAsync(route));
        }

        async Task<(HttpStatusCode, string?)> StatusAsync(string route)
        {
            var answer = await AskAsync(server, $"/v1/{route}", "text/csv");
            return (answer.Status, answer.ContentType);
        }
    }

    private static async Task<(HttpStatusCode Status, string? ContentType, string Body, string? Tag)> AskAsync(
        VpsServer server, string path, string accept, string? tag = null)
    {
        using HttpClient client = new();
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(server.Address, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Requests.Viewer);
        request.Headers.Accept.ParseAdd(accept);
        if (tag is not null)
        {
            request.Headers.IfNoneMatch.ParseAdd(tag);
        }

        using var answer = await client.SendAsync(request);
        return (
            answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, await answer.Content.ReadAsStringAsync(),
            answer.Headers.ETag?.ToString());
    }
}
