"""A Modbus TCP server that is not ours, holding what real inverters served: pymodbus 3.0.
Usage: pymodbus_server.py sh10rt|sh20t. Prints its port, and ends when its standard input does."""
import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.async_io import ModbusTcpServer

# Wire address: words. What lies between reads as all bits set over LAN and as zero through a dongle.
SH10RT = (0xFFFF, {
    4999: [3587, 100, 1], 5007: [436], 5014: [65535, 65535], 5016: [1201, 0], 5213: [0, 0], 5600: [180, 0],
    12999: [64, 41, 361, 63361, 8], 13007: [1106, 0, 65356, 65535], 13019: [1993, 0, 0, 955, 960, 310], 13033: [940, 0],
    13036: [56433, 1], 13199: [65535, 32767]})
SH20T = (0, {
    4999: [3622, 200, 1], 5010: [4655, 79, 5619, 27, 5039, 80, 9327, 0], 5600: [56980, 65535],
    12999: [33024, 25, 1072], 13007: [493, 0, 8509, 0], 13019: [5878, 0, 0, 1000, 980, 180], 13044: [0, 59234, 2]})


def serial(text):
    padded = text.encode().ljust(20, b"\0")
    return [padded[i] << 8 | padded[i + 1] for i in range(0, 20, 2)]


async def main(name):
    elsewhere, words = {"sh10rt": SH10RT, "sh20t": SH20T}[name]
    registers = [elsewhere] * 14000  # What lies beyond is an illegal data address.
    for start, block in {**words, 4989: serial("PY-" + name.upper())}.items():
        registers[start:start + len(block)] = block
    clock = [0] * 4999 + [2026, 9, 8, 18, 7, 52]
    unit = ModbusSlaveContext(
        ir=ModbusSequentialDataBlock(0, registers), hr=ModbusSequentialDataBlock(0, clock), zero_mode=True)
    context = ModbusServerContext(slaves={1: unit}, single=False)
    server = ModbusTcpServer(context, address=("127.0.0.1", 0), ignore_missing_slaves=True)
    serving = asyncio.create_task(server.serve_forever())
    await server.serving
    print(server.server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    serving.cancel()


asyncio.run(main(sys.argv[1]))
