"""One Python client, asked to fetch a URL: CLIENT URL CERTIFICATE-FILE.

Each does what its documentation shows first: fetch, fail for an error status, print the content.
"""

import sys

client, url, certificate = sys.argv[1:]
LIMIT = 5


def urllib():
    import urllib.request

    with urllib.request.urlopen(url, timeout=LIMIT) as response:
        return response.read().decode()


def requests():
    import requests as library

    response = library.get(url, timeout=LIMIT, verify=certificate)
    response.raise_for_status()
    return response.text


def aiohttp():
    import asyncio
    import ssl

    import aiohttp as library

    trust = ssl.create_default_context(cafile=certificate)
    limit = library.ClientTimeout(total=LIMIT)

    async def fetch():
        async with library.ClientSession(timeout=limit) as session:
            async with session.get(url, ssl=trust) as response:
                response.raise_for_status()
                return await response.text()

    return asyncio.run(fetch())


def niquests():
    import niquests as library

    response = library.get(url, timeout=LIMIT, verify=certificate)
    response.raise_for_status()
    return response.text


def httpx():
    import ssl

    import httpx as library

    trust = ssl.create_default_context(cafile=certificate)
    with library.Client(http2=True, verify=trust, timeout=LIMIT, trust_env=False) as session:
        response = session.get(url)
        response.raise_for_status()
        return response.text


def pycurl():
    import io

    import pycurl as library

    body = io.BytesIO()
    handle = library.Curl()
    handle.setopt(library.URL, url)
    handle.setopt(library.CAINFO, certificate)
    handle.setopt(library.TIMEOUT, LIMIT)
    handle.setopt(library.NOPROXY, "*")
    handle.setopt(library.FAILONERROR, True)
    handle.setopt(library.WRITEFUNCTION, body.write)
    handle.perform()
    handle.close()
    return body.getvalue().decode()


def websockets():
    from websockets.sync.client import connect

    with connect(url, open_timeout=LIMIT, proxy=None) as socket:
        socket.send("hello")
        return socket.recv(timeout=LIMIT)


def websocket_client():
    from websocket import create_connection

    socket = create_connection(url, timeout=LIMIT)
    socket.send("hello")
    received = socket.recv()
    socket.close()
    return received


print(globals()[client]())
