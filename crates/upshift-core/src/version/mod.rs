//! Versions of APIs and clients, and their order.
//!
//! The versions of an API follow one [`VersionScheme`], which gives them a total order. Two versions
//! can be equal although they are written differently (`1` and `1.0`).
//!
//! Clients write their versions in many ways. A [`ClientVersion`] is compared with an entry of the
//! policy only as far as that entry goes, and the order can be unknown.
//!
//! ```
//! use std::cmp::Ordering;
//! use upshift_core::version::{ClientVersion, VersionScheme};
//!
//! let semver = VersionScheme::Semver;
//! assert!(semver.parse("v2.9")? < semver.parse("2.10.0")?);
//!
//! let sent = ClientVersion::parse_lenient("5.3.0 (build 1234)").expect("it begins with a number");
//! assert_eq!(sent.compare_with(&ClientVersion::parse("5.3")?), Some(Ordering::Equal));
//! assert_eq!(sent.compare_with(&ClientVersion::parse("5.3.0+1235")?), Some(Ordering::Less));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod date;
mod identifier;
mod numeric;
mod scheme;
mod semantic;
mod suffix;
mod suffix_text;
mod vocabulary;

pub use client::{ClientVersion, ClientVersionError};
pub use scheme::{Version, VersionError, VersionScheme};
