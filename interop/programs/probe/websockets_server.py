"""A WebSocket server with the package `websockets`: it prints its port as JSON."""

import asyncio
import json

from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"websockets": port}), flush=True)
        await server.serve_forever()


asyncio.run(main())
