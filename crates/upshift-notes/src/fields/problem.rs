//! Problem details (RFC 9457).

use serde_json::{Map, Value};

use crate::exchange::Response;

/// The content of a response that is declared to be problem details.
pub(crate) enum ProblemDetails {
    Object(Map<String, Value>),
    /// The content is not a JSON object, with the reason.
    Broken(String),
}

/// Reads the problem details of a response; `None` if it has none, or its content was not recorded.
pub(crate) fn problem_of(response: &Response<'_>) -> Option<ProblemDetails> {
    let is_problem = response.media_type().as_deref() == Some("application/problem+json");
    let is_coded = response.fields.has("content-encoding");
    if !is_problem || is_coded || response.body.is_empty() || !response.body_is_whole {
        return None;
    }
    Some(match serde_json::from_slice(response.body) {
        Ok(Value::Object(members)) => ProblemDetails::Object(members),
        Ok(_) => ProblemDetails::Broken("it is not an object".to_owned()),
        Err(error) => ProblemDetails::Broken(error.to_string()),
    })
}

/// The members of the problem details of a response, if they are an object.
pub(crate) fn problem_members(response: &Response<'_>) -> Option<Map<String, Value>> {
    match problem_of(response)? {
        ProblemDetails::Object(members) => Some(members),
        ProblemDetails::Broken(_) => None,
    }
}
