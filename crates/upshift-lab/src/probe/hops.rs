//! Traces of intermediaries: what the answers to different questions show when they are compared.
//!
//! A fault is named only where the answers support it, and always with them as evidence.

use upshift_record::probe::{HopFinding, ProbeOutcome, ProbeRow};
use upshift_record::{Lane, NoteLevel, RecordedField, RecordedResponse};

use super::asking::{UNKNOWN_TOKEN, UNKNOWN_TOKENS};
use super::promises::final_response;
use super::question::Extra;
use super::switching::{is_named, list_of, text_of};

/// Compares the answers to all questions.
pub(super) fn find_hops(rows: &[ProbeRow]) -> Vec<HopFinding> {
    let answers = Answers(rows);
    let mut findings = Vec::new();
    findings.extend(answers.upgrade_removed());
    findings.extend(answers.request_of_http10());
    findings.extend(answers.response_of_http10());
    findings.extend(answers.old_server());
    findings.extend(answers.leaked_fields());
    findings.extend(answers.refused_offer());
    findings.extend(answers.broken_offer());
    findings.extend(answers.several_servers());
    findings.extend(answers.always_closed());
    findings.extend(answers.via());
    findings
}

/// The answers to all questions.
struct Answers<'r>(&'r [ProbeRow]);

impl Answers<'_> {
    fn lane(&self, lane: Lane) -> Option<&ProbeRow> {
        self.0.iter().find(|row| row.question == lane.as_str())
    }

    fn response(&self, lane: Lane) -> Option<&RecordedResponse> {
        final_response(self.lane(lane)?)
    }

    /// The final responses, with the names of their questions.
    fn responses(&self) -> impl Iterator<Item = (&str, &RecordedResponse)> {
        self.0.iter().filter_map(|row| Some((row.question.as_str(), final_response(row)?)))
    }

    /// A 426 to a request that offered what it asks for.
    ///
    /// RFC 9110 §7.6.1: intermediaries remove `Upgrade`, because `Connection` names it. One that
    /// does not switch itself hides the offer from the server behind it.
    fn upgrade_removed(&self) -> Option<HopFinding> {
        for (lane, protocol) in [(Lane::WebSocket, "websocket"), (Lane::H2cUpgrade, "h2c")] {
            let (Some(offered), Some(plain)) = (self.response(lane), self.response(Lane::Http11))
            else {
                continue;
            };
            // A server that speaks another version of the WebSocket protocol says which.
            let versions = list_of(offered, "sec-websocket-version");
            let wants_other = !versions.is_empty() && !versions.iter().any(|known| known == "13");
            let named = list_of(offered, "upgrade");
            let asks_for_it = match named.as_slice() {
                // Many servers forget the field, but then nothing else is asked for.
                [] => lane == Lane::WebSocket,
                named => named.iter().any(|one| is_named(one, protocol)),
            };
            if offered.status != 426 || plain.status != 426 || wants_other || !asks_for_it {
                continue;
            }
            let mut evidence = vec![format!(
                "{lane} offers `{protocol}` and gets the 426 of a request that does not (h1.1)"
            )];
            evidence.extend(server_evidence(offered));
            return Some(finding(
                "upgrade-removed",
                NoteLevel::Error,
                "A hop between us removed Upgrade: the server answers as if nothing was offered.",
                evidence,
            ));
        }
        None
    }

    /// A 426 that asks a request of HTTP/1.1 for HTTP/1.1: a hop made it one of HTTP/1.0.
    fn request_of_http10(&self) -> Option<HopFinding> {
        let response = self.response(Lane::Http11)?;
        let named = list_of(response, "upgrade");
        let asks_for_own = named.iter().any(|one| one.eq_ignore_ascii_case("HTTP/1.1"));
        if response.status != 426 || !asks_for_own {
            return None;
        }
        let mut evidence =
            vec!["h1.1: 426 with `Upgrade: HTTP/1.1`, to a request of HTTP/1.1".to_owned()];
        evidence.extend(server_evidence(response));
        Some(finding(
            "http-1.0-request",
            NoteLevel::Error,
            "A hop between us speaks HTTP/1.0 to the server (nginx does by default: \
             proxy_http_version).",
            evidence,
        ))
    }

    /// A hop that got a response of HTTP/1.0.
    ///
    /// RFC 9110 §7.6.3: `Via` has the version in which the hop received the message.
    fn response_of_http10(&self) -> Option<HopFinding> {
        let mut evidence = Vec::new();
        for (question, response) in self.responses() {
            if let Some(hop) = via_version(response, "1.0") {
                evidence.push(format!("{question}: `Via: {hop}`"));
            }
        }
        if evidence.is_empty() {
            return None;
        }
        Some(finding(
            "http-1.0-hop",
            NoteLevel::Warn,
            "Something behind the first hop speaks HTTP/1.0, over which nothing can be switched.",
            evidence,
        ))
    }

    /// A response of HTTP/1.0 to a request of HTTP/1.1.
    ///
    /// RFC 9110 §6.2: a server sends the highest version that it conforms to.
    fn old_server(&self) -> Option<HopFinding> {
        let mut evidence = Vec::new();
        for (question, response) in self.responses() {
            let is_plain = question == Lane::Http11.as_str() || question.starts_with("tls1.");
            if is_plain && response.version == "1.0" {
                let status = response.status;
                evidence.push(format!("{question}: HTTP/1.0 {status} to a request of HTTP/1.1"));
            }
        }
        if evidence.is_empty() {
            return None;
        }
        Some(finding(
            "http-1.0",
            NoteLevel::Warn,
            "The server, or something in front of it, speaks HTTP/1.0 only: it cannot switch \
             protocols.",
            evidence,
        ))
    }

    /// Fields of one connection in a response of HTTP/2 or HTTP/3.
    ///
    /// RFC 9113 §8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing
    /// connection-specific header fields"; RFC 9114 §4.2 says the same.
    fn leaked_fields(&self) -> Option<HopFinding> {
        let mut evidence = Vec::new();
        for (question, response) in self.responses() {
            if !matches!(response.version.as_str(), "2" | "3") {
                continue;
            }
            for RecordedField(name, value) in &response.fields {
                let is_leaked = upshift_http::CONNECTION_SPECIFIC
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known.as_str()));
                if is_leaked {
                    evidence.push(format!("{question}: `{name}: {value}`"));
                }
            }
        }
        if evidence.is_empty() {
            return None;
        }
        Some(finding(
            "leaked-fields",
            NoteLevel::Error,
            "Connection fields are passed on into HTTP/2 or HTTP/3, where clients reject the \
             response.",
            evidence,
        ))
    }

    /// An offer that is refused, although RFC 9110 §7.8 lets a server ignore it.
    fn refused_offer(&self) -> Option<HopFinding> {
        let plain = self.response(Lane::Http11)?.status;
        if plain >= 400 {
            // A server that refuses the plain request may refuse each in its own way.
            return None;
        }
        let mut evidence = Vec::new();
        for (question, offer) in [
            (Extra::UnknownToken.as_str(), UNKNOWN_TOKEN),
            (Extra::UnknownTokens.as_str(), UNKNOWN_TOKENS),
            (Lane::TlsInBand.as_str(), "TLS/1.2"),
            (Lane::H2cUpgrade.as_str(), "h2c"),
        ] {
            let row = self.0.iter().find(|row| row.question == question);
            let Some(response) = row.and_then(final_response) else { continue };
            // A 426 asks for another protocol, and 5xx may have any reason.
            let is_refusal = (400..500).contains(&response.status) && response.status != 426;
            if is_refusal && response.version.starts_with('1') {
                let status = response.status;
                evidence
                    .push(format!("{question}: {status} with `Upgrade: {offer}`, else {plain}"));
            }
        }
        if evidence.is_empty() {
            return None;
        }
        Some(finding(
            "offer-refused",
            NoteLevel::Warn,
            "A request is refused because of an offer to switch that could be ignored (RFC 9110 \
             §7.8).",
            evidence,
        ))
    }

    /// A connection that does not survive an offer.
    fn broken_offer(&self) -> Option<HopFinding> {
        let plain = self.response(Lane::Http11)?.status;
        let mut evidence = Vec::new();
        for extra in [Extra::UnknownToken, Extra::UnknownTokens] {
            let row = self.0.iter().find(|row| row.question == extra.as_str())?;
            if row.outcome == ProbeOutcome::Failed {
                let reason = row.reason.as_deref().unwrap_or_default();
                evidence.push(format!("{}: {reason}; without an offer: {plain}", extra.as_str()));
            }
        }
        if evidence.is_empty() {
            return None;
        }
        Some(finding(
            "offer-breaks",
            NoteLevel::Error,
            "An offer to switch to an unknown protocol is not ignored, but breaks the exchange.",
            evidence,
        ))
    }

    /// Errors that are signed by another server than the content.
    fn several_servers(&self) -> Option<HopFinding> {
        let mut names: Vec<(String, Vec<String>)> = Vec::new();
        for (question, response) in self.responses() {
            let Some(server) = text_of(response, "server") else { continue };
            let answer = format!("{question} {}", response.status);
            match names.iter_mut().find(|(known, _)| *known == server) {
                Some((_, answers)) => answers.push(answer),
                None => names.push((server, vec![answer])),
            }
        }
        if names.len() < 2 {
            return None;
        }
        let mut evidence = Vec::new();
        for (server, answers) in names {
            evidence.push(format!("`Server: {server}`: {}", answers.join(", ")));
        }
        Some(finding(
            "several-servers",
            NoteLevel::Info,
            "Different programs answer: something in front answers some requests itself.",
            evidence,
        ))
    }

    /// `Connection: close` on every response of HTTP/1.1, on which nothing can be switched later.
    fn always_closed(&self) -> Option<HopFinding> {
        let mut closed = Vec::new();
        for (question, response) in self.responses() {
            // A server may close after what it takes for an attack.
            if response.version != "1.1" || !(200..400).contains(&response.status) {
                continue;
            }
            let is_old = question == Lane::Http10.as_str();
            let options = list_of(response, "connection");
            if is_old {
                continue;
            }
            if !options.iter().any(|option| option.eq_ignore_ascii_case("close")) {
                return None;
            }
            closed.push(question.to_owned());
        }
        if closed.len() < 3 {
            return None;
        }
        Some(finding(
            "always-closed",
            NoteLevel::Info,
            "Every connection is closed after one response.",
            vec![format!("`Connection: close`: {}", closed.join(", "))],
        ))
    }

    /// The intermediaries that name themselves.
    fn via(&self) -> Option<HopFinding> {
        let mut evidence = Vec::new();
        for (question, response) in self.responses() {
            let hops = list_of(response, "via");
            if !hops.is_empty() {
                evidence.push(format!("{question}: `Via: {}`", hops.join(", ")));
            }
        }
        if evidence.is_empty() {
            return None;
        }
        Some(finding(
            "via",
            NoteLevel::Info,
            "Responses pass an intermediary that names itself.",
            evidence,
        ))
    }
}

fn finding(id: &str, level: NoteLevel, summary: &str, evidence: Vec<String>) -> HopFinding {
    HopFinding { id: id.to_owned(), level, summary: summary.to_owned(), evidence }
}

/// The fields in which the program that answered names itself.
fn server_evidence(response: &RecordedResponse) -> Vec<String> {
    let mut evidence = Vec::new();
    for name in ["Server", "Via"] {
        if let Some(value) = text_of(response, name) {
            evidence.push(format!("`{name}: {value}`"));
        }
    }
    evidence
}

/// The hop of `Via` that received the message in this version of HTTP.
fn via_version(response: &RecordedResponse, version: &str) -> Option<String> {
    for hop in list_of(response, "via") {
        let protocol = hop.split_ascii_whitespace().next().unwrap_or_default();
        // RFC 9110 §7.6.3: the name may be left out if it is HTTP.
        if protocol.rsplit('/').next() == Some(version) {
            return Some(hop);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use upshift_record::RecordedExchange;

    use super::*;
    use crate::probe::asking::row_not_asked;
    use crate::probe::question::Question;

    fn row(question: Question, status: u16, version: &str, fields: &[(&str, &str)]) -> ProbeRow {
        let mut recorded = Vec::new();
        for (name, value) in fields {
            recorded.push(RecordedField((*name).into(), (*value).into()));
        }
        let response = RecordedResponse {
            status,
            version: version.to_owned(),
            reason: None,
            fields: recorded,
            body: None,
            trailers: Vec::new(),
        };
        let exchange = RecordedExchange { response: Some(response), ..RecordedExchange::empty() };
        ProbeRow {
            outcome: ProbeOutcome::Answered,
            status: Some(status),
            exchange: Some(exchange),
            ..row_not_asked(question, "")
        }
    }

    fn lane(lane: Lane, status: u16, version: &str, fields: &[(&str, &str)]) -> ProbeRow {
        row(Question::Lane(lane), status, version, fields)
    }

    fn ids(rows: &[ProbeRow]) -> Vec<String> {
        find_hops(rows).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn an_offer_that_was_not_seen_was_removed() {
        let plain = lane(Lane::Http11, 426, "1.1", &[("Upgrade", "websocket")]);
        let offered = lane(Lane::WebSocket, 426, "1.1", &[("Upgrade", "websocket")]);
        assert_eq!(ids(&[plain, offered]), ["upgrade-removed"]);
        // Node's ws forgets the field.
        assert_eq!(
            ids(&[lane(Lane::Http11, 426, "1.1", &[]), lane(Lane::WebSocket, 426, "1.1", &[])]),
            ["upgrade-removed"]
        );
    }

    #[test]
    fn a_refusal_for_another_reason_names_no_fault() {
        let plain = lane(Lane::Http11, 426, "1.1", &[("Upgrade", "TLS/1.2")]);
        let offered = lane(Lane::WebSocket, 426, "1.1", &[("Upgrade", "TLS/1.2")]);
        assert!(ids(&[plain.clone(), offered]).is_empty());
        let other_version = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "8")];
        let offered = lane(Lane::WebSocket, 426, "1.1", &other_version);
        assert!(ids(&[plain, offered]).is_empty());
        let unsupported =
            [lane(Lane::Http11, 200, "1.1", &[]), lane(Lane::WebSocket, 200, "1.1", &[])];
        assert!(ids(&unsupported).is_empty());
    }

    #[test]
    fn old_hops_are_named() {
        let asks_for_own = lane(Lane::Http11, 426, "1.1", &[("Upgrade", "HTTP/1.1")]);
        assert_eq!(ids(&[asks_for_own]), ["http-1.0-request"]);
        let via = lane(Lane::Http11, 200, "1.1", &[("Via", "1.0 old, 1.1 front")]);
        assert_eq!(ids(&[via]), ["http-1.0-hop", "via"]);
        assert_eq!(ids(&[lane(Lane::Http11, 200, "1.0", &[])]), ["http-1.0"]);
        assert!(ids(&[lane(Lane::Http10, 200, "1.0", &[])]).is_empty());
    }

    #[test]
    fn leaked_fields_are_shown() {
        let leaked = lane(Lane::Http2, 426, "2", &[("upgrade", "h2c"), ("connection", "upgrade")]);
        let findings = find_hops(&[leaked]);
        assert_eq!(findings[0].id, "leaked-fields");
        assert_eq!(findings[0].evidence, ["h2: `upgrade: h2c`", "h2: `connection: upgrade`"]);
    }

    #[test]
    fn an_offer_that_is_refused_is_named() {
        let plain = lane(Lane::Http11, 200, "1.1", &[]);
        let token = row(Question::Extra(Extra::UnknownToken), 403, "1.1", &[]);
        assert_eq!(ids(&[plain.clone(), token]), ["offer-refused"]);
        let ignored = row(Question::Extra(Extra::UnknownToken), 200, "1.1", &[]);
        assert!(ids(&[plain, ignored]).is_empty());
    }
}
