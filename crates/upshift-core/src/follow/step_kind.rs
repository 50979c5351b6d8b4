//! The kinds of steps, by which a caller permits them.

/// The kind of a [`Step`](super::Step).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StepKind {
    /// A new TLS connection.
    Tls,
    /// A newer version of TLS.
    NewerTls,
    /// TLS inside the connection.
    TlsInBand,
    /// HTTP/1.1 instead of HTTP/1.0.
    Http11,
    /// HTTP/2 by ALPN.
    Http2,
    /// HTTP/2 over cleartext, by prior knowledge.
    Http2PriorKnowledge,
    /// HTTP/2 by `Upgrade: h2c`.
    H2c,
    /// HTTP/3.
    Http3,
    /// A WebSocket handshake.
    WebSocket,
    /// A higher version of an API or a client.
    Version,
    /// Plain HTTP instead of a WebSocket.
    FallBack,
}

impl StepKind {
    /// The kind in words that fit after "cannot use" and "may not use".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::NewerTls => "a newer version of TLS",
            Self::TlsInBand => "TLS inside the connection",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http2PriorKnowledge => "HTTP/2 over cleartext",
            Self::H2c => "the h2c switch",
            Self::Http3 => "HTTP/3",
            Self::WebSocket => "a WebSocket",
            Self::Version => "a higher version",
            Self::FallBack => "plain HTTP",
        }
    }

    const fn as_bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of [`StepKind`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StepKinds(u16);

impl StepKinds {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// All kinds.
    pub const ALL: Self = Self((StepKind::FallBack.as_bit() << 1) - 1);
    /// All kinds except the two that are dangerous or obsolete: TLS inside the connection and the
    /// h2c switch.
    pub const SAFE: Self = Self::ALL.without(StepKind::TlsInBand).without(StepKind::H2c);

    /// Makes a set of these kinds.
    pub const fn from_kinds(kinds: &[StepKind]) -> Self {
        let (mut set, mut index) = (Self::NONE, 0);
        // A `for` loop is not possible in a `const fn`.
        while index < kinds.len() {
            set = set.with(kinds[index]);
            index += 1;
        }
        set
    }

    /// Adds a kind.
    #[must_use]
    pub const fn with(self, kind: StepKind) -> Self {
        Self(self.0 | kind.as_bit())
    }

    /// Removes a kind.
    #[must_use]
    pub const fn without(self, kind: StepKind) -> Self {
        Self(self.0 & !kind.as_bit())
    }

    /// Returns true if the kind is in the set.
    pub const fn contains(self, kind: StepKind) -> bool {
        self.0 & kind.as_bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_safe_kinds_leave_out_what_is_spliced_or_obsolete() {
        let safe = StepKinds::SAFE;
        assert!(safe.contains(StepKind::Tls) && safe.contains(StepKind::FallBack));
        assert!(!safe.contains(StepKind::TlsInBand) && !safe.contains(StepKind::H2c));
        assert_eq!(safe.with(StepKind::H2c).with(StepKind::TlsInBand), StepKinds::ALL);
    }
}
