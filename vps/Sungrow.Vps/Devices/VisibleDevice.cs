using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>Which device a viewer's request is about.</summary>
internal static class VisibleDevice
{
    /// <param name="named">By <c>?device_id=</c>; without it the viewer's only device.</param>
    /// <returns>Null with a refusal: several to choose from, or none of the viewer's. One that does not exist gets the same
    /// answer.</returns>
    public static string? Find(HttpContext context, string? named, out ProblemResult? refusal)
    {
        var viewer = context.Viewer();
        var deviceId = !string.IsNullOrEmpty(named) ? named : viewer.Devices.Count == 1 ? viewer.Devices.Single() : null;
        refusal =
            deviceId is null ? Problems.Of(
                StatusCodes.Status400BadRequest, ErrorCodes.DeviceIdRequired,
                "This viewer sees no device or several: name one with ?device_id=.")
            : !viewer.MaySee(deviceId) ? Problems.Of(
                StatusCodes.Status403Forbidden, ErrorCodes.DeviceNotVisible, "This viewer sees no such device.")
            : null;
        return refusal is null ? deviceId : null;
    }
}
