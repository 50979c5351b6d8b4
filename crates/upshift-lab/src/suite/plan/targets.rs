//! The URLs of a suite, read and checked.

use upshift_record::Lane;

use super::Planner;
use crate::probe::{Channel, Target};
use crate::suite::model::{ProbeCase, SuiteFile};
use crate::suite::place::KeyPath;
use crate::suite::variables::CaptureText;

/// The reason why a URL with `#` is none of a request (RFC 9110 §7.1).
const FRAGMENT: &str = "a fragment (`#…`) cannot be sent";

impl Planner<'_> {
    pub(super) fn read_targets(&mut self, file: &SuiteFile) {
        let mistakes = self.mistakes.len();
        self.targets.url = self.read_target(file.target.as_deref(), "target");
        self.targets.tls = self.read_target(file.tls_target.as_deref(), "tls-target");
        self.targets.has_mistake = self.mistakes.len() > mistakes;
        if let Some((tls, _)) = &self.targets.tls
            && !tls.is_tls
        {
            let message = format!("`{tls}` is not an https URL");
            let at = KeyPath::default().key("tls-target");
            self.mistake(&at, message, "write tls-target = \"https://127.0.0.1:8443\"");
        }
    }

    fn read_target(&mut self, text: Option<&str>, key: &str) -> Option<(Target, String)> {
        let at = KeyPath::default().key(key);
        let Some(text) = self.expand(text?, &at)?.to_plain() else {
            let message = format!("`{key}` cannot have captured values");
            self.mistake(&at, message, "use them in `req`");
            return None;
        };
        if text.contains(['?', '#']) {
            // The path of each request is appended to it.
            let message = format!("`{key}` has a query or a fragment");
            self.mistake(&at, message, "write the query in `req`; a fragment is never sent");
            return None;
        }
        match Target::parse(&text) {
            Ok(target) => {
                let text = if text.contains("://") { text } else { format!("http://{text}") };
                Some((target, text.trim_end_matches('/').to_owned()))
            }
            Err(error) => {
                self.mistake(&at, error.to_string(), "write a URL: \"http://127.0.0.1:8080\"");
                None
            }
        }
    }

    /// The URL of a request over `lane`; `target` is that of `req`.
    pub(super) fn url_over(
        &mut self,
        lane: Lane,
        case: &ProbeCase,
        target: &str,
        at: &KeyPath,
    ) -> Option<CaptureText> {
        let at = at.key("req");
        if target.contains("://") {
            let url = self.expand(target, &at)?;
            self.check_fragment(&url, &at);
            self.check_scheme(lane, &url, &at);
            return Some(url);
        }
        let base = match self.targets.base_over(lane) {
            Ok(base) => base,
            // It follows from the mistake that is reported.
            Err(_) if self.targets.has_mistake => return None,
            Err((message, help)) => {
                self.mistake(&at, format!("{message} (case `{}`)", case.id), help);
                return None;
            }
        };
        let path = if target == "*" { "" } else { target };
        let url = self.expand(path, &at)?.after_prefix(&base);
        self.check_fragment(&url, &at);
        Some(url)
    }

    fn check_fragment(&mut self, url: &CaptureText, at: &KeyPath) {
        if url.has_character('#') {
            let message = FRAGMENT.to_owned();
            self.mistake(at, message, "leave it out, or write `%23` for the character");
        }
    }

    fn check_scheme(&mut self, lane: Lane, url: &CaptureText, at: &KeyPath) {
        // A URL with captured values is read when they are known.
        let Some(url) = url.to_plain() else { return };
        match Target::parse(&url) {
            Err(error) => self.mistake(at, error.to_string(), ""),
            Ok(target) => {
                let scheme = match (Channel::of_lane(lane), target.is_tls) {
                    (Channel::Cleartext, true) => "http",
                    (Channel::Tls, false) => "https",
                    _ => return,
                };
                let message = format!("the lane {lane} needs an {scheme} URL");
                self.mistake(at, message, "leave the lane out, or make a case of its own for it");
            }
        }
    }
}

/// Checks that nothing of a URL would be dropped.
pub(in crate::suite) fn check_no_fragment(url: &str) -> Result<(), &'static str> {
    if url.contains('#') { Err(FRAGMENT) } else { Ok(()) }
}
