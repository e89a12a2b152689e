using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Protocol;

namespace Sungrow.Edge.Polling;

/// <summary>Whose samples these are. Without <c>Device__Id</c> each inverter's own, by its serial number. With it the samples are of one
/// inverter, whose serial number lies in a file beside the buffer, <c>.serial</c>: an address that leads to another one (a new lease, an
/// exchanged unit) is not recorded until a person says that it may be.</summary>
internal sealed class Ownership(IOptions<DeviceOptions> device, IOptions<BufferOptions> buffer, ILogger<Ownership> logger)
{
    private readonly string _path = buffer.Value.Path + ".serial";
    private string? _accepted;

    public string DeviceIdOf(InverterIdentity identity) => device.Value.Id ?? identity.Serial;

    /// <summary>Why nothing of this inverter may be recorded, in a sentence; null when it may.</summary>
    public string? Refuse(InverterIdentity identity)
    {
        var refusal = Look(identity);
        if (refusal is null && device.Value.Id is not null && _accepted is null && identity.Serial.Length > 0)
        {
            Remember(identity.Serial);
        }

        return refusal;
    }

    /// <summary>As <see cref="Refuse"/>, but an inverter that is seen for the first time is not remembered.</summary>
    public string? Look(InverterIdentity identity)
    {
        if (device.Value.Id is not { } id)
        {
            return DeviceIds.IsWellFormed(identity.Serial) ? null : "the inverter's serial number cannot be a device id: set Device__Id.";
        }

        if (_accepted == identity.Serial)
        {
            return null;
        }

        try
        {
            // Read again while it differs: 'check --accept-serial' writes it beside a running daemon.
            _accepted = Read();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return $"{_path} cannot be read, so nobody knows whose samples {id} are ({unreadable.Message})";
        }

        return _accepted is null || _accepted == identity.Serial
            ? null
            : $"the samples of {id} are of the inverter with serial number {_accepted}, but {Named(identity)} answers: nothing is recorded "
                + "until its address is put right, or 'sungrow-edge check --accept-serial' says that it takes over.";
    }

    /// <summary>From now on <see cref="DeviceOptions.Id"/> means this inverter.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? Accept(InverterIdentity identity)
    {
        if (identity.Serial.Length == 0)
        {
            return "the inverter serves no serial number that could be accepted";
        }

        try
        {
            Write(identity.Serial);
            return null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return $"{_path} cannot be written: {refused.Message}";
        }
    }

    private void Remember(string serial)
    {
        _accepted = serial;
        try
        {
            Write(serial);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Known until the next restart, and said.
            Log.StateNotKept(logger, _path, refused.Message);
        }
    }

    private string? Read() => File.Exists(_path) && File.ReadAllText(_path).Trim() is { Length: > 0 } serial ? serial : null;

    private void Write(string serial)
    {
        File.WriteAllText(_path + ".part", serial + "\n");
        File.Move(_path + ".part", _path, overwrite: true);
    }

    private static string Named(InverterIdentity identity) =>
        identity.Serial.Length > 0 ? $"{identity.Model} {identity.Serial}" : $"one ({identity.Model}) that serves none";
}
