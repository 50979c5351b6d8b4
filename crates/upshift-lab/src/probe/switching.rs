//! The conditions that a 101 has to meet.

use upshift_core::field::list_elements;
use upshift_record::{RecordedField, RecordedResponse};

use super::inquiry::{Failure, Inquiry};

/// Checks that the 101 of an exchange switches to a protocol with one of the names that were
/// offered.
///
/// RFC 9110 §15.2.2: "The server MUST generate an Upgrade header field in the response that
/// indicates which protocol(s) will be in effect after this response."
pub(super) fn require_switch(offered: &[&str], inquiry: &mut Inquiry) -> Result<(), Failure> {
    let Some(switch) = inquiry.exchange.interim.last() else {
        return Err(Failure::malformed("there is no 101"));
    };
    let protocols = list_of(switch, "upgrade");
    // RFC 9110 §7.8: "A server MUST NOT switch to a protocol that was not indicated by the client".
    let is_offered = |protocol: &String| offered.iter().any(|name| is_named(protocol, name));
    let has_option = list_of(switch, "connection").iter().any(|option| is_named(option, "upgrade"));
    if !protocols.iter().any(is_offered) {
        let said = match protocols.as_slice() {
            [] => "no Upgrade".to_owned(),
            named => format!("Upgrade: {}", named.join(", ")),
        };
        let offered = offered.join(", ");
        return Err(Failure::malformed(format!("the 101 has {said}, but `{offered}` was offered")));
    }
    inquiry.mark(format!("101, {}", protocols.join(", ")));
    if !has_option {
        inquiry.remark("the 101 has no `Connection: upgrade`");
    }
    Ok(())
}

/// The elements of a list field, in order, over all of its lines.
pub(super) fn list_of(response: &RecordedResponse, wanted: &str) -> Vec<String> {
    let lines = values_of(response, wanted);
    let elements = list_elements(lines.into_iter());
    elements.map(|element| String::from_utf8_lossy(element).into_owned()).collect()
}

/// The values of a field.
pub(super) fn values_of<'r>(response: &'r RecordedResponse, wanted: &str) -> Vec<&'r [u8]> {
    let mut values = Vec::new();
    for RecordedField(name, value) in &response.fields {
        if name.eq_ignore_ascii_case(wanted) {
            values.push(value.as_bytes());
        }
    }
    values
}

/// The first value of a field, as text.
pub(super) fn text_of(response: &RecordedResponse, wanted: &str) -> Option<String> {
    let first = values_of(response, wanted).into_iter().next()?;
    Some(String::from_utf8_lossy(first).into_owned())
}

/// Returns true if a protocol is called `name`, in any version.
pub(super) fn is_named(protocol: &str, name: &str) -> bool {
    let own = protocol.split('/').next().unwrap_or_default();
    own.eq_ignore_ascii_case(name)
}
