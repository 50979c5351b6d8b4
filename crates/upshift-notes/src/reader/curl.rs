//! The output of `curl -v`: `* ` comments, `> ` request lines, `< ` response lines, and the content
//! without a mark.

use upshift_record::{
    MessagePlace, Protection, RecordedBody, RecordedExchange, RecordedRequest, RecordedResponse,
};

use super::read_error::ReadError;
use super::recording::Recording;
use super::text_head::{FieldReader, StartLine, is_start_line, parse_start_line};

const HELP: &str = "record it with `curl -sv URL > file 2>&1`; both streams belong together";

/// Reads the exchanges of one or more transfers.
pub(super) fn read_curl(input: &[u8]) -> Result<Vec<Recording>, ReadError> {
    let mut reader = CurlReader::default();
    for (index, line) in input.split(|byte| *byte == b'\n').enumerate() {
        reader.read_line(line, index + 1)?;
    }
    reader.finish_message();
    reader.finish_exchange();
    Ok(reader.done)
}

#[derive(Default)]
struct CurlReader {
    done: Vec<Recording>,
    /// The protection of the connection that curl used last.
    protection: Option<Protection>,
    recording: Option<Recording>,
    message: Option<OpenMessage>,
    body: Vec<u8>,
    /// True if curl received content, whether or not it is in the output.
    has_received_data: bool,
    /// True after a content that was not where it belongs: a stdout that is not a terminal is
    /// buffered, so the contents of several transfers come after the last.
    bodies_are_late: bool,
}

/// A message whose fields are being read.
struct OpenMessage {
    start: StartLine,
    fields: FieldReader,
}

impl CurlReader {
    fn read_line(&mut self, whole: &[u8], number: usize) -> Result<(), ReadError> {
        let line = whole.strip_suffix(b"\r").unwrap_or(whole);
        if let Some(comment) = line.strip_prefix(b"* ") {
            self.read_comment(&String::from_utf8_lossy(comment));
            return Ok(());
        }
        let sent = line.strip_prefix(b"> ").or(if line == b">" { Some(b"") } else { None });
        let received = line.strip_prefix(b"< ").or(if line == b"<" { Some(b"") } else { None });
        match (sent, received) {
            (Some(text), _) | (None, Some(text)) if text.trim_ascii().is_empty() => {
                self.finish_message();
                Ok(())
            }
            (Some(text), _) | (None, Some(text)) => self.read_message_line(text, number),
            (None, None) => {
                self.add_body_line(whole);
                Ok(())
            }
        }
    }

    fn read_message_line(&mut self, text: &[u8], number: usize) -> Result<(), ReadError> {
        // curl prints no empty line between a 101 and the response over HTTP/2.
        if is_start_line(text) {
            self.finish_message();
        }
        if let Some(message) = &mut self.message {
            return message.fields.add_line(text, number);
        }
        let Some(start) = parse_start_line(text) else {
            let shown = String::from_utf8_lossy(text);
            let message = format!("`{shown}` is neither a request line nor a status line");
            return Err(ReadError::at(number, message, HELP));
        };
        if matches!(start, StartLine::Request(_)) {
            self.finish_exchange();
        }
        let place = self.place_of(&start, number);
        self.message = Some(OpenMessage { start, fields: FieldReader::new(place, number) });
        Ok(())
    }

    fn place_of(&mut self, start: &StartLine, number: usize) -> MessagePlace {
        let count = self.done.len();
        let recording = self.recording.get_or_insert_with(|| Recording {
            exchange: RecordedExchange::empty(),
            number: count + 1,
            line: Some(number),
            field_lines: Vec::new(),
        });
        match start {
            StartLine::Request(_) => MessagePlace::Request,
            StartLine::Response(response) if response.status < 200 => {
                MessagePlace::Interim(recording.exchange.interim.len() + 1)
            }
            StartLine::Response(_) => MessagePlace::Response,
        }
    }

    fn finish_message(&mut self) {
        let (Some(message), Some(recording)) = (self.message.take(), &mut self.recording) else {
            return;
        };
        recording.field_lines.extend(message.fields.lines);
        let fields = message.fields.fields;
        match message.start {
            StartLine::Request(request) => {
                recording.exchange.request = Some(RecordedRequest { fields, ..request });
            }
            StartLine::Response(response) => {
                let response = RecordedResponse { fields, ..response };
                if response.status < 200 {
                    recording.exchange.interim.push(response);
                } else {
                    recording.exchange.response = Some(response);
                }
            }
        }
    }

    fn finish_exchange(&mut self) {
        let Some(mut recording) = self.recording.take() else { return };
        let octets = std::mem::take(&mut self.body);
        let has_received_data = std::mem::take(&mut self.has_received_data);
        let is_elsewhere = has_received_data && octets.trim_ascii().is_empty();
        let exchange = &mut recording.exchange;
        exchange.protection.clone_from(&self.protection);
        exchange.url = url_of(exchange);
        let request = exchange.request.as_ref();
        let is_head = request.is_some_and(|request| request.method.as_bytes() == b"HEAD");
        if let Some(response) = &mut exchange.response
            && !is_head
        {
            response.body = match self.bodies_are_late || is_elsewhere {
                true => unknown_body(response),
                false => body_of(response, octets),
            };
            let body = response.body.as_ref();
            self.bodies_are_late |= body.is_some_and(|body| body.cut_from.is_some());
        }
        self.done.push(recording);
    }

    fn read_comment(&mut self, comment: &str) {
        if comment.starts_with("Connected to ") || comment.starts_with("Established connection to ")
        {
            self.protection = Some(Protection::Cleartext);
        } else if let Some(after) = comment.strip_prefix("SSL connection using ") {
            let version = after.split([' ', '/']).next().unwrap_or_default();
            let version = version.strip_prefix("TLSv").map(str::to_owned);
            self.protection = Some(Protection::Tls { version, alpn: None });
        } else if let Some(chosen) = chosen_by_alpn(comment)
            && let Some(Protection::Tls { alpn, .. }) = &mut self.protection
        {
            *alpn = Some(chosen);
        }
    }

    fn add_body_line(&mut self, line: &[u8]) {
        let is_progress = line.starts_with(b"{ [") || line.starts_with(b"} [");
        let response = self.recording.as_ref().and_then(|open| open.exchange.response.as_ref());
        if response.is_none() {
            return;
        }
        if is_progress {
            self.has_received_data = true;
        } else {
            self.body.extend_from_slice(line);
            self.body.push(b'\n');
        }
    }
}

/// `ALPN: server accepted h2`, and `ALPN, server accepted to use h2` of older versions.
fn chosen_by_alpn(comment: &str) -> Option<String> {
    let (_, after) = comment.split_once("server accepted ")?;
    if !comment.starts_with("ALPN") {
        return None;
    }
    Some(after.strip_prefix("to use ").unwrap_or(after).trim().to_owned())
}

fn url_of(exchange: &RecordedExchange) -> Option<String> {
    let request = exchange.request.as_ref()?;
    let scheme = match exchange.protection.as_ref()? {
        Protection::Cleartext => "http",
        Protection::Tls { .. } => "https",
    };
    let host = request.fields.iter().find(|field| field.0.eq_ignore_ascii_case("host"))?;
    Some(format!("{scheme}://{}{}", host.1, request.target))
}

/// The content between the marked lines. Its end is known from its length only: what curl says next
/// begins on the same line if the content does not end with a newline.
fn body_of(response: &RecordedResponse, mut octets: Vec<u8>) -> Option<RecordedBody> {
    // The newline that this reader added to the last line.
    octets.pop();
    remove_echoed_heads(&mut octets);
    match length_of(response) {
        Some(length) if length <= octets.len() => octets.truncate(length),
        // `curl -o`, or only stderr: how much there was is known, and nothing else.
        Some(_) => return unknown_body(response),
        None if octets.is_empty() => return None,
        None => {}
    }
    Some(RecordedBody { octets, cut_from: None })
}

/// `-i` and `-I` also write the heads to stdout.
fn remove_echoed_heads(octets: &mut Vec<u8>) {
    while let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") {
        let first_line = octets.split(|byte| *byte == b'\r').next().unwrap_or_default();
        if !matches!(parse_start_line(first_line), Some(StartLine::Response(_))) {
            return;
        }
        octets.drain(..end + 4);
    }
}

/// A content whose length alone is known.
fn unknown_body(response: &RecordedResponse) -> Option<RecordedBody> {
    let length = length_of(response).unwrap_or_default() as u64;
    Some(RecordedBody { octets: Vec::new(), cut_from: Some(length) })
}

fn length_of(response: &RecordedResponse) -> Option<usize> {
    let mut fields = response.fields.iter();
    let length = fields.find(|field| field.0.eq_ignore_ascii_case("content-length"))?;
    length.1.to_text().parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn a_transfer_over_tls_is_read() {
        let output = b"*   Trying 127.0.0.1:8443...\n* Connected to localhost port 8443\n\
            * SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384 / X25519\n\
            * ALPN: server accepted h2\n* using HTTP/2\n\
            > GET /a HTTP/2\n> Host: localhost:8443\n> \n\
            < HTTP/2 426 \n< content-length: 2\n< \n{ [2 bytes data]\nno* Connection #0 left\n";
        let recordings = read_curl(output).unwrap();
        let exchange = &recordings[0].exchange;
        assert_eq!(exchange.url.as_deref(), Some("https://localhost:8443/a"));
        let tls = Protection::Tls { version: Some("1.3".to_owned()), alpn: Some("h2".to_owned()) };
        assert_eq!(exchange.protection, Some(tls));
        let response = exchange.response.as_ref().unwrap();
        assert_eq!((response.status, response.version.as_str()), (426, "2"));
        assert_eq!(response.body.as_ref().unwrap().octets, b"no");
        assert_eq!(recordings[0].line_of(MessagePlace::Response, Some("content-length")), Some(10));
    }

    #[test]
    fn a_switch_and_a_second_transfer_are_read() {
        let output = b"* Connected to a (::1) port 80\n> GET / HTTP/1.1\n> Host: a\n>\n\
            < HTTP/1.1 101 Switching Protocols\n< Upgrade: h2c\n* Received 101\n\
            < HTTP/2 200\n<\nhello\n> GET /b HTTP/1.1\n> Host: a\n>\n\
            < HTTP/1.1 204 No Content\n<\n";
        let recordings = read_curl(output).unwrap();
        assert_eq!(recordings.len(), 2);
        let first = &recordings[0].exchange;
        assert_eq!(
            (first.interim[0].status, first.protection.clone()),
            (101, Some(Protection::Cleartext))
        );
        assert_eq!(first.response.as_ref().unwrap().body.as_ref().unwrap().octets, b"hello");
        assert_eq!(recordings[1].exchange.url.as_deref(), Some("http://a/b"));
        let error = read_curl(b"* x\n< nonsense\n").unwrap_err();
        assert_eq!(error.line, Some(2));
    }

    /// stdout comes last if it is a file, and with `-i` the heads are in it.
    #[test]
    fn a_content_that_comes_late_is_found_or_unknown() {
        let one = "> GET / HTTP/1.1\r\n> Host: a\r\n> \r\n\
                   < HTTP/1.1 200 OK\r\n< Content-Length: 4\r\n< \r\n";
        let late = "* left intact\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na\r\n\r";
        let recordings = read_curl(format!("{one}{late}").as_bytes()).unwrap();
        let body = recordings[0].exchange.response.as_ref().unwrap().body.clone().unwrap();
        assert_eq!((body.octets, body.cut_from), (b"a\r\n\r".to_vec(), None));
        let only_stderr =
            one.replace("Content-Length: 4", "Connection: close") + "{ [4 bytes data]\n";
        let recordings = read_curl(only_stderr.as_bytes()).unwrap();
        let body = recordings[0].exchange.response.as_ref().unwrap().body.clone().unwrap();
        assert_eq!((body.octets, body.cut_from), (Vec::new(), Some(0)));
        for recording in read_curl(format!("{one}{one}* left intact\nabcdefgh").as_bytes()).unwrap()
        {
            let body = recording.exchange.response.as_ref().unwrap().body.clone().unwrap();
            assert_eq!((body.octets, body.cut_from), (Vec::new(), Some(4)));
        }
    }
}
