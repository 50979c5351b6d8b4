//! Deprecation notices on a response that passes.

use http::{HeaderMap, HeaderValue};
use upshift_core::notice::FieldChange;

use crate::answer::field_name;

/// Applies a change that the core asks for to the fields of a response.
///
/// A change whose name or value is no legal field is skipped. The reader of policy files lets none
/// through, but a policy may also be built in code.
pub fn apply_change(headers: &mut HeaderMap, change: FieldChange<'_>) {
    let (name, value, replace) = match change {
        FieldChange::Set(name, value) => (name, value, true),
        FieldChange::Append(name, value) => (name, value, false),
    };
    let (Some(name), Ok(value)) = (field_name(name.as_bytes()), HeaderValue::from_str(&value))
    else {
        return;
    };
    if replace {
        headers.insert(name, value);
    } else {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_replaces_or_appends_and_an_illegal_value_is_skipped() {
        let mut headers = HeaderMap::new();
        headers.insert("sunset", HeaderValue::from_static("later"));
        headers.insert("link", HeaderValue::from_static("<a>"));
        apply_change(&mut headers, FieldChange::Set("Sunset", "earlier".into()));
        apply_change(&mut headers, FieldChange::Append("Link", "<b>".into()));
        apply_change(&mut headers, FieldChange::Set("Deprecation", "two\nlines".into()));
        assert_eq!(headers["sunset"], "earlier");
        assert_eq!(headers.get_all("link").iter().count(), 2);
        assert!(!headers.contains_key("deprecation"));
    }
}
