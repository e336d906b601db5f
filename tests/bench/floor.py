"""A server that does nothing: it answers each call at once with the same few ids. What is left is boto3's own time."""

from __future__ import annotations

import asyncio
import sys

XML = (
    b"<R><requestId>r</requestId><snapshotId>snap-00000000000000001</snapshotId>"
    b"<volumeId>vol-00000000000000001</volumeId><return>true</return></R>"
)
JSON = b'{"KeyMetadata": {"KeyId": "k", "Arn": "arn:aws:kms:us-east-1:000000000000:key/k"}}'


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests of one connection, until it closes."""
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).lower():
            length = head.partition(b"content-length:")[2].split(b"\r\n")[0].strip()
            await reader.readexactly(int(length or 0))
            body, kind = (JSON, b"application/x-amz-json-1.1") if b"x-amz-target" in head else (XML, b"text/xml")
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
