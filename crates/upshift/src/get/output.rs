//! Where the body goes, and how far it has come.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::path::Path;
use std::pin::Pin;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use indicatif::{ProgressBar, ProgressStyle};
use upshift_client::BoxError;
use upshift_config::make_visible;

use super::request::{Offset, of_file};
use super::visible_body::VisibleBody;
use crate::failure::Failure;
use crate::terminal::say;

/// From which byte on a download goes on; `None` from the start.
pub(super) fn resume_from(offset: Option<Offset>, file: Option<&Path>) -> Result<Option<u64>, Failure> {
    match (offset, file) {
        (None, _) | (_, None) => Ok(None),
        (Some(Offset::At(0)), _) => Ok(None),
        (Some(Offset::At(byte)), _) => Ok(Some(byte)),
        (Some(Offset::End), Some(path)) => match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len()).filter(|length| *length > 0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(of_file(path, &error)),
        },
    }
}

/// The status line and fields, as `-i` prints them.
pub(super) fn head<B>(response: &Response<B>) -> Vec<u8> {
    let version = upshift_version(response.version());
    let mut text = format!("HTTP/{version} {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

fn upshift_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// Takes an answer.
pub(super) struct Sink<'a> {
    pub(super) file: Option<&'a Path>,
    pub(super) resume: Option<u64>,
    pub(super) include: bool,
    /// Nothing goes to stdout: the trace is there.
    pub(super) quiet: bool,
    /// A terminal gets the bytes as they are.
    pub(super) raw: bool,
}

/// stdout, which gets the bytes as they are unless it is a terminal.
pub(super) fn stdout(raw: bool) -> Box<dyn Write> {
    if raw || !io::stdout().is_terminal() {
        return Box::new(io::stdout());
    }
    Box::new(VisibleBody::new(io::stdout()))
}

impl Sink<'_> {
    /// Writes it where it belongs.
    pub(super) async fn take<B>(&self, response: Response<B>) -> Result<(), Failure>
    where
        B: Body<Data = bytes::Bytes, Error = BoxError>,
    {
        if self.resume.is_some() && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return self.already_whole(response.headers());
        }
        let start = self.start(&response)?;
        let length =
            response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let mut out = self.open(start)?;
        if self.include && !self.quiet {
            // The fields are for the reader; in the middle of a file they would be a part of it.
            if start > 0 {
                let mut terminal = stdout(self.raw);
                terminal.write_all(&head(&response))?;
                terminal.flush()?;
            } else {
                out.write_all(&head(&response))?;
            }
        }
        let bar = self.bar(start, length);
        let copied = copy(response.into_body(), &mut out, &bar).await;
        bar.finish_and_clear();
        copied
    }

    /// Whether the server goes on where it was asked to (RFC 9110 §14.4, §15.3.7).
    fn start<B>(&self, response: &Response<B>) -> Result<u64, Failure> {
        let Some(asked) = self.resume else { return Ok(0) };
        if response.status() != StatusCode::PARTIAL_CONTENT {
            say("the server does not resume: from the start again");
            return Ok(0);
        }
        let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let start = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
        if start == Some(asked) {
            return Ok(asked);
        }
        Err(Failure::environment(format_args!(
            "asked for byte {asked} on, the server sent {}",
            make_visible(range.unwrap_or("something else"))
        )))
    }

    /// A 416 says how long the whole is (RFC 9110 §15.5.17).
    fn already_whole(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let range = headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let whole = range.and_then(|range| range.strip_prefix("bytes */")?.parse::<u64>().ok());
        if whole.is_some() && whole == self.resume {
            say("the file is whole already");
            return Ok(());
        }
        let told = whole.map_or_else(|| "another length".to_owned(), |whole| format!("{whole} bytes"));
        Err(Failure::environment(format_args!("the server's file has {told}; delete yours and fetch it anew")))
    }

    fn open(&self, start: u64) -> Result<Box<dyn Write>, Failure> {
        match self.file {
            Some(path) if start > 0 => {
                let mut file = OpenOptions::new().write(true).open(path).map_err(|error| of_file(path, &error))?;
                let at = file.set_len(start).and_then(|()| file.seek(SeekFrom::Start(start)));
                at.map_err(|error| of_file(path, &error))?;
                Ok(Box::new(file))
            }
            Some(path) => Ok(Box::new(File::create(path).map_err(|error| of_file(path, &error))?)),
            None if self.quiet => Ok(Box::new(io::sink())),
            None => Ok(stdout(self.raw)),
        }
    }

    /// A bar on stderr, where one can be seen and does not stand among the body.
    fn bar(&self, start: u64, length: Option<u64>) -> ProgressBar {
        let clear = self.file.is_some() || !io::stdout().is_terminal();
        if !clear || !io::stderr().is_terminal() || length.is_some_and(|length| length < 1 << 20) {
            return ProgressBar::hidden();
        }
        let bar = match length {
            Some(length) => ProgressBar::new(start + length),
            None => ProgressBar::no_length(),
        };
        let shape = "{bytes:>11} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(if length.is_some() {
            shape
        } else {
            "{bytes:>11} {spinner} {bytes_per_sec}"
        });
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_position(start)
    }
}

async fn copy<B>(body: B, out: &mut dyn Write, bar: &ProgressBar) -> Result<(), Failure>
where
    B: Body<Data = bytes::Bytes, Error = BoxError>,
{
    let mut body = std::pin::pin!(body);
    while let Some(frame) = next(body.as_mut()).await {
        let frame = frame.map_err(|error| {
            Failure::environment(format_args!("the answer broke off: {}", make_visible(&error.to_string())))
        })?;
        if let Ok(data) = frame.into_data() {
            out.write_all(&data)?;
            bar.inc(data.len() as u64);
        }
    }
    Ok(out.flush()?)
}

async fn next<B: Body>(mut body: Pin<&mut B>) -> Option<Result<http_body::Frame<B::Data>, B::Error>> {
    std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await
}
