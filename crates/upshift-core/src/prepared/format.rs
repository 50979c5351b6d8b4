//! The formats of an answer's body.

/// The format of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/problem+json` (RFC 9457).
    Problem,
    /// `text/html`.
    Html,
    /// `text/plain`.
    Text,
    /// The trailers of a failed gRPC call.
    Grpc,
}

impl Format {
    /// The `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Problem => "application/problem+json",
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Grpc => "application/grpc",
        }
    }
}
