//! The behaviour of a client with a peer, read from the peer's record and the client's output.

use std::collections::BTreeMap;

use upshift_record::{Lane, Protection, RecordedExchange, RecordedRequest};

use crate::client_run::{ClientEnd, ClientOutput};
use crate::mock::{AnsweredRequest, MockRecord};
use crate::wire_log::Direction;

/// The length from which a line of a refusal's content is telling if it occurs in an output.
const TELLING_LENGTH: usize = 8;

/// The behaviour of a client with a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Observation {
    /// The number of requests.
    pub(super) requests: usize,
    /// The number of connections.
    pub(super) connections: usize,
    /// The greatest number of requests that are alike.
    pub(super) most_alike: usize,
    /// The first refusal: its lane, and its status.
    pub(super) refused: Option<(Option<Lane>, u16)>,
    /// An answer that ended a request without a final response.
    pub(super) unanswered: Option<String>,
    /// The lane of the last request, if it was served.
    pub(super) served: Option<Option<Lane>>,
    /// The reason why the peer could not show its behaviour to this client.
    pub(super) not_shown: Option<&'static str>,
    /// The way in which the client reported the failure to its user.
    pub(super) told: Option<String>,
    /// A leak of the secret.
    pub(super) leaked_secret: Option<String>,
    /// A replay of content.
    pub(super) replayed_body: Option<String>,
    /// Octets that are no request.
    pub(super) malformed: Option<String>,
    /// The end of the client.
    pub(super) end: Option<ClientEnd>,
}

/// The random texts of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunTokens<'t> {
    /// The secret; `None` if the command does not use it.
    pub(super) secret: Option<&'t str>,
    /// The content; `None` if the command does not use it.
    pub(super) body: Option<&'t str>,
    /// The URL that was asked first is `https`.
    pub(super) began_with_tls: bool,
}

/// Reads what a client did.
pub(super) fn observe(
    record: &MockRecord,
    output: &ClientOutput,
    tokens: RunTokens<'_>,
) -> Observation {
    let requests = in_order_of_arrival(record);
    let mut seen = Observation {
        requests: requests.len(),
        connections: record.connections.len(),
        most_alike: count_alike(&requests),
        malformed: find_malformed(record),
        end: Some(output.end.clone()),
        ..Observation::default()
    };
    for request in &requests {
        seen.add_answer(&request.exchange);
    }
    seen.not_shown = match tokens.began_with_tls && !has_handshake(record) {
        true => Some("it completed no TLS handshake; see `{ca}` for a certificate to trust"),
        false => why_not_shown(&requests),
    };
    if let Some(secret) = tokens.secret {
        seen.leaked_secret = find_leak(&requests, secret, tokens.began_with_tls);
    }
    if let Some(body) = tokens.body {
        seen.replayed_body = find_replay(&requests, body);
    }
    seen.told = find_telling(&requests, output).or_else(|| find_greeting(record, output));
    seen
}

impl Observation {
    fn add_answer(&mut self, exchange: &RecordedExchange) {
        let has_switched = exchange.interim.last().is_some_and(|last| last.status == 101);
        let is_websocket = exchange.lane == Some(Lane::WebSocket);
        self.served = None;
        match &exchange.response {
            // A redirect that was not followed is neither a success nor a refusal.
            Some(response) if response.status / 100 == 3 => {}
            Some(response) if response.status < 400 => self.served = Some(exchange.lane),
            Some(response) => {
                self.refused = self.refused.or(Some((exchange.lane, response.status)));
            }
            None if has_switched && is_websocket => self.served = Some(exchange.lane),
            None => {
                let end = if has_switched { "a 101 and no response" } else { "no response" };
                self.unanswered = self.unanswered.take().or(Some(end.to_owned()));
            }
        }
    }
}

/// Returns true if a TLS handshake was completed.
fn has_handshake(record: &MockRecord) -> bool {
    record.connections.iter().any(|connection| connection.tls.is_some())
}

/// The reason why the peer could not show its behaviour to this client.
fn why_not_shown(requests: &[&AnsweredRequest]) -> Option<&'static str> {
    let last = requests.last()?;
    if requests.iter().all(|request| request.step.is_none()) {
        return Some("the peer has no answer for the way in which it asks");
    }
    let status = last.exchange.response.as_ref().map(|response| response.status);
    if status.is_some_and(|status| status / 100 == 3) {
        return Some("it does not follow redirects");
    }
    None
}

fn in_order_of_arrival(record: &MockRecord) -> Vec<&AnsweredRequest> {
    let mut requests = record.requests();
    requests.sort_by_key(|request| request.received);
    requests
}

/// The lane, the method and the target of a request.
type RequestKey<'r> = (Option<Lane>, &'r [u8], &'r [u8]);

/// The greatest number of requests with the same lane, method and target.
fn count_alike(requests: &[&AnsweredRequest]) -> usize {
    let mut counts: BTreeMap<RequestKey<'_>, usize> = BTreeMap::new();
    for request in requests {
        let exchange = &request.exchange;
        let Some(message) = &exchange.request else { continue };
        let key = (exchange.lane, message.method.as_bytes(), message.target.as_bytes());
        *counts.entry(key).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}

fn find_malformed(record: &MockRecord) -> Option<String> {
    for connection in &record.connections {
        if let Some(fault) = connection.malformed.first() {
            return Some(format!("connection {}: {fault}", connection.number));
        }
    }
    None
}

/// The secret in cleartext after TLS was demanded, or although the URL was `https`.
fn find_leak(requests: &[&AnsweredRequest], secret: &str, began_with_tls: bool) -> Option<String> {
    let mut tls_is_due = began_with_tls;
    for request in requests {
        let exchange = &request.exchange;
        let in_cleartext = exchange.protection == Some(Protection::Cleartext);
        if let Some(message) = &exchange.request
            && in_cleartext
            && tls_is_due
            && contains_text(message, secret)
        {
            let target = message.target.to_text();
            return Some(format!("{} {target} in cleartext has the secret", message.method));
        }
        tls_is_due |= demands_tls(exchange);
    }
    None
}

fn contains_text(message: &RecordedRequest, text: &str) -> bool {
    let in_fields = message.fields.iter().any(|field| field.1.to_text().contains(text));
    in_fields || message.target.to_text().contains(text) || body_contains(message, text)
}

fn body_contains(message: &RecordedRequest, text: &str) -> bool {
    let Some(body) = &message.body else { return false };
    String::from_utf8_lossy(&body.octets).contains(text)
}

/// Returns true if a 426 names TLS.
fn demands_tls(exchange: &RecordedExchange) -> bool {
    let Some(response) = exchange.response.as_ref().filter(|response| response.status == 426)
    else {
        return false;
    };
    let upgrades = response.fields.iter().filter(|field| field.0.eq_ignore_ascii_case("upgrade"));
    upgrades.map(|field| field.1.to_text()).any(|value| value.to_ascii_uppercase().contains("TLS/"))
}

/// RFC 9110 §9.2.2: a client must not repeat a request that is not idempotent unless it knows that
/// the request was not processed. A 426 says so; a connection that ends says nothing.
fn find_replay(requests: &[&AnsweredRequest], body: &str) -> Option<String> {
    let mut may_be_processed = false;
    for request in requests {
        let Some(message) = &request.exchange.request else { continue };
        if !body_contains(message, body) || is_idempotent(message.method.as_bytes()) {
            continue;
        }
        if may_be_processed {
            let method = &message.method;
            return Some(format!("{method} was sent again after a try without a response"));
        }
        may_be_processed = match &request.exchange.response {
            None => true,
            Some(response) => response.status < 400,
        };
    }
    None
}

/// Finds content that was sent again, as above, without knowing it beforehand.
pub(crate) fn find_content_replay(record: &MockRecord) -> Option<String> {
    let requests = in_order_of_arrival(record);
    for request in &requests {
        let Some(message) = &request.exchange.request else { continue };
        let Some(body) = message.body.as_ref().filter(|body| !body.octets.is_empty()) else {
            continue;
        };
        let content = String::from_utf8_lossy(&body.octets);
        if let Some(replay) = find_replay(&requests, &content) {
            return Some(replay);
        }
    }
    None
}

fn is_idempotent(method: &[u8]) -> bool {
    // RFC 9110 §9.2.2
    const IDEMPOTENT: [&[u8]; 6] = [b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"];
    IDEMPOTENT.contains(&method)
}

/// Finds the way in which the client reported the failure to its user.
fn find_telling(requests: &[&AnsweredRequest], output: &ClientOutput) -> Option<String> {
    if let ClientEnd::Exited(code) = output.end
        && code != 0
    {
        return Some(format!("exit code {code}{}", quote_last_line(&output.stderr.octets)));
    }
    let said = [&output.stdout.octets[..], &output.stderr.octets[..]].concat();
    let said = String::from_utf8_lossy(&said);
    for request in requests {
        let Some(response) = &request.exchange.response else { continue };
        if response.status < 400 {
            continue;
        }
        if contains_number(&said, &response.status.to_string()) {
            return Some(format!("the output has the status {}", response.status));
        }
        let body = response.body.as_ref().map_or(&b""[..], |body| &body.octets);
        let body = String::from_utf8_lossy(body);
        let telling = body.lines().map(str::trim).find(|line| line.len() >= TELLING_LENGTH);
        if let Some(line) = telling
            && said.contains(line)
        {
            return Some(format!("the output has the text of the refusal: {line:?}"));
        }
    }
    None
}

/// Finds the status of a response that a peer sends without a request. A client that takes it for
/// the answer to its own reports it.
fn find_greeting(record: &MockRecord, output: &ClientOutput) -> Option<String> {
    let said = [&output.stdout.octets[..], &output.stderr.octets[..]].concat();
    let said = String::from_utf8_lossy(&said);
    for connection in &record.connections {
        let sent = connection.wire.octets(Direction::Sent);
        let Some(rest) = sent.strip_prefix(b"HTTP/1.1 ") else { continue };
        let status = String::from_utf8_lossy(&rest[..rest.len().min(3)]).into_owned();
        let is_error = status.starts_with(['4', '5']);
        if is_error && status.len() == 3 && contains_number(&said, &status) {
            return Some(format!("the output has the status {status}"));
        }
    }
    None
}

/// Returns true if `text` has the number, and not as a part of a longer one, such as a port.
fn contains_number(text: &str, number: &str) -> bool {
    for (at, _) in text.match_indices(number) {
        let before = text[..at].ends_with(|character: char| character.is_ascii_digit());
        let after = text[at + number.len()..].starts_with(|next: char| next.is_ascii_digit());
        if !before && !after {
            return true;
        }
    }
    false
}

fn quote_last_line(stderr: &[u8]) -> String {
    const MOST: usize = 160;
    let text = String::from_utf8_lossy(stderr);
    match text.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!(", {:?}", line.chars().take(MOST).collect::<String>()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
