//! Messages written as text.

use upshift_record::{
    Lane, MessagePlace, Protection, RecordedBody, RecordedExchange, RecordedField, RecordedRequest,
    RecordedResponse,
};

use super::read_error::ReadError;
use super::recording::{FieldLine, Recording};
use super::text_body::{BodyFraming, take_body};
use super::text_head::{FieldReader, StartLine, parse_start_line};

const HELP: &str = "a message begins with a request line (GET / HTTP/1.1) or a status line \
                    (HTTP/1.1 426 Upgrade Required)";

/// Reads messages, in the order in which they were sent.
pub(super) fn read_text(input: &[u8]) -> Result<Vec<Recording>, ReadError> {
    let mut reader = TextReader { input, position: 0, line: 1, done: Vec::new(), open: None };
    reader.read_all()?;
    Ok(reader.done)
}

struct TextReader<'i> {
    input: &'i [u8],
    /// The octet that is read next, and its line.
    position: usize,
    line: usize,
    done: Vec<Recording>,
    /// The exchange whose final response has not been read.
    open: Option<Recording>,
}

impl<'i> TextReader<'i> {
    fn read_all(&mut self) -> Result<(), ReadError> {
        while let Some((line, number)) = self.next_line() {
            if line.is_empty() {
                continue;
            }
            if line == b"###" {
                self.close_exchange();
            } else if let Some(comment) = line.strip_prefix(b"#") {
                self.read_comment(comment, number)?;
            } else {
                self.read_message(line, number)?;
            }
        }
        self.close_exchange();
        Ok(())
    }

    fn read_message(&mut self, line: &[u8], number: usize) -> Result<(), ReadError> {
        match parse_start_line(line) {
            Some(StartLine::Request(request)) => self.read_request(request, number),
            Some(StartLine::Response(response)) => self.read_response(response, number),
            None => {
                let shown = String::from_utf8_lossy(line);
                Err(ReadError::at(number, format!("`{shown}` does not begin a message"), HELP))
            }
        }
    }

    fn read_request(
        &mut self,
        mut request: RecordedRequest,
        number: usize,
    ) -> Result<(), ReadError> {
        if self.open.as_ref().is_some_and(|open| open.exchange.request.is_some()) {
            self.close_exchange();
        }
        let lines;
        (request.fields, lines) = self.read_fields(MessagePlace::Request, number)?;
        request.body = self.read_body(&BodyFraming::of_request(&request.fields));
        let recording = self.open_exchange(number);
        recording.field_lines.extend(lines);
        let target = request.target.to_text();
        if recording.exchange.url.is_none() && target.contains("://") {
            recording.exchange.url = Some(target);
        }
        recording.exchange.request = Some(request);
        Ok(())
    }

    fn read_response(
        &mut self,
        mut response: RecordedResponse,
        number: usize,
    ) -> Result<(), ReadError> {
        let recording = self.open_exchange(number);
        let is_interim = response.status < 200;
        let place = match is_interim {
            true => MessagePlace::Interim(recording.exchange.interim.len() + 1),
            false => MessagePlace::Response,
        };
        let request = recording.exchange.request.as_ref();
        let is_head = request.is_some_and(|request| request.method.as_bytes() == b"HEAD");
        let lines;
        (response.fields, lines) = self.read_fields(place, number)?;
        let framing = BodyFraming::of_response(response.status, &response.fields, is_head);
        response.body = self.read_body(&framing);
        let recording = self.open_exchange(number);
        recording.field_lines.extend(lines);
        if is_interim {
            recording.exchange.interim.push(response);
        } else {
            recording.exchange.response = Some(response);
            self.close_exchange();
        }
        Ok(())
    }

    fn read_fields(
        &mut self,
        place: MessagePlace,
        start: usize,
    ) -> Result<(Vec<RecordedField>, Vec<FieldLine>), ReadError> {
        let mut reader = FieldReader::new(place, start);
        while let Some((line, number)) = self.next_line() {
            if line.is_empty() {
                break;
            }
            reader.add_line(line, number)?;
        }
        Ok((reader.fields, reader.lines))
    }

    fn read_body(&mut self, framing: &BodyFraming) -> Option<RecordedBody> {
        let rest = &self.input[self.position..];
        let (body, taken) = take_body(framing, rest);
        self.line += rest[..taken].iter().filter(|byte| **byte == b'\n').count();
        self.position += taken;
        body
    }

    /// `# url: …`, `# tls: …` and `# lane: …` describe the connection; anything else is a comment.
    fn read_comment(&mut self, comment: &[u8], number: usize) -> Result<(), ReadError> {
        let text = String::from_utf8_lossy(comment).into_owned();
        let Some((key, value)) = text.split_once(':') else { return Ok(()) };
        let value = value.trim();
        match key.trim() {
            "url" => self.open_exchange(number).exchange.url = Some(value.to_owned()),
            "tls" => {
                let protection = match value {
                    "none" => Protection::Cleartext,
                    version => Protection::Tls { version: Some(version.to_owned()), alpn: None },
                };
                self.open_exchange(number).exchange.protection = Some(protection);
            }
            "lane" => match value.parse::<Lane>() {
                Ok(lane) => self.open_exchange(number).exchange.lane = Some(lane),
                Err(error) => return Err(ReadError::at(number, error.to_string(), "")),
            },
            _ => {}
        }
        Ok(())
    }

    fn open_exchange(&mut self, number: usize) -> &mut Recording {
        let count = self.done.len();
        self.open.get_or_insert_with(|| Recording {
            exchange: RecordedExchange::empty(),
            number: count + 1,
            line: Some(number),
            field_lines: Vec::new(),
        })
    }

    fn close_exchange(&mut self) {
        let Some(open) = self.open.take() else { return };
        let RecordedExchange { request, interim, response, .. } = &open.exchange;
        // Comments alone are no exchange.
        if request.is_some() || response.is_some() || !interim.is_empty() {
            self.done.push(open);
        }
    }

    /// The next line without its end, and its number.
    fn next_line(&mut self) -> Option<(&'i [u8], usize)> {
        let rest = &self.input[self.position..];
        if rest.is_empty() {
            return None;
        }
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..length];
        let number = self.line;
        self.position += (length + 1).min(rest.len());
        self.line += 1;
        Some((line.strip_suffix(b"\r").unwrap_or(line), number))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn read_one(text: &str) -> Recording {
        let mut recordings = read_text(text.as_bytes()).unwrap();
        assert_eq!(recordings.len(), 1, "{recordings:?}");
        recordings.remove(0)
    }

    #[test]
    fn interim_responses_are_kept_apart() {
        let recording = read_one(
            "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n\
             HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
             HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nno\n",
        );
        let RecordedExchange { request, interim, response, .. } = &recording.exchange;
        assert_eq!(request.as_ref().unwrap().target, "/chat".into());
        assert_eq!(interim[0].status, 103);
        let response = response.as_ref().unwrap();
        assert_eq!(response.reason, Some("Upgrade Required".into()));
        assert_eq!(response.body.as_ref().unwrap().octets, b"no\n");
        assert_eq!(recording.line_of(MessagePlace::Response, Some("upgrade")), Some(8));
        assert_eq!(recording.line_of(MessagePlace::Response, Some("Vary")), Some(7));
    }

    #[test]
    fn a_file_holds_several_exchanges() {
        let text = "# url: https://a/\n# tls: 1.2\nHTTP/2 200\n\nhello\n\n###\n\n\
                    GET / HTTP/1.0\n\nHTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n\
                    2\nab\n0\n\nGET /b HTTP/1.1\n\n";
        let recordings = read_text(text.as_bytes()).unwrap();
        assert_eq!(recordings.len(), 3);
        assert_eq!(recordings[0].exchange.url.as_deref(), Some("https://a/"));
        let response = recordings[1].exchange.response.as_ref().unwrap();
        assert_eq!(response.body.as_ref().unwrap().octets, b"ab");
        assert_eq!(recordings[2].line, Some(18));
        assert_eq!(recordings[2].exchange.response, None);
    }

    #[test]
    fn errors_name_the_line() {
        let error = read_text(b"HTTP/1.1 200 OK\nUpgrade websocket\n\n").unwrap_err();
        assert_eq!(error.line, Some(2));
        let error = read_text(b"\nhello\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2: `hello` does not begin a message"));
        let error = read_text(b"# lane: http9\n").unwrap_err();
        assert!(error.to_string().contains("h1.0, h1.1"), "{error}");
    }
}
