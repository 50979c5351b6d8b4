//! Messages of HTTP/1 that are odd in their framing alone.

use crate::OddMessages;

/// Fields of the framing that are valid.
const FRAMING: [&[u8]; 4] = [
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"transfer-encoding: Chunked\r\n",
    b"Content-Length: 10\r\n",
];

/// Fields that parsers take for fields of the framing, or not.
const ODD_FRAMING: [&[u8]; 40] = [
    b"Content-Length: 003\r\n",
    b"Content-Length:3\r\n",
    b"Content-Length: \t3 \r\n",
    b"Content-Length: +3\r\n",
    b"Content-Length: -0\r\n",
    b"Content-Length: 0x3\r\n",
    b"Content-Length: 3 0\r\n",
    b"Content-Length: 3, 3\r\n",
    b"Content-Length: 3,\r\n",
    b"Content-Length: 3\r\nContent-Length: 3\r\n",
    b"Content-Length: 3\r\nContent-Length: 10\r\n",
    b"Content-Length:\r\n",
    b"Content-Length: 3_0\r\n",
    b"Content-Length : 3\r\n",
    b"Content-Length\t: 3\r\n",
    b"Content_Length: 3\r\n",
    b"Content-Length: 18446744073709551619\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 3\n",
    b"Content-Length: 3\r\r\n",
    b"Transfer-Encoding: chunked \r\n",
    b"Transfer-Encoding:\tchunked\r\n",
    b"Transfer-Encoding:chunked\r\n",
    b"Transfer-Encoding: , chunked\r\n",
    b"Transfer-Encoding: chunked,\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunked;q=1\r\n",
    b"Transfer-Encoding: \"chunked\"\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n",
    b"Transfer-Encoding: chunked\xa0\r\n",
    b"Transfer-Encoding:\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n",
    b"X: a\r\n Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer_Encoding: chunked\r\n",
    b"Connection: close, content-length\r\n",
];

const CHUNKS: [&[u8]; 4] =
    [b"3\r\nabc\r\n", b"a\r\n0123456789\r\n", b"3;x=y\r\nabc\r\n", b"1;q=\"a b\"\r\nz\r\n"];

const ODD_CHUNKS: [&[u8]; 30] = [
    b"03\r\nabc\r\n",
    b"00000000000000000003\r\nabc\r\n",
    b"10000000000000003\r\nabc\r\n",
    b"3 ;x\r\nabc\r\n",
    b"3\t;x\r\nabc\r\n",
    b"3; x = y\r\nabc\r\n",
    b"3;\r\nabc\r\n",
    b"3;x=\"\r\nabc\r\n",
    b"3;x=\"\\\"\"\r\nabc\r\n",
    b"3;x=\"a\r\nb\"\r\nabc\r\n",
    b"3;x\ny\r\nabc\r\n",
    b"3;x\ry\r\nabc\r\n",
    b"3;\0\r\nabc\r\n",
    b"3 \r\nabc\r\n",
    b" 3\r\nabc\r\n",
    b"3\nabc\r\n",
    b"3\r\nabc\n",
    b"3\r\r\nabc\r\n",
    b"3\rabc\r\n",
    b"3\r\nabcX\r\n",
    b"3\r\nabcXX",
    b"3\r\nabc",
    b"2\r\nabc\r\n",
    b"+3\r\nabc\r\n",
    b"0x3\r\nabc\r\n",
    b"3g\r\nabc\r\n",
    b"\r\nabc\r\n",
    b"-1\r\nabc\r\n",
    b"3\r\n\r\n\r\n\r\n",
    b"\r\n",
];

const ENDS: [&[u8]; 3] = [b"0\r\n\r\n", b"0\r\nX-Trailer: a\r\n\r\n", b"00\r\n\r\n"];

const ODD_ENDS: [&[u8]; 16] = [
    b"0;x\r\n\r\n",
    b"0 \r\n\r\n",
    b"0\n\n",
    b"0\r\n\n",
    b"0\n\r\n",
    b"0\r\n\r",
    b"0\r\n",
    b"0\r\nXX",
    b"\r\n\r\n",
    b"0\r\nContent-Length: 10\r\n\r\n",
    b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"0\r\nno colon\r\n\r\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
    b"0\r\n : a\r\n\r\n",
    b"0\r\n\0\r\n\r\n",
    b"0\r\n\r\n\r\n",
];

impl OddMessages {
    /// A request that may be odd in its framing, and a request for `/next` behind it.
    pub fn framed_request(&mut self) -> Vec<u8> {
        let version: &[u8] = if self.below(16) == 0 { b"0" } else { b"1" };
        let start = [b"POST /framed HTTP/1.".as_slice(), version, b"\r\nHost: a\r\n"];
        self.framed(&start, crate::odd_messages::NEXT)
    }

    /// A response that may be odd in its framing.
    pub fn framed_response(&mut self) -> Vec<u8> {
        let version: &[u8] = if self.below(16) == 0 { b"0" } else { b"1" };
        self.framed(&[b"HTTP/1.".as_slice(), version, b" 200 OK\r\n"], b"")
    }

    /// The start, fields of the framing, content, and the bytes behind it.
    fn framed(&mut self, start: &[&[u8]], behind: &[u8]) -> Vec<u8> {
        let mut message = start.concat();
        for _ in 0..1 + self.below(6) / 5 {
            message.extend_from_slice(self.pick_odd(&FRAMING, &ODD_FRAMING));
        }
        message.extend_from_slice(b"\r\n");
        if self.below(4) == 0 {
            message.extend_from_slice(b"abc");
        } else {
            for _ in 0..self.below(3) {
                message.extend_from_slice(self.pick_odd(&CHUNKS, &ODD_CHUNKS));
            }
            message.extend_from_slice(self.pick_odd(&ENDS, &ODD_ENDS));
        }
        message.extend_from_slice(behind);
        message
    }

    /// One of the texts; of three, one is odd.
    fn pick_odd<'t>(&mut self, valid: &[&'t [u8]], odd: &[&'t [u8]]) -> &'t [u8] {
        if self.below(3) == 0 { self.pick(odd) } else { self.pick(valid) }
    }
}
