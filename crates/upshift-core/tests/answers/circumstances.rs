//! The circumstances of an answer.

use upshift_core::Timestamp;
use upshift_core::answer::AnswerContext;

use super::Choices;

/// Chooses a listener, its proxy and a time.
pub(crate) fn context_of(choices: &mut Choices) -> AnswerContext<'static> {
    AnswerContext {
        h2c: choices.is_one_in(2),
        tls_in_band: choices.is_one_in(4),
        proxied: choices.is_one_in(5),
        upgrade_field: choices.is_one_in(3),
        public_url: choices.one_of(&[
            None,
            Some("https://api.example.com/"),
            Some("https://public.example"),
            Some("http://api.example.com"),
        ]),
        https_listener: choices
            .one_of(&[None, Some("127.0.0.1:8443"), Some("0.0.0.0:443")])
            .map(|address| address.parse().unwrap()),
        alt_svc: choices.one_of(&[None, Some("h3=\":443\"; ma=86400")]),
        request_id: choices.one_of(&["0190f0d8-7c9b-7f0e-8a7e-2f1f6d1c3b5a", "\"<x>&\u{1}é"]),
        now: choices
            .one_of(&["2026-03-01T10:00:00Z", "2026-03-01T10:59:59.9Z", "2026-07-01T00:00:00Z"])
            .parse::<Timestamp>()
            .unwrap(),
    }
}
