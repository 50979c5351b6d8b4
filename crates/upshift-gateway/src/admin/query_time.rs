//! Times in requests to the admin API.

use upshift_core::Timestamp;

use super::problem::ApiProblem;

/// Reads the time of a field in RFC 3339; `None` if it was left out.
pub(super) fn read_time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiProblem> {
    let Some(text) = text else { return Ok(None) };
    match text.parse() {
        Ok(time) => Ok(Some(time)),
        Err(error) => {
            let error: jiff::Error = error;
            Err(ApiProblem::bad_request(format!("`{name}` is not a valid time: {error}")))
        }
    }
}
