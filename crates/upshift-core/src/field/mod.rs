//! Grammar of the HTTP fields that decide about an upgrade (RFC 9110): tokens, lists, `Upgrade`,
//! `Connection`, `Accept`.
//!
//! Every reader takes all lines of its field, because together they are one list (RFC 9110 §5.3).
//! A reader that looked at the first line only would miss what a second line asks for.
//!
//! ```
//! use upshift_core::field::{ConnectionOptions, UpgradeList};
//!
//! let lines = [&b"h2c, websocket"[..], b"TLS/1.2"];
//! let offered = UpgradeList::parse(lines.into_iter())?;
//! assert!(offered.contains_name("WebSocket"));
//! assert_eq!(offered.to_string(), "h2c, websocket, TLS/1.2");
//!
//! let fields = vec![("Connection", "keep-alive, Upgrade")];
//! assert!(ConnectionOptions::from_fields(&fields).contains("upgrade"));
//! # Ok::<(), upshift_core::field::UpgradeListError>(())
//! ```

mod accept;
mod connection;
pub(crate) mod date;
mod list;
mod media_type;
mod name;
mod protocol;
mod quotes;
mod token;
mod upgrade;
mod value;

pub use accept::{Accept, MediaRange};
pub use connection::ConnectionOptions;
pub use date::parse_http_date;
pub use list::{list_elements, token_elements};
pub use media_type::MediaType;
pub use name::FieldName;
pub use protocol::{Protocol, ProtocolError};
pub use token::{is_tchar, is_token};
pub use upgrade::{UpgradeList, UpgradeListError};

pub(crate) use list::quoted_parts;
pub(crate) use value::is_field_value;
