//! The faults of a peer: class, sender, offset, and the status of the response.

use std::fmt;

/// The side of a connection that sent malformed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The sender of requests.
    Client,
    /// The sender of responses.
    Server,
}

/// A message that two recipients could read differently. Nothing after it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The side that sent it.
    pub party: Party,
    /// The rule that it breaks.
    pub class: FaultClass,
    /// The offset of the fault, in bytes from the start of the connection.
    pub offset: u64,
}

impl Fault {
    /// The status of the response: to the client that sent the fault, or, if a server sent it, to
    /// the client of the gateway. `None` if the sender closed the connection itself, so no response
    /// is needed.
    pub fn status(&self) -> Option<u16> {
        match self.party {
            Party::Client => self.class.request_status(),
            // RFC 9110 §15.6.3: an invalid response from an inbound server.
            Party::Server => Some(502),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = match self.party {
            Party::Client => "request",
            Party::Server => "response",
        };
        write!(f, "malformed {sender}: {} (byte {})", self.class.as_str(), self.offset)
    }
}

impl std::error::Error for Fault {}

/// A fault within the bytes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) class: FaultClass,
    /// The offset from the start of the bytes.
    pub(crate) at: usize,
}

impl Malformed {
    pub(crate) fn new(class: FaultClass, at: usize) -> Self {
        Self { class, at }
    }

    /// The same fault, with `at` counted from a point `offset` bytes earlier.
    pub(crate) fn moved_by(self, offset: usize) -> Self {
        Self { at: self.at + offset, ..self }
    }
}

/// Declares the classes once, with the text of each.
macro_rules! fault_classes {
    ($($(#[doc = $doc:literal])+ $class:ident = $name:literal, $text:literal;)+) => {
        /// The rule that a message breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum FaultClass {
            $($(#[doc = $doc])+ $class,)+
        }

        impl FaultClass {
            /// All classes.
            pub const ALL: &'static [Self] = &[$(Self::$class,)+];

            /// A stable name, for metrics and for the conformance vectors.
            pub fn name(self) -> &'static str {
                match self { $(Self::$class => $name,)+ }
            }

            /// A sentence about the fault.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$class => $text,)+ }
            }
        }
    };
}

fault_classes! {
    /// The first bytes of a request are not a method (RFC 9110 §9.1).
    Method = "method", "the method is not a token";
    /// The method exceeds the limit, so it cannot be one that is implemented (RFC 9112 §3).
    MethodTooLong = "method-too-long", "the method is too long";
    /// White space in a request line other than its two spaces (RFC 9112 §3).
    RequestLineSpace = "request-line-space", "the request line has white space in the wrong place";
    /// The method does not allow the form of the target (RFC 9112 §3.2).
    Target = "target", "the request target is in no form that the method allows";
    /// A byte in the target that is not printable ASCII, or a fragment (RFC 9112 §3.2).
    TargetByte = "target-byte", "the request target has a character that must be percent-encoded";
    /// The request line exceeds the limit of the header section (RFC 9112 §3).
    TargetTooLong = "target-too-long", "the request target is too long";
    /// The HTTP version is missing, as in HTTP/0.9, or malformed (RFC 9112 §2.3).
    Version = "version", "the start line has no HTTP version";
    /// A major version other than 1 (RFC 9110 §15.6.6).
    VersionUnsupported = "version-unsupported", "the HTTP version is not 1.x";
    /// The first line of a response is not a status line (RFC 9112 §4).
    StatusLine = "status-line", "the response does not begin with a status line";
    /// A status outside 100 to 599 (RFC 9110 §15).
    Status = "status", "the status is not from 100 to 599";
    /// More empty lines before a request than the limit, or any before a response.
    EmptyLines = "empty-lines", "there are empty lines before the message";
    /// A line of a header section that ends in LF alone (RFC 9112 §2.2).
    BareLf = "bare-lf", "a line ends with LF alone";
    /// A CR that is not followed by LF (RFC 9112 §2.2).
    BareCr = "bare-cr", "there is a CR without LF";
    /// A field line that continues the one before it (RFC 9112 §5.2).
    LineFolding = "line-folding", "a field is folded over several lines";
    /// White space before the first field line (RFC 9112 §2.2).
    LeadingSpace = "leading-space", "there is white space before the first field";
    /// A field name that is empty or not a token (RFC 9110 §5.1).
    FieldName = "field-name", "a field name is not a token";
    /// White space between a field name and its colon (RFC 9112 §5.1).
    SpaceBeforeColon = "space-before-colon", "there is white space before the colon of a field";
    /// A field line without a colon (RFC 9112 §5).
    NoColon = "no-colon", "a field line has no colon";
    /// A control character in a field value (RFC 9110 §5.5).
    FieldValue = "field-value", "a field value has a control character";
    /// A header section of more bytes than the limit (RFC 9110 §5.4).
    HeadTooLarge = "head-too-large", "the header section is too large";
    /// More field lines than the limit (RFC 9110 §5.4).
    TooManyFields = "too-many-fields", "there are too many fields";
    /// The connection ended within a header section.
    HeadCutShort = "head-cut-short", "the connection ended within a header section";
    /// A `Host` that is missing, repeated or invalid (RFC 9112 §3.2).
    Host = "host", "the request does not have one valid Host";
    /// `Connection` names a field that frames or routes the message (RFC 9110 §7.6.1).
    ConnectionOption = "connection-option", "Connection names Host or a field of the framing";
    /// A `Content-Length` that is not one number below 2^63 (RFC 9110 §8.6).
    ContentLength = "content-length", "Content-Length is not a number";
    /// Several values of `Content-Length`, in a response only if they differ (RFC 9112 §6.3).
    ContentLengths = "content-lengths", "there are several values of Content-Length";
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 §6.3).
    LengthAndCoding = "length-and-coding",
        "there are both Content-Length and Transfer-Encoding";
    /// `Transfer-Encoding` in HTTP/1.0 (RFC 9112 §6.1).
    CodingHttp10 = "coding-in-http-1.0", "HTTP/1.0 has no Transfer-Encoding";
    /// A `Transfer-Encoding` that is not a list of codings (RFC 9112 §7).
    CodingList = "coding-list", "Transfer-Encoding is not a list of codings";
    /// A `Transfer-Encoding` that does not end with `chunked`, once (RFC 9112 §6.3).
    ChunkedNotLast = "chunked-not-last", "Transfer-Encoding does not end with chunked, once";
    /// A coding before `chunked` (RFC 9112 §6.1).
    CodingUnsupported = "coding-unsupported", "a transfer coding other than chunked is applied";
    /// Content in a CONNECT or TRACE request (RFC 9110 §9.3.6, §9.3.8).
    ContentNotAllowed = "content-not-allowed", "the method does not allow content";
    /// A chunk size that is not 1*HEXDIG, or is 2^63 or more (RFC 9112 §7.1).
    ChunkSize = "chunk-size", "a chunk size is not a hexadecimal number";
    /// A line of chunked framing that does not end with CR LF (RFC 9112 §7.1).
    ChunkLineEnd = "chunk-line-end", "a line of the chunked framing does not end with CR LF";
    /// A malformed chunk extension (RFC 9112 §7.1.1).
    ChunkExtension = "chunk-extension", "a chunk extension is malformed";
    /// Chunk extensions that are longer than the limit (RFC 9112 §7.1.1).
    ChunkExtensionTooLong = "chunk-extension-too-long", "the chunk extensions are too long";
    /// Chunk data that is not followed by CR LF (RFC 9112 §7.1).
    ChunkDataEnd = "chunk-data-end", "a chunk is longer than its size";
    /// More chunk framing than the limit, for too little content.
    ChunkOverhead = "chunk-overhead", "the chunks are too small";
    /// A trailer section of more bytes than the limit.
    TrailersTooLarge = "trailers-too-large", "the trailer section is too large";
    /// More trailer fields than the limit.
    TooManyTrailers = "too-many-trailers", "there are too many trailer fields";
    /// The connection ended before the end of the content (RFC 9112 §8).
    BodyCutShort = "body-cut-short", "the connection ended before the end of the content";
    /// The connection ended before the response to a request.
    NoResponse = "no-response", "the connection ended without a response";
    /// Bytes from a server while no request is outstanding (RFC 9112 §9.2).
    Unsolicited = "unsolicited", "the server sent bytes without a request";
    /// A 101 for a request that offered no switch (RFC 9110 §7.8).
    SwitchNotOffered = "switch-not-offered", "the server switches protocols without an offer";
    /// More interim responses than the limit.
    TooManyInterim = "too-many-interim", "there are too many interim responses";
}

impl FaultClass {
    fn request_status(self) -> Option<u16> {
        match self {
            Self::TargetTooLong => Some(414),
            Self::HeadTooLarge
            | Self::TooManyFields
            | Self::TrailersTooLarge
            | Self::TooManyTrailers => Some(431),
            Self::MethodTooLong | Self::CodingUnsupported => Some(501),
            Self::VersionUnsupported => Some(505),
            // The client closed the connection itself.
            Self::HeadCutShort | Self::BodyCutShort => None,
            _ => Some(400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_follows_from_class_and_party() {
        let mut fault = Fault { party: Party::Client, class: FaultClass::HeadTooLarge, offset: 7 };
        assert_eq!(fault.status(), Some(431));
        fault.party = Party::Server;
        assert_eq!(fault.status(), Some(502));
        assert_eq!(
            fault.to_string(),
            "malformed response: the header section is too large (byte 7)"
        );
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<&str> =
            FaultClass::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(names.len(), FaultClass::ALL.len());
    }
}
