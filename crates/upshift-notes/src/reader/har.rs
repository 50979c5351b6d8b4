//! HAR 1.2, as browsers and proxies export it.
//!
//! HAR has no place for interim responses and lanes. `_interim` (a list of responses) and `_lane`
//! of an entry are read as extensions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use upshift_record::{
    Lane, RecordedBody, RecordedExchange, RecordedField, RecordedRequest, RecordedResponse,
    WireText,
};

use super::json::without_bom;
use super::read_error::{ReadError, without_position};
use super::recording::Recording;

const HELP: &str = "HAR is an object with `log`, which has `entries` with `request` and `response`; \
                    export it again";

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: HarRequest,
    response: HarResponse,
    #[serde(default, rename = "_interim")]
    interim: Vec<HarResponse>,
    #[serde(default, rename = "_lane")]
    lane: Option<Lane>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarResponse {
    status: i32,
    #[serde(default)]
    status_text: String,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    #[serde(default)]
    mime_type: String,
    #[serde(default)]
    text: String,
    /// The members of a form, which some exporters write instead of its text.
    #[serde(default)]
    params: Vec<Param>,
}

#[derive(Deserialize)]
struct Param {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default)]
    size: i64,
}

/// Reads all entries.
pub(super) fn read_har(input: &[u8]) -> Result<Vec<Recording>, ReadError> {
    let input = without_bom(input);
    let har: Har = serde_json::from_slice(input).map_err(|error| har_error(&error, input))?;
    let mut recordings = Vec::new();
    for (index, entry) in har.log.entries.into_iter().enumerate() {
        recordings.push(Recording {
            exchange: exchange_of(entry),
            number: index + 1,
            line: None,
            field_lines: Vec::new(),
        });
    }
    Ok(recordings)
}

fn har_error(error: &serde_json::Error, input: &[u8]) -> ReadError {
    let message = if error.is_eof() {
        let complete = count_requests(input).saturating_sub(1);
        format!("the HAR is cut: it ends here, after {complete} complete entries")
    } else {
        without_position(error)
    };
    ReadError::at(error.line(), message, HELP)
}

/// The number of entries that begin in a HAR that cannot be parsed: each has one request.
fn count_requests(input: &[u8]) -> usize {
    let key = b"\"request\"";
    input.windows(key.len()).filter(|window| window == key).count()
}

fn exchange_of(entry: Entry) -> RecordedExchange {
    let Entry { request, response, interim, lane } = entry;
    let (version, target) = (version_of(&request.http_version), target_of(&request.url));
    let recorded = RecordedRequest {
        method: wire_text(&request.method),
        target: wire_text(target),
        version: version.clone(),
        fields: fields_of(request.headers),
        body: request.post_data.map(posted_body),
        trailers: Vec::new(),
    };
    RecordedExchange {
        lane,
        url: Some(request.url),
        request: Some(recorded),
        interim: interim.into_iter().filter_map(|each| response_of(each, &version)).collect(),
        response: response_of(response, &version),
        ..RecordedExchange::empty()
    }
}

/// The content of a request.
fn posted_body(post: PostData) -> RecordedBody {
    let PostData { mime_type, text, params } = post;
    if !text.is_empty() || params.is_empty() {
        return RecordedBody { octets: text.into_bytes(), cut_from: None };
    }
    if mime_type.starts_with("application/x-www-form-urlencoded") {
        let pairs: Vec<String> = params.iter().map(Param::to_form).collect();
        return RecordedBody { octets: pairs.join("&").into_bytes(), cut_from: None };
    }
    // The boundary and the order of the fields of a part are lost.
    let length: usize = params.iter().map(|param| param.name.len() + param.value.len()).sum();
    RecordedBody { octets: Vec::new(), cut_from: Some(length as u64) }
}

impl Param {
    fn to_form(&self) -> String {
        let name = utf8_percent_encode(&self.name, NON_ALPHANUMERIC);
        format!("{name}={}", utf8_percent_encode(&self.value, NON_ALPHANUMERIC))
    }
}

/// A response; `None` for the status 0 (or -1) of a request that failed.
fn response_of(response: HarResponse, request_version: &str) -> Option<RecordedResponse> {
    let status = u16::try_from(response.status).ok().filter(|status| *status >= 100)?;
    let version = match version_of(&response.http_version) {
        version if version.is_empty() => request_version.to_owned(),
        version => version,
    };
    let reason = response.status_text;
    Some(RecordedResponse {
        status,
        version,
        reason: if reason.is_empty() { None } else { Some(wire_text(&reason)) },
        fields: fields_of(response.headers),
        body: response.content.and_then(body_of),
        trailers: Vec::new(),
    })
}

/// The content, which HAR holds after content codings were removed.
fn body_of(content: Content) -> Option<RecordedBody> {
    let text = content.text?;
    let octets = match content.encoding.as_deref() {
        Some("base64") => STANDARD.decode(&text).ok()?,
        _ => text.into_bytes(),
    };
    // The text was decoded from some charset, so its length is that of the content only by chance.
    let size = u64::try_from(content.size).unwrap_or_default();
    let is_other = size > 0 && size != octets.len() as u64;
    Some(RecordedBody { octets, cut_from: if is_other { Some(size) } else { None } })
}

fn fields_of(headers: Vec<Header>) -> Vec<RecordedField> {
    let mut fields = Vec::new();
    for Header { name, value } in headers {
        // Browsers list the pseudo-header fields of HTTP/2, and join lines with a newline.
        if name.starts_with(':') {
            continue;
        }
        for line in value.split('\n') {
            fields.push(RecordedField(wire_text(&name), wire_text(line.trim())));
        }
    }
    fields
}

/// `HTTP/1.1`, `http/2.0`, `h2` and `h3` without the name.
fn version_of(text: &str) -> String {
    let version = upshift_core::HttpVersion::parse(text);
    version.map(|version| version.as_str().to_owned()).unwrap_or_default()
}

fn target_of(url: &str) -> &str {
    let (_, after) = url.split_once("://").unwrap_or(("", url));
    match after.find(['/', '?']) {
        Some(start) => after[start..].split('#').next().unwrap_or_default(),
        None => "/",
    }
}

/// HAR has characters where HTTP has octets: one per octet where they fit.
fn wire_text(text: &str) -> WireText {
    let octets: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    match octets {
        Ok(octets) => octets.into(),
        Err(_) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;
    use crate::reader::{Format, guess_format};

    const HAR: &str = r#"{"log":{"version":"1.2","entries":[
      {"request":{"method":"GET","url":"https://a.example/x?y#z","httpVersion":"h2",
        "headers":[{"name":":path","value":"/x?y"},{"name":"accept","value":"*/*"}]},
       "response":{"status":200,"statusText":"","httpVersion":"h2",
        "headers":[{"name":"link","value":"<a>\n<b>"}],
        "content":{"size":3,"mimeType":"text/plain","text":"YWJj","encoding":"base64"}},
       "_lane":"h2","_interim":[{"status":103,"headers":[{"name":"link","value":"<c>"}]}]},
      {"request":{"method":"GET","url":"http://a.example","httpVersion":"unknown"},
       "response":{"status":0}}]}}"#;

    #[test]
    fn entries_are_read() {
        let with_mark = format!("\u{feff}{HAR}");
        assert_eq!(guess_format(with_mark.as_bytes()), Some(Format::Har));
        let recordings = read_har(with_mark.as_bytes()).unwrap();
        let exchange = &recordings[0].exchange;
        assert_eq!(exchange.lane, Some(Lane::Http2));
        let request = exchange.request.as_ref().unwrap();
        assert_eq!((request.target.clone(), request.fields.len()), ("/x?y".into(), 1));
        assert_eq!((exchange.interim[0].status, exchange.interim[0].version.as_str()), (103, "2"));
        let response = exchange.response.as_ref().unwrap();
        assert_eq!(response.fields.len(), 2);
        assert_eq!(response.body.as_ref().unwrap().octets, b"abc");
        let failed = &recordings[1].exchange;
        assert_eq!(
            (failed.response.clone(), failed.request.as_ref().unwrap().target.clone()),
            (None, "/".into())
        );
    }

    /// HAR 1.2: `params` and `text` exclude each other.
    #[test]
    fn a_form_is_read_from_its_members() {
        let har = |kind: &str| {
            let post = format!(
                r#"{{"mimeType":"{kind}","params":[{{"name":"a b","value":"ü"}},{{"name":"c","value":"d"}}]}}"#
            );
            let request = format!(r#"{{"method":"POST","url":"http://a/","postData":{post}}}"#);
            format!(
                r#"{{"log":{{"entries":[{{"request":{request},"response":{{"status":200}}}}]}}}}"#
            )
        };
        let body = |kind: &str| {
            let recordings = read_har(har(kind).as_bytes()).unwrap();
            recordings[0].exchange.request.clone().unwrap().body.unwrap()
        };
        let form = body("application/x-www-form-urlencoded");
        assert_eq!((form.octets.as_slice(), form.cut_from), (&b"a%20b=%C3%BC&c=d"[..], None));
        let parts = body("multipart/form-data; boundary=x");
        assert_eq!((parts.octets.len(), parts.cut_from), (0, Some(7)));
    }

    #[test]
    fn a_har_that_is_cut_says_where() {
        let cut = &HAR[..HAR.find("unknown").unwrap()];
        let error = read_har(cut.as_bytes()).unwrap_err();
        let message = "the HAR is cut: it ends here, after 1 complete entries";
        assert_eq!((error.line, error.message.as_str()), (Some(8), message));
        let error = read_har(br#"{"log":{"entries":[{"request":{"method":"GET"}}]}}"#).unwrap_err();
        assert!(error.message.contains("missing field `url`"), "{error}");
    }
}
