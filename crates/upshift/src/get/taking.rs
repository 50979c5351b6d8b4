//! What an answer may do to the file that it was fetched for.

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use upshift_config::make_visible;

use super::content_range::{ContentRange, whole_length};

/// Which part was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// From this byte on, up to the end.
    From(u64),
    /// The part that a `Range` field of the caller's own names.
    OwnRange,
}

/// What an answer does to the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// Its body takes the place of the file.
    Replace,
    /// Its body comes behind what the file has.
    Append(ContentRange),
    /// The file is left as it is, and that is well.
    Keep(&'static str),
    /// The file is left as it is, for it is not what was asked for.
    Refuse(String),
}

/// Decides it. `empty` says that the answer has no content by its nature and nothing else is to be written.
pub(super) fn taking(status: StatusCode, headers: &HeaderMap, asked: Asked, empty: bool) -> Taking {
    match (status, asked) {
        (StatusCode::PARTIAL_CONTENT, Asked::From(byte)) => part(headers, byte),
        (StatusCode::PARTIAL_CONTENT, Asked::Whole) => {
            Taking::Refuse("a part (206), where the whole was asked for".to_owned())
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, Asked::From(byte)) => nothing_more(headers, byte),
        (StatusCode::NOT_MODIFIED, Asked::Whole) => Taking::Keep("not modified (304)"),
        // Only these two have the whole as their content (RFC 9110 §15.3.1, §15.3.4).
        (StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION, Asked::From(_)) => Taking::Replace,
        (status, Asked::From(_)) => Taking::Refuse(named(status, headers)),
        (status, _) if status.is_success() && empty => Taking::Keep("the answer has no content"),
        (status, _) if status.is_success() => Taking::Replace,
        (status, _) => Taking::Refuse(named(status, headers)),
    }
}

/// RFC 9110 §15.3.7.2: a client checks which part it got.
fn part(headers: &HeaderMap, byte: u64) -> Taking {
    match ContentRange::read(headers) {
        Some(range) if range.first == byte => Taking::Append(range),
        Some(range) => Taking::Refuse(format!("a part from byte {} on, where byte {byte} was asked for", range.first)),
        None => Taking::Refuse("a part (206) that does not say where it begins".to_owned()),
    }
}

/// RFC 9110 §15.5.17: a 416 says how long the whole is.
fn nothing_more(headers: &HeaderMap, byte: u64) -> Taking {
    match whole_length(headers) {
        Some(whole) if whole == byte => Taking::Keep("the file is whole already"),
        Some(whole) => {
            let hint = "if the file is an older one, fetch it without --continue-at";
            Taking::Refuse(format!("the whole has {whole} bytes (416), where byte {byte} was asked for; {hint}"))
        }
        None => Taking::Refuse(format!("nothing from byte {byte} on (416), without the length of the whole")),
    }
}

fn named(status: StatusCode, headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).filter(|_| status.is_redirection());
    match location.and_then(|location| location.to_str().ok()) {
        Some(location) => format!("{status}, to {}", make_visible(location)),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(status: u16, range: &'static str, asked: Asked) -> &'static str {
        let mut headers = HeaderMap::new();
        if !range.is_empty() {
            headers.insert(http::header::CONTENT_RANGE, http::HeaderValue::from_static(range));
        }
        match taking(StatusCode::from_u16(status).unwrap_or_default(), &headers, asked, false) {
            Taking::Replace => "replace",
            Taking::Append(_) => "append",
            Taking::Keep(_) => "keep",
            Taking::Refuse(_) => "refuse",
        }
    }

    /// An answer that is not the file was taken for the file.
    #[test]
    fn only_the_whole_or_the_right_part_touches_a_file() {
        let from = Asked::From(5);
        let rows = [
            (200, "", from, "replace"),
            (203, "", from, "replace"),
            (206, "bytes 5-9/10", from, "append"),
            (206, "bytes 5-9/*", from, "append"),
            (206, "bytes 0-9/10", from, "refuse"),
            (206, "bytes 6-9/10", from, "refuse"),
            (206, "", from, "refuse"),
            (416, "bytes */5", from, "keep"),
            (416, "bytes */4", from, "refuse"),
            (416, "", from, "refuse"),
            (206, "bytes 0-9/10", Asked::Whole, "refuse"),
            (206, "bytes 0-9/10", Asked::OwnRange, "replace"),
            (304, "", Asked::Whole, "keep"),
            (304, "", from, "refuse"),
            (416, "bytes */5", Asked::Whole, "refuse"),
        ];
        for (status, range, asked, expected) in rows {
            assert_eq!(taken(status, range, asked), expected, "{status} {range} {asked:?}");
        }
        for status in [201, 202, 204, 205, 207, 300, 302, 308, 400, 404, 426, 500, 503] {
            assert_eq!(taken(status, "", from), "refuse", "{status}");
        }
        for status in [300, 302, 308, 400, 404, 426, 500, 503] {
            assert_eq!(taken(status, "", Asked::Whole), "refuse", "{status}");
        }
    }
}
