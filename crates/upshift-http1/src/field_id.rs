//! One-byte ids for the field names that the codec and its users look for.

use crate::octets::is_same_name;

/// Declares the known names once.
macro_rules! known_fields {
    ($($id:ident = $name:literal, $title_case:literal;)+) => {
        /// A known field name, or [`FieldId::Other`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum FieldId {
            /// Any other name.
            #[default]
            Other,
            $(#[doc = concat!("`", $name, "`.")] $id,)+
        }

        impl FieldId {
            /// All known names.
            pub const KNOWN: &'static [Self] = &[$(Self::$id,)+];

            /// The name in lower case; empty for [`FieldId::Other`].
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::Other => "",
                    $(Self::$id => $name,)+
                }
            }

            /// The name in title case; empty for [`FieldId::Other`].
            pub(crate) fn in_title_case(self) -> &'static str {
                match self {
                    Self::Other => "",
                    $(Self::$id => $title_case,)+
                }
            }
        }
    };
}

known_fields! {
    Te = "te", "Te";
    Via = "via", "Via";
    Host = "host", "Host";
    Date = "date", "Date";
    Accept = "accept", "Accept";
    Cookie = "cookie", "Cookie";
    Expect = "expect", "Expect";
    Origin = "origin", "Origin";
    Server = "server", "Server";
    Upgrade = "upgrade", "Upgrade";
    Trailer = "trailer", "Trailer";
    Forwarded = "forwarded", "Forwarded";
    Connection = "connection", "Connection";
    KeepAlive = "keep-alive", "Keep-Alive";
    UserAgent = "user-agent", "User-Agent";
    ContentType = "content-type", "Content-Type";
    MaxForwards = "max-forwards", "Max-Forwards";
    XRequestId = "x-request-id", "X-Request-Id";
    Authorization = "authorization", "Authorization";
    ContentLength = "content-length", "Content-Length";
    Http2Settings = "http2-settings", "Http2-Settings";
    XForwardedFor = "x-forwarded-for", "X-Forwarded-For";
    XForwardedHost = "x-forwarded-host", "X-Forwarded-Host";
    ProxyConnection = "proxy-connection", "Proxy-Connection";
    XForwardedProto = "x-forwarded-proto", "X-Forwarded-Proto";
    TransferEncoding = "transfer-encoding", "Transfer-Encoding";
    SecWebSocketKey = "sec-websocket-key", "Sec-Websocket-Key";
    ProxyAuthorization = "proxy-authorization", "Proxy-Authorization";
    SecWebSocketVersion = "sec-websocket-version", "Sec-Websocket-Version";
}

/// The only known name with this length and first letter (in lower case). So a name is compared
/// with at most one known name.
fn candidate(length: usize, first: u8) -> FieldId {
    match (length, first) {
        (2, b't') => FieldId::Te,
        (3, b'v') => FieldId::Via,
        (4, b'h') => FieldId::Host,
        (4, b'd') => FieldId::Date,
        (6, b'a') => FieldId::Accept,
        (6, b'c') => FieldId::Cookie,
        (6, b'e') => FieldId::Expect,
        (6, b'o') => FieldId::Origin,
        (6, b's') => FieldId::Server,
        (7, b'u') => FieldId::Upgrade,
        (7, b't') => FieldId::Trailer,
        (9, b'f') => FieldId::Forwarded,
        (10, b'c') => FieldId::Connection,
        (10, b'k') => FieldId::KeepAlive,
        (10, b'u') => FieldId::UserAgent,
        (12, b'c') => FieldId::ContentType,
        (12, b'm') => FieldId::MaxForwards,
        (12, b'x') => FieldId::XRequestId,
        (13, b'a') => FieldId::Authorization,
        (14, b'c') => FieldId::ContentLength,
        (14, b'h') => FieldId::Http2Settings,
        (15, b'x') => FieldId::XForwardedFor,
        (16, b'x') => FieldId::XForwardedHost,
        (16, b'p') => FieldId::ProxyConnection,
        (17, b'x') => FieldId::XForwardedProto,
        (17, b't') => FieldId::TransferEncoding,
        (17, b's') => FieldId::SecWebSocketKey,
        (19, b'p') => FieldId::ProxyAuthorization,
        (21, b's') => FieldId::SecWebSocketVersion,
        _ => FieldId::Other,
    }
}

impl FieldId {
    /// The id of a field name. The comparison ignores case.
    pub fn of_name(name: &[u8]) -> Self {
        let Some(first) = name.first() else { return Self::Other };
        let known = match candidate(name.len(), first.to_ascii_lowercase()) {
            Self::Other => return Self::Other,
            known => known,
        };
        if is_same_name(name, known.as_str().as_bytes()) { known } else { Self::Other }
    }

    /// The place among [`FieldId::KNOWN`]; `None` for [`FieldId::Other`].
    pub fn index(self) -> Option<usize> {
        (self as usize).checked_sub(1)
    }

    /// Returns true for the fields that frame a message. Only the codec writes them.
    pub fn is_framing(self) -> bool {
        matches!(self, Self::ContentLength | Self::TransferEncoding)
    }

    fn bit(self) -> u32 {
        match self {
            Self::Other => 0,
            known => 1 << known as u8,
        }
    }
}

/// A set of known field names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u32);

impl FieldSet {
    /// The set of these names. [`FieldId::Other`] is in no set.
    pub fn of(ids: &[FieldId]) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.insert(*id);
        }
        set
    }

    /// Adds a name.
    pub fn insert(&mut self, id: FieldId) {
        self.0 |= id.bit();
    }

    /// Returns true if the name is in the set.
    pub fn contains(self, id: FieldId) -> bool {
        self.0 & id.bit() != 0
    }

    /// Returns true if the sets have a name in common.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_found_in_any_case() {
        for id in FieldId::KNOWN {
            let name = id.as_str();
            assert_eq!(FieldId::of_name(name.as_bytes()), *id);
            assert_eq!(FieldId::of_name(name.to_uppercase().as_bytes()), *id);
        }
        for other in ["", "x", "hose", "content_length", "transfer-encodinG ", "x-forwarded-fox"] {
            assert_eq!(FieldId::of_name(other.as_bytes()), FieldId::Other, "{other:?}");
        }
    }

    #[test]
    fn a_set_holds_known_names_only() {
        let set = FieldSet::of(&[FieldId::Host, FieldId::Other]);
        assert!(set.contains(FieldId::Host));
        assert!(!set.contains(FieldId::Other));
        assert!(!set.intersects(FieldSet::of(&[FieldId::Te, FieldId::Other])));
    }
}
