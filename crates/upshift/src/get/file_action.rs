//! The effect of an answer on the file that it was fetched for.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderMap, StatusCode};
use upshift_config::make_visible;

use super::content_range::{ContentRange, whole_length};

/// The part that was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestedRange {
    /// The whole.
    Whole,
    /// The part from this byte to the end, for a file of this length.
    From { byte: u64, length: u64 },
    /// The part that a `Range` field on the command line names.
    OwnRange,
}

/// The effect of an answer on the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileAction {
    /// The body replaces the file.
    Replace,
    /// The body is appended to the file.
    Append(ContentRange),
    /// The file is unchanged, and that is success.
    Keep(&'static str),
    /// The file is unchanged, because the answer is not what was requested.
    Refuse(String),
}

/// Decides what an answer does to the file. `empty` is for an answer that has no content by
/// definition.
pub(super) fn file_action(
    status: StatusCode,
    headers: &HeaderMap,
    requested: RequestedRange,
    empty: bool,
) -> FileAction {
    match (status, requested) {
        (StatusCode::PARTIAL_CONTENT, RequestedRange::From { byte, .. }) => {
            check_part(headers, byte)
        }
        (StatusCode::PARTIAL_CONTENT, RequestedRange::Whole) => {
            FileAction::Refuse("a part (206), where the whole was requested".to_owned())
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, RequestedRange::From { byte, length }) => {
            check_unsatisfiable(headers, byte, length)
        }
        // The answer to an If-None-Match or If-Modified-Since of the command line.
        (StatusCode::NOT_MODIFIED, RequestedRange::Whole) => FileAction::Keep("not modified (304)"),
        // Only these two have the whole as their content (RFC 9110 §15.3.1, §15.3.4).
        (
            StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION,
            RequestedRange::From { .. },
        ) => FileAction::Replace,
        (status, RequestedRange::From { .. }) => {
            FileAction::Refuse(describe_status(status, headers))
        }
        (status, _) if status.is_success() && empty => {
            FileAction::Keep("the answer has no content")
        }
        // Also a 206: with a Range of their own, users know what they get.
        (status, _) if status.is_success() => FileAction::Replace,
        (status, _) => FileAction::Refuse(describe_status(status, headers)),
    }
}

/// RFC 9110 §15.3.7.2: a client has to check which part it got.
fn check_part(headers: &HeaderMap, byte: u64) -> FileAction {
    let content_type = field_text(headers, CONTENT_TYPE).to_ascii_lowercase();
    // RFC 9110 §15.3.7.2: each of the parts in such a body has a Content-Range of its own.
    if content_type.starts_with("multipart/byteranges") {
        return FileAction::Refuse(
            "several parts (multipart/byteranges), where one was requested".to_owned(),
        );
    }
    // RFC 9110 §8.4: the bytes of a coded form are not those of the file.
    let coding = field_text(headers, CONTENT_ENCODING);
    if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
        let visible = make_visible(coding);
        return FileAction::Refuse(format!("a part of a coded form (Content-Encoding: {visible})"));
    }
    let Some(range) = ContentRange::from_headers(headers) else {
        return FileAction::Refuse("a part (206) that does not say where it begins".to_owned());
    };
    if range.first != byte {
        let first = range.first;
        return FileAction::Refuse(format!(
            "a part from byte {first} on, where byte {byte} was requested"
        ));
    }
    if !agrees_with_length(headers, range.byte_count()) {
        let length = make_visible(field_text(headers, CONTENT_LENGTH));
        let count = range.byte_count();
        return FileAction::Refuse(format!(
            "a part of {count} bytes whose Content-Length is {length}"
        ));
    }
    FileAction::Append(range)
}

/// RFC 9110 §15.5.17: a 416 says how long the whole is.
fn check_unsatisfiable(headers: &HeaderMap, byte: u64, length: u64) -> FileAction {
    match whole_length(headers) {
        Some(whole) if whole == length => FileAction::Keep("the file is complete already"),
        Some(whole) => FileAction::Refuse(format!(
            "the whole has {whole} bytes (416), where byte {byte} of {length} was requested; if the \
             file is an older one, fetch it without --continue-at"
        )),
        None => FileAction::Refuse(format!(
            "nothing from byte {byte} on (416), without the length of the whole"
        )),
    }
}

/// The value of a field; empty if it is missing or not text.
fn field_text(headers: &HeaderMap, name: HeaderName) -> &str {
    let Some(value) = headers.get(name) else { return "" };
    value.to_str().unwrap_or_default().trim()
}

/// Returns true if `Content-Length` is this one, or missing.
fn agrees_with_length(headers: &HeaderMap, length: u64) -> bool {
    !headers.contains_key(CONTENT_LENGTH)
        || field_text(headers, CONTENT_LENGTH).parse() == Ok(length)
}

/// The status, and where a redirection leads.
fn describe_status(status: StatusCode, headers: &HeaderMap) -> String {
    if status.is_redirection()
        && let Some(location) = headers.get(LOCATION)
        && let Ok(target) = location.to_str()
    {
        return format!("{status}, to {}", make_visible(target));
    }
    status.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(status: u16, range: &'static str, asked: RequestedRange) -> &'static str {
        let mut headers = HeaderMap::new();
        if !range.is_empty() {
            headers.insert(http::header::CONTENT_RANGE, http::HeaderValue::from_static(range));
        }
        match file_action(StatusCode::from_u16(status).unwrap_or_default(), &headers, asked, false)
        {
            FileAction::Replace => "replace",
            FileAction::Append(_) => "append",
            FileAction::Keep(_) => "keep",
            FileAction::Refuse(_) => "refuse",
        }
    }

    /// A part is appended only if its other fields agree with `Content-Range`, and a file that is
    /// longer than the whole is not taken for complete.
    #[test]
    fn a_part_is_taken_only_if_its_head_agrees_with_itself() {
        let rows = [
            ("content-type", "Multipart/ByteRanges; boundary=x", false),
            ("content-type", "text/plain", true),
            ("content-encoding", "gzip", false),
            ("content-encoding", "identity", true),
            ("content-length", "5", true),
            ("content-length", "7", false),
            ("content-length", "4", false),
        ];
        let range = http::HeaderValue::from_static("bytes 5-9/10");
        for (name, value, appended) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::CONTENT_RANGE, range.clone());
            headers.insert(name, http::HeaderValue::from_static(value));
            let taken = file_action(
                StatusCode::PARTIAL_CONTENT,
                &headers,
                RequestedRange::From { byte: 5, length: 5 },
                false,
            );
            assert_eq!(matches!(taken, FileAction::Append(_)), appended, "{name}: {value}");
        }
        assert_eq!(taken(416, "bytes */5", RequestedRange::From { byte: 5, length: 9 }), "refuse");
    }

    /// Only the whole, or the part that was requested, changes a file. Other answers were once
    /// taken for the file.
    #[test]
    fn only_the_whole_or_the_right_part_touches_a_file() {
        let from = RequestedRange::From { byte: 5, length: 5 };
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
            (206, "bytes 0-9/10", RequestedRange::Whole, "refuse"),
            (206, "bytes 0-9/10", RequestedRange::OwnRange, "replace"),
            (304, "", RequestedRange::Whole, "keep"),
            (304, "", from, "refuse"),
            (416, "bytes */5", RequestedRange::Whole, "refuse"),
        ];
        for (status, range, asked, expected) in rows {
            assert_eq!(taken(status, range, asked), expected, "{status} {range} {asked:?}");
        }
        for status in [201, 202, 204, 205, 207, 300, 302, 308, 400, 404, 426, 500, 503] {
            assert_eq!(taken(status, "", from), "refuse", "{status}");
        }
        for status in [300, 302, 308, 400, 404, 426, 500, 503] {
            assert_eq!(taken(status, "", RequestedRange::Whole), "refuse", "{status}");
        }
    }
}
