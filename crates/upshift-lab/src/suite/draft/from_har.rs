//! A HAR → a suite: one case for each method, URL and status.

use std::collections::{BTreeMap, BTreeSet};

use upshift_notes::reader::{Format, Recording, read};
use upshift_record::{Lane, RecordedExchange, RecordedRequest};

use super::draft_case::DraftCase;
use super::error::DraftError;
use super::expectations::{expectation_of, value_of};
use super::ids::UniqueIds;
use super::suite_draft::{DraftRemark, SuiteDraft};
use super::values::{content_text, field_text, target_text};
use super::variable_names::DraftVariables;
use crate::probe::Target;
use crate::suite::request_text::RequestText;
use crate::suite::variables::escape_variables;

/// Drafts a suite of the exchanges of a HAR.
///
/// # Errors
/// If it is no HAR, is cut, or has no exchange.
pub fn draft_from_har(input: &[u8], name: &str) -> Result<SuiteDraft, DraftError> {
    let recordings = read(input, Format::Har).map_err(|error| {
        DraftError::new(error.message, error.help).at(error.line.unwrap_or_default(), 0)
    })?;
    let base = most_common_origin(&recordings);
    let mut drafter = HarDrafter { base, ..HarDrafter::default() };
    for recording in &recordings {
        drafter.add(recording);
    }
    if drafter.draft.cases.is_empty() {
        let help = "record a request to the server, and export the HAR again";
        return Err(DraftError::new("the HAR has no request with a response", help));
    }
    let mut draft = drafter.draft;
    draft.name = name.to_owned();
    if let Some(base) = drafter.base {
        draft.target = format!("${{TARGET:-{base}}}");
    }
    draft.comment = vec![
        format!("From {name}: one case for each method, URL and status."),
        "Secrets became variables, such as ${COOKIE}: set them in the environment.".to_owned(),
    ];
    Ok(draft)
}

#[derive(Default)]
struct HarDrafter {
    base: Option<String>,
    ids: UniqueIds,
    variables: DraftVariables,
    seen: BTreeSet<(String, String, u16)>,
    draft: SuiteDraft,
}

impl HarDrafter {
    fn add(&mut self, recording: &Recording) {
        let (number, exchange) = (recording.number, &recording.exchange);
        let (Some(request), Some(url)) = (&exchange.request, &exchange.url) else { return };
        let Some(status) = last_status(exchange) else {
            return self.leave_out(number, "it has no response");
        };
        let Ok(target) = Target::parse(url) else {
            return self.leave_out(number, &format!("`{url}` is no URL that can be asked"));
        };
        let origin = origin_of(&target);
        // The variables of credentials are those of one server, and --target names only that one.
        if self.base.as_ref() != Some(&origin) {
            let why = format!("it went to another server than most requests, `{origin}`");
            return self.leave_out(number, &why);
        }
        let Some(lane) = lane_of(exchange, request) else {
            return self.leave_out(number, &format!("HTTP/{} has no lane", request.version));
        };
        let method = request.method.to_text();
        if !self.seen.insert((method.clone(), url.clone(), status)) {
            return;
        }
        let text = self.request_text(request, &target);
        let path = text.target.split('?').next().unwrap_or_default();
        let id = self.ids.make(&format!("{method} {path} {status}"));
        let version = if request.version.is_empty() { "1.1" } else { &request.version };
        let comment = format!("Exchange {number} of the HAR: {status} over HTTP/{version}.");
        self.draft.cases.push(DraftCase {
            id,
            comment: vec![comment],
            request: text,
            lanes: Vec::new(),
            expect: vec![(Some(lane), expectation_of(exchange))],
            capture: BTreeMap::new(),
        });
        self.add_content(number, request);
    }

    /// The request without its content.
    fn request_text(&mut self, request: &RecordedRequest, target: &Target) -> RequestText {
        RequestText {
            method: request.method.to_text(),
            target: target_text(&escape_variables(&target.path), &mut self.variables),
            fields: kept_fields(request, &mut self.variables),
            body: String::new(),
        }
    }

    /// Puts the content of `request` into the case that was added last.
    fn add_content(&mut self, number: usize, request: &RecordedRequest) {
        if request.body.as_ref().is_some_and(|body| body.cut_from.is_some()) {
            let message = format!("exchange {number}: the HAR does not have its content as text");
            self.draft.remarks.push(DraftRemark::new(None, message));
            return;
        }
        let octets = request.body.as_ref().map(|body| body.octets.as_slice()).unwrap_or_default();
        let media_type = value_of(&request.fields, "content-type").unwrap_or_default();
        match std::str::from_utf8(octets) {
            // The text of a request has lines that end with LF.
            Ok(content) if !content.contains('\r') => {
                if let Some(case) = self.draft.cases.last_mut() {
                    let content = escape_variables(content);
                    case.request.body = content_text(&media_type, &content, &mut self.variables);
                }
            }
            _ => {
                let message = format!(
                    "exchange {number}: its content is no text of plain lines, and was left out"
                );
                self.draft.remarks.push(DraftRemark::new(None, message));
            }
        }
    }

    fn leave_out(&mut self, number: usize, why: &str) {
        let message = format!("exchange {number} was left out: {why}");
        self.draft.remarks.push(DraftRemark::new(None, message));
    }
}

fn last_status(exchange: &RecordedExchange) -> Option<u16> {
    let last = exchange.response.as_ref().or_else(|| exchange.interim.last())?;
    Some(last.status)
}

/// The origin to which most requests went; the first of several.
fn most_common_origin(recordings: &[Recording]) -> Option<String> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for recording in recordings {
        let Some(url) = &recording.exchange.url else { continue };
        let Ok(target) = Target::parse(url) else { continue };
        let origin = origin_of(&target);
        match counts.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, count)) => *count += 1,
            None => counts.push((origin, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(origin, _)| origin)
}

fn origin_of(target: &Target) -> String {
    format!("{}://{}", target.scheme(), target.authority())
}

/// The lane that the versions of the messages name.
fn lane_of(exchange: &RecordedExchange, request: &RecordedRequest) -> Option<Lane> {
    if exchange.lane.is_some() {
        return exchange.lane;
    }
    let upgrade = value_of(&request.fields, "upgrade").unwrap_or_default();
    if upgrade.eq_ignore_ascii_case("websocket") {
        return Some(Lane::WebSocket);
    }
    let is_tls = exchange.url.as_ref().is_some_and(|url| url.starts_with("https:"));
    match request.version.as_str() {
        "1.0" => Some(Lane::Http10),
        // Some exporters write no version.
        "1.1" | "" => Some(Lane::Http11),
        "2" if is_tls => Some(Lane::Http2),
        "2" => Some(Lane::H2cPrior),
        "3" => Some(Lane::Http3),
        _ => None,
    }
}

/// The fields that another request needs, too: not those of one connection or one browser.
fn kept_fields(request: &RecordedRequest, variables: &mut DraftVariables) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for field in &request.fields {
        let (name, value) = (field.0.to_text(), field.1.to_text());
        if !belongs_to_one_sender(&name.to_ascii_lowercase()) {
            let value = field_text(&name, &escape_variables(&value), variables);
            fields.push((name, value));
        }
    }
    fields
}

fn belongs_to_one_sender(name: &str) -> bool {
    const OF_CONNECTION: [&str; 13] = [
        "host",
        "connection",
        "upgrade",
        "http2-settings",
        "content-length",
        "transfer-encoding",
        "te",
        "expect",
        "keep-alive",
        "proxy-connection",
        "accept-encoding",
        "priority",
        "dnt",
    ];
    let is_of_browser = name.starts_with("sec-fetch-")
        || name.starts_with("sec-ch-")
        || name.starts_with("sec-gpc")
        || name == "upgrade-insecure-requests";
    OF_CONNECTION.contains(&name) || name.starts_with("sec-websocket-") || is_of_browser
}
