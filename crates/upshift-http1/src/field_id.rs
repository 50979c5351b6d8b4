//! The names of fields that the codec and its users look for, as one byte each.

/// Declares the known names once.
macro_rules! known_fields {
    ($($id:ident = $name:literal $first:literal;)+) => {
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

            /// The only known name with this length and first letter.
            fn candidate(length: usize, first: u8) -> Self {
                $(
                    if length == $name.len() && first == $first {
                        return Self::$id;
                    }
                )+
                Self::Other
            }
        }
    };
}

// A name is found by its length and first letter, so no two may have both in common.
known_fields! {
    Te = "te" b't';
    Via = "via" b'v';
    Host = "host" b'h';
    Date = "date" b'd';
    Accept = "accept" b'a';
    Cookie = "cookie" b'c';
    Expect = "expect" b'e';
    Origin = "origin" b'o';
    Server = "server" b's';
    Upgrade = "upgrade" b'u';
    Trailer = "trailer" b't';
    Forwarded = "forwarded" b'f';
    Connection = "connection" b'c';
    KeepAlive = "keep-alive" b'k';
    UserAgent = "user-agent" b'u';
    ContentType = "content-type" b'c';
    MaxForwards = "max-forwards" b'm';
    Authorization = "authorization" b'a';
    ContentLength = "content-length" b'c';
    Http2Settings = "http2-settings" b'h';
    XForwardedFor = "x-forwarded-for" b'x';
    XForwardedHost = "x-forwarded-host" b'x';
    ProxyConnection = "proxy-connection" b'p';
    XForwardedProto = "x-forwarded-proto" b'x';
    TransferEncoding = "transfer-encoding" b't';
    SecWebSocketKey = "sec-websocket-key" b's';
    ProxyAuthorization = "proxy-authorization" b'p';
    SecWebSocketVersion = "sec-websocket-version" b's';
}

impl FieldId {
    /// The id of a field name, which is compared without case.
    pub fn of_name(name: &[u8]) -> Self {
        let Some(first) = name.first() else { return Self::Other };
        let candidate = Self::candidate(name.len(), first.to_ascii_lowercase());
        if name.eq_ignore_ascii_case(candidate.as_str().as_bytes()) {
            candidate
        } else {
            Self::Other
        }
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
