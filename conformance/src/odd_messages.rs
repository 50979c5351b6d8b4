//! Messages of HTTP/1 with one to three oddities, made from valid ones. The same seed gives the same
//! messages, so that a difference can be looked at again.

/// A source of messages.
#[derive(Debug)]
pub struct OddMessages {
    state: u64,
}

/// Bytes and texts that parsers have disagreed about.
const ODD: [&[u8]; 40] = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\t",
    b"\x0b",
    b" ",
    b",",
    b";",
    b"\"",
    b"\x85",
    b"\xa0",
    b"\xff",
    b":",
    b"=",
    b"-",
    b"+",
    b"_",
    b"0",
    b"0x",
    b"#",
    b"%0d%0a",
    b"\x7f",
    b"\\",
    b"(",
    b"\r\r\n",
    b"\n\r\n",
    b"\r\n ",
    b"\r\n\r\n",
    b"chunked",
    b"identity",
    b", chunked",
    b"gzip, ",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 3\r\n",
    b"Connection: close\r\n",
    b"X: a\r\n b\r\n",
    b"0\r\n\r\n",
    b"3\r\nabc\r\n",
    b"HTTP/1.1",
];

const METHODS: [&[u8]; 6] = [b"GET", b"POST", b"PUT", b"OPTIONS", b"DELETE", b"get"];
const TARGETS: [&[u8]; 5] = [b"/", b"/a/b?c=d", b"http://a/x", b"/%00%0d", b"/a:b@c"];
const FIELDS: [&[u8]; 10] = [
    b"User-Agent: x/1.0 (y; z)\r\n",
    b"Accept: */*\r\n",
    b"X-Empty:\r\n",
    b"X: \t a \t \r\n",
    b"Connection: keep-alive, x\r\n",
    b"Content-Type: text/plain\r\n",
    b"TE: trailers\r\n",
    b"Expect: 100-continue\r\n",
    b"Cookie: a=b; c=\"d\"\r\n",
    b"content-encoding: gzip\r\n",
];
const CHUNKS: [&[u8]; 6] = [
    b"3\r\nabc\r\n",
    b"A\r\n0123456789\r\n",
    b"003;x=y\r\nabc\r\n",
    b"1 ;q=\"a b\"\r\nz\r\n",
    b"5\r\n\r\n0\r\n\r\n",
    b"1\r\n\n\r\n",
];
const STATUSES: [&[u8]; 8] = [b"200", b"404", b"204", b"304", b"100", b"103", b"500", b"299"];

/// A request that shows whether the one before it was read to its end.
pub(crate) const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

impl OddMessages {
    /// The messages of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) }
    }

    /// A number below `limit` (splitmix64).
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    pub(crate) fn pick<'t>(&mut self, texts: &[&'t [u8]]) -> &'t [u8] {
        texts[self.below(texts.len())]
    }

    /// A request with one to three oddities, and a request for `/next` behind it, which shows where
    /// the first one ended.
    pub fn request(&mut self) -> Vec<u8> {
        let mut parts: Vec<&[u8]> = vec![self.pick(&METHODS), b" ", self.pick(&TARGETS), b" "];
        parts.push(if self.below(8) == 0 { b"HTTP/1.0" } else { b"HTTP/1.1" });
        parts.extend([&b"\r\n"[..], b"Host: a\r\n"]);
        self.add_rest(&mut parts);
        let mut message = self.with_oddities(&parts);
        message.extend_from_slice(NEXT);
        message
    }

    /// A response with one to three oddities.
    pub fn response(&mut self) -> Vec<u8> {
        let mut parts: Vec<&[u8]> = Vec::new();
        parts.push(if self.below(8) == 0 { b"HTTP/1.0" } else { b"HTTP/1.1" });
        parts.extend([&b" "[..], self.pick(&STATUSES), b" ", b"OK", b"\r\n"]);
        self.add_rest(&mut parts);
        self.with_oddities(&parts)
    }

    /// Adds fields, the empty line, and content.
    fn add_rest(&mut self, parts: &mut Vec<&[u8]>) {
        for _ in 0..self.below(3) {
            parts.push(self.pick(&FIELDS));
        }
        match self.below(3) {
            0 => parts.push(b"\r\n"),
            1 => parts.extend([&b"Content-Length: "[..], b"3", b"\r\n", b"\r\n", b"abc"]),
            _ => {
                parts.extend([&b"Transfer-Encoding: "[..], b"chunked", b"\r\n", b"\r\n"]);
                for _ in 0..self.below(3) {
                    parts.push(self.pick(&CHUNKS));
                }
                parts.extend([&b"0"[..], b"\r\n"]);
                if self.below(3) == 0 {
                    parts.push(b"X-Trailer: a\r\n");
                }
                parts.push(b"\r\n");
            }
        }
    }

    fn with_oddities(&mut self, parts: &[&[u8]]) -> Vec<u8> {
        let mut odd: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        for _ in 0..=self.below(3) {
            let place = self.below(odd.len());
            match self.below(6) {
                0 => odd[place] = self.pick(&ODD).to_vec(),
                1 => odd.insert(place, self.pick(&ODD).to_vec()),
                2 => {
                    let within = self.below(odd[place].len() + 1);
                    let oddity = self.pick(&ODD);
                    odd[place].splice(within..within, oddity.iter().copied());
                }
                3 => drop(odd.remove(place)),
                4 => odd.insert(place, odd[place].clone()),
                _ => {
                    let other = self.below(odd.len());
                    odd.swap(place, other);
                }
            }
            if odd.is_empty() {
                break;
            }
        }
        odd.concat()
    }
}
