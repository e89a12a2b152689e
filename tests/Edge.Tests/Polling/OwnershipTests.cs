using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public sealed class OwnershipTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ListLogger<Ownership> _log = new();

    [Fact]
    public void Without_a_device_id_each_inverter_has_its_own()
    {
        var ownership = Start(id: null);

        Assert.Null(ownership.Refuse(Inverter("A1")));
        Assert.Null(ownership.Refuse(Inverter("A2")));
        Assert.Equal("A2", ownership.DeviceIdOf(Inverter("A2")));
        Assert.Empty(Directory.EnumerateFiles(_folder.Path));
    }

    [Fact]
    public void Without_a_device_id_a_serial_number_has_to_be_one() =>
        Assert.Contains("set Device__Id", Start(id: null).Refuse(Inverter("")));

    [Fact]
    public void With_a_device_id_the_first_inverter_is_its_own_and_another_one_is_held_also_after_a_restart()
    {
        Assert.Null(Start("house").Refuse(Inverter("A1")));

        foreach (var ownership in new[] { Start("house"), Start("house") })
        {
            Assert.Contains("check --accept-serial", ownership.Refuse(Inverter("A2")));
            Assert.Null(ownership.Refuse(Inverter("A1")));
            Assert.Contains("A1", ownership.Refuse(Inverter("A2")));
        }
    }

    [Fact]
    public void An_inverter_that_suddenly_serves_no_serial_number_is_held()
    {
        var ownership = Start("house");
        ownership.Refuse(Inverter("A1"));

        Assert.NotNull(ownership.Refuse(Inverter("")));
        Assert.Equal("house", ownership.DeviceIdOf(Inverter("A1")));
    }

    [Fact]
    public void What_is_accepted_beside_a_running_edge_is_seen_by_it()
    {
        var running = Start("house");
        running.Refuse(Inverter("A1"));
        Assert.NotNull(running.Refuse(Inverter("A2")));

        Assert.Null(Start("house").Accept(Inverter("A2")));

        Assert.Null(running.Refuse(Inverter("A2")));
        Assert.NotNull(running.Refuse(Inverter("A1")));
    }

    [Fact]
    public void Looking_remembers_nobody()
    {
        Assert.Null(Start("house").Look(Inverter("A1")));

        Assert.Null(Start("house").Refuse(Inverter("A2")));
    }

    [Fact]
    public void A_serial_number_that_cannot_be_kept_holds_until_the_restart_and_is_said()
    {
        Directory.CreateDirectory(_folder.File("buffer.db.serial.part"));
        var ownership = Start("house");

        Assert.Null(ownership.Refuse(Inverter("A1")));

        Assert.Single(_log.Lines, line => line.Contains("buffer.db.serial"));
        Assert.NotNull(ownership.Accept(Inverter("A2")));
        Assert.NotNull(ownership.Accept(Inverter("")));
    }

    public void Dispose() => _folder.Dispose();

    private Ownership Start(string? id) =>
        new(Options.Create(new DeviceOptions { Id = id }), Options.Create(new BufferOptions { Path = _folder.File("buffer.db") }), _log);

    private static InverterIdentity Inverter(string serial) => new(serial, 0x0E03, "SH10RT", InverterFamily.Hybrid, 10_000, 3);
}
