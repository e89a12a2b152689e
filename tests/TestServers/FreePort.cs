using System.Net;
using System.Net.Sockets;

namespace Sungrow.TestServers;

/// <summary>A port on loopback that nobody holds now. Below the kernel's ephemeral range (32768 ..), so that between a server's end and
/// its restart no outgoing connection takes it. Two processes can still draw the same one: who starts a server tries again.</summary>
public static class FreePort
{
    private const int First = 15_000;
    private const int Last = 32_000;

    public static int Next()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last);
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: draw again.
            }
        }
    }
}
