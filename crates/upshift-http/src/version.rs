//! The version of HTTP, converted.

use http::Version;
use upshift_core::HttpVersion;

/// The core's name for a version of HTTP. A version that the `http` crate adds later counts as
/// HTTP/1.1.
pub fn http_version(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_09 => HttpVersion::V0_9,
        Version::HTTP_10 => HttpVersion::V1_0,
        Version::HTTP_2 => HttpVersion::V2,
        Version::HTTP_3 => HttpVersion::V3,
        _ => HttpVersion::V1_1,
    }
}
