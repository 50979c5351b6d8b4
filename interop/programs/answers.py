"""Asks with libcurl over HTTP/1.1, 2 and 3, each request followed by one for /next on the same connection.

Arguments: HOST:PORT of a TLS listener, and JSON: a list of [method, path]. Prints one JSON list per version, in order, of
{"version", "path", "first", "next"}; each answer is {"status", "lines", "body"} with all field lines, or {"error"}.
libcurl judges too: a length that the content does not have, or a field that HTTP/2 and 3 forbid, is an error.
"""

import io
import json
import sys

import pycurl

VERSIONS = {
    "HTTP/1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "HTTP/2": pycurl.CURL_HTTP_VERSION_2_0,
    "HTTP/3": getattr(pycurl, "CURL_HTTP_VERSION_3ONLY", 31),
}


def ask(curl, method, url):
    blocks, body = [], io.BytesIO()

    def line(raw):
        text = raw.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            blocks.append([])
        elif text and blocks:
            name, _, value = text.partition(":")
            blocks[-1].append([name.lower(), value.strip()])

    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.NOBODY, method == "HEAD")
    curl.setopt(pycurl.HTTPGET, method != "HEAD")
    curl.setopt(pycurl.HEADERFUNCTION, line)
    curl.setopt(pycurl.WRITEFUNCTION, body.write)
    try:
        curl.perform()
    except pycurl.error as error:
        return {"error": str(error)}
    status = curl.getinfo(pycurl.RESPONSE_CODE)
    return {"status": status, "lines": blocks[-1], "body": body.getvalue().decode("latin-1")}


def judge(address, version, method, path):
    curl = pycurl.Curl()
    curl.setopt(pycurl.HTTP_VERSION, VERSIONS[version])
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.TIMEOUT, 5)
    first = ask(curl, method, f"https://{address}{path}")
    following = ask(curl, "GET", f"https://{address}/next")
    curl.close()
    return {"version": version, "path": path, "first": first, "next": following}


address, asked = sys.argv[1], json.loads(sys.argv[2])
print(json.dumps([judge(address, version, *request) for version in VERSIONS for request in asked]))
