//! A Hurl file → a suite: one case for each entry that expects a response.

mod asserts;
mod templates;

use std::collections::BTreeMap;

use upshift_record::Lane;

use self::asserts::{AssertReader, parse_capture};
use self::templates::Templates;
use super::draft_case::DraftCase;
use super::error::DraftError;
use super::expectations::expect_value;
use super::hurl::{HurlContent, HurlEntry, HurlLine, parse_hurl, without_comment};
use super::ids::UniqueIds;
use super::secret_fields::is_secret_field;
use super::secret_text::{hide_in_form, mask_prose};
use super::suite_draft::{DraftRemark, SuiteDraft};
use super::values::{content_text, encode, encoded_value, field_text};
use crate::suite::model::{Capture, LaneExpectation};
use crate::suite::request_text::RequestText;
use crate::suite::status::StatusExpectation;

/// Drafts a suite of the entries of a Hurl file.
///
/// # Errors
/// If a line is no Hurl, or no entry expects anything that a suite can.
pub fn draft_from_hurl(text: &str, name: &str) -> Result<SuiteDraft, DraftError> {
    let entries = parse_hurl(text)?;
    let mut drafter = HurlDrafter::default();
    for entry in &entries {
        drafter.add(entry);
    }
    if drafter.draft.cases.is_empty() {
        let help = "write `HTTP 426` below a request";
        return Err(DraftError::new("no entry of the file expects a response", help));
    }
    let mut draft = drafter.draft;
    draft.name = name.to_owned();
    draft.target = drafter.templates.target();
    draft.comment = vec![format!("From {name}: one case for each entry that expects a response.")];
    if !draft.remarks.is_empty() {
        draft
            .comment
            .push("A comment `not carried over` shows what a suite has no words for.".to_owned());
    }
    Ok(draft)
}

#[derive(Default)]
struct HurlDrafter {
    templates: Templates,
    ids: UniqueIds,
    draft: SuiteDraft,
}

impl HurlDrafter {
    fn add(&mut self, entry: &HurlEntry) {
        let target = match self.templates.target_of(&entry.url) {
            Ok(target) => target,
            Err(why) => return self.leave_out(entry, &why),
        };
        let mut remarks = Vec::new();
        let request = self.request_of(entry, target, &mut remarks);
        let (lane, expect) = self.expectation_of(entry, &mut remarks);
        if expect.checks_nothing() {
            return self.leave_out(entry, "it expects nothing that a suite can expect");
        }
        let mut comment: Vec<String> = entry.comment.iter().map(|line| mask_prose(line)).collect();
        for remark in &remarks {
            comment.push(format!("not carried over: {remark}"));
        }
        let path = request.target.split('?').next().unwrap_or_default();
        let words = format!("{} {}", request.method, path.replace("capture:", ""));
        let capture = self.captures_of(entry, &mut remarks);
        self.draft.cases.push(DraftCase {
            id: self.ids.make(&words),
            comment,
            request,
            lanes: Vec::new(),
            expect: vec![(Some(lane), expect)],
            capture,
        });
        self.draft.remarks.extend(remarks);
    }

    fn leave_out(&mut self, entry: &HurlEntry, why: &str) {
        let message = format!("{} {} was left out: {why}", entry.method, entry.url);
        self.draft.remarks.push(DraftRemark::new(Some(entry.line), message));
    }

    fn request_of(
        &mut self,
        entry: &HurlEntry,
        target: String,
        remarks: &mut Vec<DraftRemark>,
    ) -> RequestText {
        let mut request = RequestText {
            method: entry.method.clone(),
            target,
            fields: Vec::new(),
            body: String::new(),
        };
        for line in &entry.request.fields {
            match line.text.split_once(':') {
                Some((name, value)) => {
                    let value = self.field_value(name, value.trim());
                    request.fields.push((name.to_owned(), value));
                }
                None => remarks.push(line.remark()),
            }
        }
        self.add_sections(entry, &mut request, remarks);
        self.add_content(entry, &mut request, remarks);
        request
    }

    fn add_content(
        &mut self,
        entry: &HurlEntry,
        request: &mut RequestText,
        remarks: &mut Vec<DraftRemark>,
    ) {
        let Some((number, content)) = &entry.request.content else { return };
        match content {
            HurlContent::Text(text, media_type) => {
                let names = request.fields.iter().map(|(name, _)| name);
                let has_type =
                    names.into_iter().any(|name| name.eq_ignore_ascii_case("content-type"));
                if let Some(media_type) = media_type.filter(|_| !has_type) {
                    request.fields.push(("Content-Type".to_owned(), media_type.to_owned()));
                }
                let text = self.templates.expand(text);
                let media_type = media_type.unwrap_or_default();
                request.body = content_text(media_type, &text, &mut self.templates.variables);
            }
            HurlContent::Other(text) => {
                // `base64,…` may be a secret; the name of a file is none.
                let is_file = text.starts_with("file,");
                let kind = text.split_once(',').filter(|_| !is_file);
                let shown = kind.map_or(text.clone(), |(kind, _)| format!("{kind},…"));
                let message = format!("the content `{shown}`");
                remarks.push(DraftRemark::new(Some(*number), message));
            }
        }
    }

    /// The value of a field: a variable of Hurl stays one, and a secret becomes one.
    fn field_value(&mut self, name: &str, value: &str) -> String {
        let value = self.templates.expand(value);
        field_text(name, &value, &mut self.templates.variables)
    }

    fn add_sections(
        &mut self,
        entry: &HurlEntry,
        request: &mut RequestText,
        remarks: &mut Vec<DraftRemark>,
    ) {
        for (section, lines) in &entry.request.sections {
            match section.as_str() {
                "Query" | "QueryStringParams" => {
                    let pairs = self.pairs_of(lines, remarks);
                    let sign = if request.target.contains('?') { '&' } else { '?' };
                    request.target = format!("{}{sign}{}", request.target, self.form_of(&pairs));
                }
                "Form" | "FormParams" => {
                    let kind = "application/x-www-form-urlencoded".to_owned();
                    request.fields.push(("Content-Type".to_owned(), kind));
                    let pairs = self.pairs_of(lines, remarks);
                    request.body = self.form_of(&pairs);
                }
                "Cookies" => {
                    let pairs = self.pairs_of(lines, remarks);
                    let cookies: Vec<String> =
                        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    let value = self.field_value("Cookie", &cookies.join("; "));
                    request.fields.push(("Cookie".to_owned(), value));
                }
                // The password is a secret, and a suite encodes no variables.
                "BasicAuth" => {
                    let user = format!("{:?}", self.pairs_of(lines, remarks));
                    let variable = self.templates.variables.reference("credentials", &user);
                    request.fields.push(("Authorization".to_owned(), format!("Basic {variable}")));
                }
                "Options" => {}
                _ => remarks.extend(lines.iter().map(|line| line.remark_in(section))),
            }
        }
    }

    /// A query or a form.
    fn form_of(&mut self, pairs: &[(String, String)]) -> String {
        let mut form = Vec::new();
        for (name, value) in pairs {
            // A variable is a value of its own, which is not encoded again.
            if value.contains("{{") {
                let pair = format!("{}={}", encode(name), self.templates.expand(value));
                form.push(hide_in_form(&pair, &mut self.templates.variables));
                continue;
            }
            let value = encoded_value(name, value, &mut self.templates.variables);
            form.push(format!("{}={value}", encode(name)));
        }
        form.join("&")
    }

    fn pairs_of(
        &self,
        lines: &[HurlLine],
        remarks: &mut Vec<DraftRemark>,
    ) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for line in lines {
            match line.text.split_once(':') {
                Some((name, value)) => {
                    pairs.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                None => remarks.push(line.remark()),
            }
        }
        pairs
    }

    fn expectation_of(
        &self,
        entry: &HurlEntry,
        remarks: &mut Vec<DraftRemark>,
    ) -> (Lane, LaneExpectation) {
        let mut expect = LaneExpectation::default();
        let mut lane = lane_of_options(entry, remarks);
        if let Some(line) = &entry.response_line {
            let (version, status) = line.text.split_once(' ').unwrap_or((&line.text, "*"));
            if let Ok(code) = status.trim().parse() {
                expect.status = Some(StatusExpectation::code(code));
            }
            if let Some(version) = version.strip_prefix("HTTP/") {
                lane = lane.or_else(|| lane_of_version(version, &entry.url));
                expect.version = Some(version.to_owned());
            }
        }
        expect_fields(&mut expect, &entry.response.fields, remarks);
        let mut reader = AssertReader { expect, remarks };
        for (section, lines) in &entry.response.sections {
            match section.as_str() {
                "Asserts" => lines.iter().for_each(|line| reader.read(line)),
                "Captures" => {}
                _ => reader.remarks.extend(lines.iter().map(|line| line.remark_in(section))),
            }
        }
        reader.read_content(entry.response.content.as_ref());
        (lane.unwrap_or(Lane::Http11), reader.expect)
    }

    fn captures_of(
        &mut self,
        entry: &HurlEntry,
        remarks: &mut Vec<DraftRemark>,
    ) -> BTreeMap<String, Capture> {
        let mut captures = BTreeMap::new();
        for (section, lines) in &entry.response.sections {
            if section != "Captures" {
                continue;
            }
            for line in lines {
                match parse_capture(&line.text) {
                    Some((name, capture)) if self.templates.add_capture(&name) => {
                        captures.insert(name, capture);
                    }
                    _ => remarks.push(line.remark_in(section)),
                }
            }
        }
        captures
    }
}

/// The fields below a response line: each is expected as it stands.
fn expect_fields(expect: &mut LaneExpectation, lines: &[HurlLine], remarks: &mut Vec<DraftRemark>) {
    for line in lines {
        match without_comment(&line.text).split_once(':') {
            Some((name, value))
                if !value.contains("{{") && !is_secret_field(name.trim(), value.trim()) =>
            {
                let value = expect_value(value.trim());
                expect.fields.insert(name.trim().to_owned(), value);
            }
            _ => remarks.push(line.remark()),
        }
    }
}

/// The lane that an option chooses. Other options are remarks.
fn lane_of_options(entry: &HurlEntry, remarks: &mut Vec<DraftRemark>) -> Option<Lane> {
    let is_tls = !entry.url.starts_with("http:");
    let mut lane = None;
    for (section, lines) in &entry.request.sections {
        if section != "Options" {
            continue;
        }
        for line in lines {
            let (name, value) = line.text.split_once(':').unwrap_or((&line.text, ""));
            match (name.trim(), value.trim()) {
                ("http1.0", "true") => lane = Some(Lane::Http10),
                ("http1.1", "true") => lane = Some(Lane::Http11),
                ("http2", "true") => {
                    lane = Some(if is_tls { Lane::Http2 } else { Lane::H2cUpgrade });
                }
                ("http3", "true") => lane = Some(Lane::Http3),
                _ => remarks.push(line.remark_in(section)),
            }
        }
    }
    lane
}

fn lane_of_version(version: &str, url: &str) -> Option<Lane> {
    match version {
        "1.0" => Some(Lane::Http10),
        "1.1" => Some(Lane::Http11),
        "2" if url.starts_with("http:") => Some(Lane::H2cPrior),
        "2" => Some(Lane::Http2),
        "3" => Some(Lane::Http3),
        _ => None,
    }
}
