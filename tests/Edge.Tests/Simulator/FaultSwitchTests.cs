using Sungrow.Simulator.Faults;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

public sealed class FaultSwitchTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"faults-{Guid.NewGuid():N}");
    private readonly List<string> _complaints = [];

    [Fact]
    public void A_file_switches_faults_while_the_inverter_runs()
    {
        var faults = new FaultSwitch(_file, _complaints.Add);
        Assert.Empty(Names(faults));

        File.WriteAllText(_file, "# what the morning brings\ntimeout=13249\n\n  flow-zero  \n");
        Assert.Equal(["timeout", "flow-zero"], Names(faults));

        File.WriteAllText(_file, "");
        Assert.Empty(Names(faults));

        File.WriteAllText(_file, "reset");
        faults.Set("zeros");
        Assert.Equal(["zeros", "reset"], Names(faults));

        File.Delete(_file);
        Assert.Equal(["zeros"], Names(faults));
        Assert.Empty(_complaints);
    }

    [Fact]
    public void A_file_that_says_what_is_no_fault_changes_nothing_and_is_complained_of_once()
    {
        var faults = new FaultSwitch(_file, _complaints.Add);
        File.WriteAllText(_file, "zeros");
        Assert.Equal(["zeros"], Names(faults));

        File.WriteAllText(_file, "reset\ntimeuot");

        Assert.Equal(["zeros"], Names(faults));
        Assert.Equal(["zeros"], Names(faults));
        var complaint = Assert.Single(_complaints);
        Assert.StartsWith($"--fault-file {_file}: 'timeuot' is not allowed; allowed is ", complaint, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', complaint);

        File.WriteAllText(_file, "reset");
        Assert.Equal(["reset"], Names(faults));
    }

    [Theory]
    [InlineData("reset@08:00-12:00", "07:59:59", false)]
    [InlineData("reset@08:00-12:00", "08:00:00", true)]
    [InlineData("reset@08:00-12:00", "12:00:00", false)]
    [InlineData("reset@23:50-00:10:30", "23:50:00", true)] // over midnight
    [InlineData("reset@23:50-00:10:30", "00:10:29", true)]
    [InlineData("reset@23:50-00:10:30", "00:10:30", false)]
    public void A_window_holds_at_that_local_time_of_each_day(string fault, string local, bool holds)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
        var faults = new FaultSwitch();
        faults.Set(fault);

        foreach (var day in new[] { new DateTime(2026, 1, 15), new DateTime(2026, 7, 15) })
        {
            var at = day + TimeSpan.Parse(local);
            Assert.Equal(holds, faults.At(new DateTimeOffset(at, zone.GetUtcOffset(at)).ToUniversalTime(), zone).Has(FaultKind.Reset));
        }
    }

    [Fact]
    public void A_fault_knows_since_when_it_is_on()
    {
        var faults = new FaultSwitch();
        faults.Set("no-reset");
        faults.At(Noon, TimeZoneInfo.Utc);
        Assert.Equal(Noon, faults.At(Noon.AddDays(2), TimeZoneInfo.Utc).Since(FaultKind.NoReset));

        faults.Set();
        faults.At(Noon.AddDays(3), TimeZoneInfo.Utc);
        faults.Set("no-reset");

        Assert.Equal(Noon.AddDays(4), faults.At(Noon.AddDays(4), TimeZoneInfo.Utc).Since(FaultKind.NoReset));
    }

    [Fact]
    public void Every_fault_has_a_name_a_meaning_and_a_form_that_is_understood()
    {
        Assert.Equal(Enum.GetValues<FaultKind>().Order(), FaultType.All.Select(type => type.Kind).Order());
        Assert.Equal(FaultType.All.Count, FaultType.All.Select(type => type.Name).Distinct().Count());
        Assert.All(FaultType.All, type =>
        {
            Assert.Matches("^[a-z]+(-[a-z]+)*$", type.Name);
            Assert.NotEmpty(type.Says);
            Assert.Equal(type.Standard is not null, Fault.TryParse(type.Name, out _, out _));
            Assert.False(Fault.TryParse($"{type.Name}=no argument", out _, out var allowed));
            Assert.StartsWith(type.Form, allowed, StringComparison.Ordinal);
        });
    }

    public void Dispose() => File.Delete(_file);

    private static string[] Names(FaultSwitch faults) => [.. faults.At(Noon, TimeZoneInfo.Utc).Names];
}
