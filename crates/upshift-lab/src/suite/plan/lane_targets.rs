//! The targets of a suite: the URL for each lane.

use upshift_record::Lane;

use crate::probe::{Channel, Target};

/// The targets of a suite, with their variables expanded.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// `target`, and its text without a `/` at the end.
    pub(super) url: Option<(Target, String)>,
    /// `tls-target`.
    pub(super) tls: Option<(Target, String)>,
    /// One of them has a mistake, which is reported.
    pub(super) has_mistake: bool,
}

impl Targets {
    /// The URL that a path is appended to; or the mistake, and what to do about it.
    pub(super) fn base_over(&self, lane: Lane) -> Result<String, (String, &'static str)> {
        let Some((target, text)) = &self.url else {
            let help = "write target = \"http://127.0.0.1:8080\"";
            return Err(("a relative request needs the `target` of the suite".to_owned(), help));
        };
        match (Channel::of_lane(lane), target.is_tls) {
            (Channel::AsUrl, _) | (Channel::Cleartext, false) => Ok(text.clone()),
            (Channel::Tls, _) if self.tls.is_some() => {
                // The one above has checked it.
                Ok(self.tls.as_ref().map(|(_, text)| text.clone()).unwrap_or_default())
            }
            (Channel::Tls, true) => Ok(text.clone()),
            (Channel::Tls, false) => self.implied_base(target).ok_or_else(|| {
                let message = format!("the lane {lane} needs TLS, and `target` is an http URL");
                (message, "write tls-target = \"https://127.0.0.1:8443\"")
            }),
            (Channel::Cleartext, true) => self.implied_base(target).ok_or_else(|| {
                let message = format!("the lane {lane} needs cleartext, and `target` is https");
                (message, "write the http URL as `target` and the https URL as `tls-target`")
            }),
        }
    }

    fn implied_base(&self, target: &Target) -> Option<String> {
        let other = target.at_port(!target.is_tls, target.implied_other_port()?);
        Some(other.to_string().trim_end_matches('/').to_owned())
    }
}
