//! The forms of the verbs, as browsers send them.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use jiff::civil;
use serde::Deserialize;
use upshift_core::Timestamp;
use upshift_record::control::ChangeRequest;

use super::error_page::ErrorPage;
use crate::admin::rollout_api::Verb;
use crate::admin::sessions::Session;

/// A form of a verb. Fields that a browser left empty count as left out.
#[derive(Deserialize)]
pub(super) struct ChangeForm {
    /// The key of the session.
    pub(super) key: String,
    pub(super) verb: Verb,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    phase: String,
    /// With `set`: a duration, such as `2h`.
    #[serde(default, rename = "for")]
    length: String,
    /// With `set`: RFC 3339, or a date and time in UTC as browsers send it.
    #[serde(default)]
    until: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    undo: String,
    /// The id that the confirmation page chose.
    #[serde(default)]
    pub(super) change: String,
    /// The latest revision at the time of the dry run.
    #[serde(default)]
    after: Option<i64>,
    /// The digest of the effect that was confirmed.
    #[serde(default)]
    pub(super) effect: String,
    /// More callers may be refused.
    #[serde(default)]
    confirm: bool,
}

impl ChangeForm {
    /// The request of the API that the form stands for, without the id of the change.
    ///
    /// # Errors
    /// A page that names the field that is wrong.
    pub(super) fn to_request(
        &self,
        session: &Session,
        now: Timestamp,
    ) -> Result<ChangeRequest, ErrorPage> {
        let rule = given(&self.rule);
        let needs_target = matches!(self.verb, Verb::Pause | Verb::Resume);
        if needs_target && rule.is_some() == self.all {
            return Err(wrong_field("Choose one rule, or all rules."));
        }
        Ok(ChangeRequest {
            rule,
            all: self.all,
            phase: given(&self.phase),
            until: self.end(now)?,
            actor: actor_name(session),
            reason: self.reason.trim().to_owned(),
            undo: given(&self.undo),
            after: self.after,
            confirm: self.confirm,
            ..ChangeRequest::default()
        })
    }

    /// The end of the phase, from its length or as it is.
    fn end(&self, now: Timestamp) -> Result<Option<String>, ErrorPage> {
        let end = match (given(&self.length), given(&self.until)) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(wrong_field("Fill in either “for” or “until”.")),
            (Some(length), None) => end_of_length(&length, now),
            (None, Some(until)) => read_utc(&until),
        };
        match end {
            Some(end) => Ok(Some(end.to_string())),
            None => {
                Err(wrong_field("Write “for” as 10m, 2h or 1d, and “until” as a date and time."))
            }
        }
    }
}

fn wrong_field(text: &str) -> ErrorPage {
    unreadable_form(StatusCode::BAD_REQUEST, text)
}

fn unreadable_form(status: StatusCode, text: &str) -> ErrorPage {
    ErrorPage::new(status, "This form cannot be read", format!("Nothing was changed. {text}"))
}

/// The form that a browser sent.
///
/// # Errors
/// A page that says that it cannot be read, and what to do.
pub(super) fn read_form<F>(form: Result<Form<F>, FormRejection>) -> Result<F, ErrorPage> {
    match form {
        Ok(Form(form)) => Ok(form),
        Err(rejection) => Err(unreadable_form(
            rejection.status(),
            "A field is missing, or has a value that this page does not offer. Go back, reload the \
             page, and send the form again.",
        )),
    }
}

/// The value of a field; `None` if it is empty.
fn given(value: &str) -> Option<String> {
    let value = value.trim();
    if value.is_empty() { None } else { Some(value.to_owned()) }
}

fn end_of_length(length: &str, now: Timestamp) -> Option<Timestamp> {
    let length = upshift_config::parse_duration(length).ok()?;
    now.checked_add(length).ok()
}

/// A time with a zone, or a date and time in UTC without one.
fn read_utc(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil: civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// The author of a change, for the history.
fn actor_name(session: &Session) -> String {
    match session.user.as_str() {
        "" => "dashboard".to_owned(),
        user => format!("{user} (dashboard)"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn times_are_read_as_browsers_send_them() {
        let now: Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
        let noon: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        assert_eq!(end_of_length("2h", now), Some(noon));
        for text in ["2026-12-01T12:00", "2026-12-01T12:00:00", "2026-12-01T13:00:00+01:00"] {
            assert_eq!(read_utc(text), Some(noon), "{text}");
        }
        assert_eq!((end_of_length("soon", now), read_utc("noon")), (None, None));
    }
}
