global using Xunit;

// The programs under test are a Pi's and a server's.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
