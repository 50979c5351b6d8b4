//! The evidence of a try as text: the messages of its exchanges, or the output of a client.

use std::fmt::Write;

use super::evidence::{CaseEvidence, ClientRun};
use crate::{RecordedBody, RecordedExchange, RecordedField};

/// The longest content that is shown, in characters.
const LONGEST_CONTENT: usize = 2000;

impl CaseEvidence {
    /// The messages with `>` before the lines of requests and `<` before those of responses, and
    /// the output of the client.
    pub fn transcript(&self) -> String {
        let mut text = String::new();
        if let Some(client) = &self.client {
            push_client(&mut text, client);
        }
        for exchange in &self.exchanges {
            push_exchange(&mut text, exchange);
        }
        text
    }
}

fn push_client(text: &mut String, client: &ClientRun) {
    push_line(text, "$", &client.command_line());
    push_content(text, "", &client.stdout);
    push_content(text, "!", &client.stderr);
    push_line(text, "*", &client.end);
}

fn push_exchange(text: &mut String, exchange: &RecordedExchange) {
    if let Some(request) = &exchange.request {
        let (method, target, version) = (&request.method, &request.target, &request.version);
        push_line(text, ">", &format!("{method} {target} HTTP/{version}"));
        push_fields(text, ">", &request.fields);
        push_body(text, ">", request.body.as_ref());
        push_fields(text, ">", &request.trailers);
    }
    for response in exchange.interim.iter().chain(&exchange.response) {
        let reason = response.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        let line = format!("HTTP/{} {} {reason}", response.version, response.status);
        push_line(text, "<", line.trim_end());
        push_fields(text, "<", &response.fields);
        push_body(text, "<", response.body.as_ref());
        push_fields(text, "<", &response.trailers);
    }
    if let Some(error) = &exchange.error {
        push_line(text, "*", error);
    }
}

fn push_fields(text: &mut String, mark: &str, fields: &[RecordedField]) {
    for RecordedField(name, value) in fields {
        push_line(text, mark, &format!("{name}: {value}"));
    }
}

fn push_body(text: &mut String, mark: &str, body: Option<&RecordedBody>) {
    if let Some(body) = body.filter(|body| !body.octets.is_empty()) {
        push_line(text, mark, "");
        push_content(text, mark, body);
    }
}

fn push_content(text: &mut String, mark: &str, body: &RecordedBody) {
    let content = String::from_utf8_lossy(&body.octets);
    let shown: String = content.chars().take(LONGEST_CONTENT).collect();
    for line in shown.lines() {
        push_line(text, mark, line);
    }
    if shown.len() < content.len() || body.cut_from.is_some() {
        push_line(text, "*", "(more follows)");
    }
}

fn push_line(text: &mut String, mark: &str, line: &str) {
    // Writing to a string does not fail.
    let _ = match mark {
        "" => writeln!(text, "{line}"),
        mark => writeln!(text, "{}", format!("{mark} {line}").trim_end()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RecordedRequest, RecordedResponse};

    fn response(status: u16, body: Option<&str>) -> RecordedResponse {
        let octets = |body: &str| RecordedBody { octets: body.into(), cut_from: None };
        RecordedResponse {
            status,
            version: "1.1".to_owned(),
            reason: None,
            fields: vec![RecordedField("Upgrade".into(), "h2c".into())],
            body: body.map(octets),
            trailers: Vec::new(),
        }
    }

    #[test]
    fn messages_are_shown_in_order() {
        let request = RecordedRequest {
            method: "GET".into(),
            target: "/".into(),
            version: "1.1".to_owned(),
            fields: Vec::new(),
            body: None,
            trailers: Vec::new(),
        };
        let exchange = RecordedExchange {
            request: Some(request),
            interim: vec![response(103, None)],
            response: Some(response(426, Some("no\nway"))),
            ..RecordedExchange::empty()
        };
        let evidence = CaseEvidence { exchanges: vec![exchange], ..CaseEvidence::default() };
        assert_eq!(
            evidence.transcript(),
            "> GET / HTTP/1.1\n< HTTP/1.1 103\n< Upgrade: h2c\n< HTTP/1.1 426\n< Upgrade: h2c\n\
             <\n< no\n< way\n"
        );
    }
}
