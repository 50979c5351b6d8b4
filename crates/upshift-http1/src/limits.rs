//! The limits of a connection, and the choices that RFC 9112 leaves to the recipient.

/// The most bytes of a header section that the field table can address.
pub(crate) const LARGEST_HEAD: usize = u16::MAX as usize;

/// The most bytes of a trailer section. The offsets of the table also cover the last chunk before
/// it.
pub(crate) const LARGEST_TRAILERS: usize = 60_000;

/// The limits of what a peer may send. Exceeding one is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a header section, including its start line and the empty lines before it; at most
    /// 65,535.
    pub head_bytes: usize,
    /// Field lines of a header section.
    pub fields: usize,
    /// Bytes of a method.
    pub method_bytes: usize,
    /// Empty lines before a request line.
    pub empty_lines: usize,
    /// Bytes of the extensions of one chunk.
    pub chunk_extension: usize,
    /// Bytes of the extensions of all chunks of one body.
    pub chunk_extensions: usize,
    /// Bytes of chunked framing after which at least a quarter of a body must be content.
    pub chunk_overhead: u64,
    /// Bytes of a trailer section; at most 60,000.
    pub trailer_bytes: usize,
    /// Field lines of a trailer section.
    pub trailers: usize,
    /// Interim responses to one request.
    pub interim_responses: usize,
    /// Accepts a lone LF as the end of a line in header and trailer sections.
    ///
    /// RFC 9112 §2.2 permits it. It is off by default, because a peer that does not accept it reads
    /// a different message. In chunked framing, a lone LF is always a fault.
    pub accepts_bare_lf: bool,
    /// Ignores options of `Connection` that name `Host` or a field of the framing.
    ///
    /// They are a fault by default, because an intermediary that removes what `Connection` names
    /// (RFC 9110 §7.6.1) would remove the framing. An intermediary that never removes these fields
    /// can ignore them.
    pub ignores_essential_options: bool,
    /// Checks `Host` (RFC 9112 §3.2). A caller that checks the authority for all versions of HTTP
    /// can turn this off and check it there.
    pub checks_host: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            fields: 100,
            method_bytes: 64,
            empty_lines: 2,
            chunk_extension: 256,
            chunk_extensions: 16 * 1024,
            chunk_overhead: 100 * 1024,
            trailer_bytes: 8 * 1024,
            trailers: 64,
            interim_responses: 32,
            accepts_bare_lf: false,
            ignores_essential_options: false,
            checks_host: true,
        }
    }
}
