//! One exchange over HTTP/2.

use loona_hpack::Decoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use upshift_http::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FrameHead, HEADERS, RST_STREAM, SETTINGS,
};
use upshift_record::{
    ExchangeEnd, RecordedBody, RecordedExchange, RecordedField, RecordedResponse,
};

use super::http1_exchange::add_content;
use super::http2_frames::{
    Frame, GOAWAY, PING, Section, WINDOW_UPDATE, client_preface, decode_block, encode_fields,
    error_name, push_frame, push_headers,
};
use super::http2_upload::Http2Upload;
use super::inquiry::Failure;
use super::loose_head::read_loosely;
use super::prober::ByteStream;

/// The stream of the one request.
const STREAM: u32 = 1;

/// The largest frame that we allow the server to send (RFC 9113 §6.5.2: the default).
const FRAME_LIMIT: u32 = 16_384;

/// A connection of HTTP/2 with one request.
pub(super) struct Http2Session {
    decoder: Decoder<'static>,
    received: Vec<u8>,
    /// A header block whose end has not arrived, and the flags of its HEADERS frame.
    block: Option<(Vec<u8>, u8)>,
    has_settings: bool,
    upload: Http2Upload,
    content_limit: usize,
}

impl Http2Session {
    /// A connection on which the server may have sent `received` already. At most `content_limit`
    /// octets of the response's content are read.
    pub(super) fn new(received: Vec<u8>, content_limit: usize) -> Self {
        let mut decoder = Decoder::new();
        // RFC 9113 §6.5.2: the table size that we, by default, allow.
        decoder.set_max_allowed_table_size(4096);
        let upload = Http2Upload::default();
        Self { decoder, received, block: None, has_settings: false, upload, content_limit }
    }

    /// Sends the preface.
    pub(super) async fn send_preface(stream: &mut impl ByteStream) -> Result<(), Failure> {
        stream.write_all(&client_preface()).await?;
        Ok(stream.flush().await?)
    }

    /// Sends the preface, the request, and as much of its content as the windows allow, in one
    /// write. The rest follows while responses are read.
    pub(super) async fn send_request(
        &mut self,
        stream: &mut impl ByteStream,
        fields: &[(String, String)],
        content: &[u8],
    ) -> Result<(), Failure> {
        let mut out = client_preface();
        push_headers(&mut out, STREAM, &encode_fields(fields), content.is_empty());
        self.upload = Http2Upload::new(content);
        self.upload.push_data(&mut out, STREAM);
        stream.write_all(&out).await?;
        Ok(stream.flush().await?)
    }

    /// Reads the responses of stream 1 into the record.
    pub(super) async fn read_responses(
        &mut self,
        stream: &mut impl ByteStream,
        record: &mut RecordedExchange,
    ) -> Result<(), Failure> {
        loop {
            while let Some(frame) = self.next_frame(record)? {
                if self.take_frame(stream, &frame, record).await? {
                    return Ok(());
                }
            }
            let mut buffer = [0; 16 * 1024];
            match stream.read(&mut buffer).await {
                Ok(0) => return Err(self.closed(record)),
                Ok(length) => self.received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(self.closed(record));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns true if the server has sent something that is not HTTP/2.
    pub(super) fn has_other_protocol(&self) -> bool {
        let head = FrameHead::parse(&self.received);
        !self.has_settings && head.is_some_and(|head| head.kind != SETTINGS)
    }

    /// The next complete frame.
    ///
    /// RFC 9113 §3.4: the server's preface is a SETTINGS frame. Anything else is no HTTP/2, and
    /// usually a response of HTTP/1.
    fn next_frame(&mut self, record: &mut RecordedExchange) -> Result<Option<Frame>, Failure> {
        let Some(head) = FrameHead::parse(&self.received) else { return Ok(None) };
        if self.has_other_protocol() {
            return Err(self.not_http2(record));
        }
        if head.length > FRAME_LIMIT {
            return Err(Failure::malformed(format!("a frame has {} octets", head.length)));
        }
        self.has_settings = true;
        Ok(Frame::take_from(&mut self.received))
    }

    /// Handles a frame. Returns true when the exchange is over.
    async fn take_frame(
        &mut self,
        stream: &mut impl ByteStream,
        frame: &Frame,
        record: &mut RecordedExchange,
    ) -> Result<bool, Failure> {
        match frame.head.kind {
            SETTINGS | PING | WINDOW_UPDATE if !frame.has_flag(ACK) => {
                let out = self.reply_to(frame);
                // A server that has closed already is noticed by the next read.
                let _ = stream.write_all(&out).await;
                let _ = stream.flush().await;
            }
            HEADERS if frame.head.stream == STREAM => {
                let content = frame.content().ok_or_else(malformed_frame)?;
                self.block = Some((content.to_vec(), frame.head.flags));
                return self.end_block(frame, record);
            }
            CONTINUATION if frame.head.stream == STREAM => {
                let Some((block, _)) = &mut self.block else { return Err(malformed_frame()) };
                block.extend_from_slice(&frame.payload);
                if block.len() > 64 * 1024 {
                    return Err(Failure::malformed("a header section has more than 64 KiB"));
                }
                return self.end_block(frame, record);
            }
            DATA if frame.head.stream == STREAM => {
                let content = frame.content().ok_or_else(malformed_frame)?;
                if add_content(record, content, self.content_limit) {
                    return Ok(true);
                }
                return Ok(end_if(frame.has_flag(END_STREAM), record));
            }
            RST_STREAM if frame.head.stream == STREAM => {
                let error = error_name(frame.number_at(0));
                return Err(Failure::reset(format!("the server reset the stream with {error}")));
            }
            GOAWAY => return check_goaway(frame, record),
            _ => {}
        }
        Ok(false)
    }

    /// The acknowledgement of a frame about the connection, and the content that it makes room for.
    fn reply_to(&mut self, frame: &Frame) -> Vec<u8> {
        let mut out = Vec::new();
        match frame.head.kind {
            SETTINGS => {
                self.upload.apply_settings(&frame.payload);
                push_frame(&mut out, SETTINGS, ACK, 0, &[]);
            }
            PING => push_frame(&mut out, PING, ACK, 0, &frame.payload),
            // RFC 9113 §6.9: a WINDOW_UPDATE has no flags, and no acknowledgement.
            _ => self.upload.open_window(frame.head.stream, frame.number_at(0)),
        }
        self.upload.push_data(&mut out, STREAM);
        out
    }

    /// Decodes a header block if it is complete. Returns true when the exchange is over.
    fn end_block(&mut self, frame: &Frame, record: &mut RecordedExchange) -> Result<bool, Failure> {
        if !frame.has_flag(END_HEADERS) {
            return Ok(false);
        }
        let (block, flags) = self.block.take().unwrap_or_default();
        let section = decode_block(&mut self.decoder, &block)
            .ok_or_else(|| Failure::malformed("a header section cannot be decoded"))?;
        record_section(section, record)?;
        Ok(end_if(flags & END_STREAM != 0, record))
    }

    fn closed(&self, record: &mut RecordedExchange) -> Failure {
        if !self.has_settings && !self.received.is_empty() {
            return self.not_http2(record);
        }
        Failure::closed("the server closed the connection")
    }

    fn not_http2(&self, record: &mut RecordedExchange) -> Failure {
        let Some(response) = read_loosely(&self.received) else {
            return Failure::malformed("the server does not speak HTTP/2 here");
        };
        let reason = format!("HTTP/{} {}", response.version, response.status);
        record.response = Some(response);
        Failure::malformed(reason)
    }
}

fn malformed_frame() -> Failure {
    Failure::malformed("a frame is malformed")
}

/// Ends the exchange if the stream has ended.
fn end_if(is_last: bool, record: &mut RecordedExchange) -> bool {
    // An interim response cannot end a stream (RFC 9113 §8.1).
    if is_last && record.response.is_some() {
        record.end = Some(ExchangeEnd::Complete);
    }
    is_last
}

/// A GOAWAY ends the exchange if stream 1 will not be answered, or with an error.
fn check_goaway(frame: &Frame, record: &RecordedExchange) -> Result<bool, Failure> {
    const LAST_STREAM: u32 = 0x7fff_ffff;
    let code = frame.number_at(4);
    let is_refused = frame.number_at(0) & LAST_STREAM < STREAM;
    if code == 0 && (!is_refused || record.response.is_some()) {
        return Ok(false);
    }
    let said = frame.payload.get(8..).unwrap_or_default();
    let mut reason = format!("the server ended the connection with {}", error_name(code));
    if !said.is_empty() {
        reason.push_str(&format!(": {}", String::from_utf8_lossy(said)));
    }
    Err(Failure::reset(reason))
}

/// Records a section: an interim response, the final one, or trailers.
fn record_section(section: Section, record: &mut RecordedExchange) -> Result<(), Failure> {
    let mut fields = Vec::new();
    let mut status = None;
    for (name, value) in section {
        if name == b":status" {
            status = std::str::from_utf8(&value).ok().and_then(|text| text.parse::<u16>().ok());
        } else {
            fields.push(RecordedField(name.into(), value.into()));
        }
    }
    if let Some(response) = &mut record.response {
        response.trailers.extend(fields);
        return Ok(());
    }
    // RFC 9113 §8.3.2: the status "MUST be included in all responses".
    let Some(status) = status else {
        return Err(Failure::malformed("the response has no valid :status"));
    };
    let response = RecordedResponse {
        status,
        version: "2".to_owned(),
        reason: None,
        fields,
        body: None,
        trailers: Vec::new(),
    };
    // RFC 9113 §8.6: HTTP/2 has no 101; a server that sends it means its final response.
    if (100..200).contains(&status) && status != 101 {
        record.interim.push(response);
    } else {
        record.response =
            Some(RecordedResponse { body: Some(RecordedBody::default()), ..response });
    }
    Ok(())
}
