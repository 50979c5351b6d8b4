//! How an answer is written to its destination.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use http::header::CONTENT_LENGTH;
use http::{Method, Response, StatusCode};
use http_body::Body;
use indicatif::{ProgressBar, ProgressStyle};
use upshift_client::BoxError;
use upshift_record::Exit;

use super::content_range::ContentRange;
use super::copying::{CopyError, copy_body, unless_stopped};
use super::destination::{Destination, TargetFile};
use super::download::Download;
use super::file_action::{FileAction, RequestedRange, file_action};
use super::request::{unusable_file, unwritable_file};
use super::visible_body::VisibleBody;
use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// The status line and fields, as `-i` prints them.
pub(super) fn head_bytes<B>(response: &Response<B>) -> Vec<u8> {
    let version = version_text(response.version());
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

fn version_text(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// Takes an answer.
pub(super) struct AnswerWriter<'a> {
    pub(super) destination: &'a Destination,
    pub(super) method: &'a Method,
    pub(super) asked: RequestedRange,
    pub(super) include: bool,
    /// Nothing goes to stdout: the trace is there.
    pub(super) quiet: bool,
}

/// stdout, which gets the bytes as they are unless it is a terminal.
pub(super) fn open_stdout(raw: bool) -> Box<dyn Write> {
    if raw || !io::stdout().is_terminal() {
        return Box::new(io::stdout());
    }
    Box::new(VisibleBody::new(io::stdout()))
}

/// A pipe, a device or a descriptor, opened as it is; a descriptor of a file takes what comes
/// behind what it has.
pub(super) fn open_stream(path: &Path) -> Result<std::fs::File, VerbError> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let opened = std::fs::OpenOptions::new().write(true).append(is_file).open(path);
    opened.map_err(|error| unusable_file(path, &error))
}

impl AnswerWriter<'_> {
    /// Writes it where it belongs.
    pub(super) async fn write_answer<B>(&self, response: Response<B>) -> Result<(), VerbError>
    where
        B: Body<Data = bytes::Bytes, Error = BoxError>,
    {
        match self.destination {
            Destination::File(target) => self.write_file(target, response).await,
            Destination::Stream(path) => {
                self.write_stream(response, &mut open_stream(path)?, true).await
            }
            Destination::Stderr => self.write_stream(response, &mut io::stderr(), true).await,
            Destination::Stdout { .. } if self.quiet => {
                self.write_stream(response, &mut io::sink(), false).await
            }
            Destination::Stdout { raw } => {
                self.write_stream(response, &mut open_stdout(*raw), true).await
            }
        }
    }

    /// Writes any answer to what holds nothing.
    async fn write_stream<B>(
        &self,
        response: Response<B>,
        out: &mut dyn Write,
        shown: bool,
    ) -> Result<(), VerbError>
    where
        B: Body<Data = bytes::Bytes, Error = BoxError>,
    {
        if self.include && shown {
            out.write_all(&head_bytes(&response))?;
        }
        let bar = self.progress_bar(0, content_length(&response));
        let copied = copy_body(response.into_body(), out, None, &bar).await;
        bar.finish_and_clear();
        copied.map_err(|broken| broken.into_verb_error(""))
    }

    /// Writes an answer into a file, if it is what the file is to hold.
    async fn write_file<B>(
        &self,
        target: &TargetFile,
        response: Response<B>,
    ) -> Result<(), VerbError>
    where
        B: Body<Data = bytes::Bytes, Error = BoxError>,
    {
        let named = target.named.display();
        match file_action(
            response.status(),
            response.headers(),
            self.asked,
            self.is_empty(response.status()),
        ) {
            FileAction::Keep(why) => {
                self.show_head(&response)?;
                print_stderr(format_args!("{why}: {named} is left as it is"));
                Ok(())
            }
            FileAction::Refuse(why) => {
                self.show_head(&response)?;
                let message = format!(
                    "{why}: {named} is left as it is; without --output the answer is shown"
                );
                Err(VerbError::Message(Exit::FellShort, message))
            }
            FileAction::Append(range) => {
                self.show_head(&response)?;
                let download = Download::append(target, range.first)
                    .map_err(|error| unwritable_file(&target.named, &error))?;
                self.download_body(target, response, download, Some(range)).await
            }
            FileAction::Replace => {
                let mut download = Download::replace(target)
                    .map_err(|error| unwritable_file(&target.named, &error))?;
                self.write_start(&mut download, &response)?;
                self.download_body(target, response, download, None).await
            }
        }
    }

    /// What comes before the body of a file that begins from the start.
    fn write_start<B>(
        &self,
        download: &mut Download,
        response: &Response<B>,
    ) -> Result<(), VerbError> {
        if matches!(self.asked, RequestedRange::From { .. }) {
            print_stderr("the server does not resume: from the start again");
            return self.show_head(response);
        }
        if self.include {
            download.write_all(&head_bytes(response))?;
        }
        Ok(())
    }

    /// Tells whether such an answer has no content, and nothing else is to be written.
    fn is_empty(&self, status: StatusCode) -> bool {
        let without = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT].contains(&status);
        !self.include && (without || self.method == Method::HEAD)
    }

    /// The fields of an answer that does not begin a file: in the middle of one they would be a
    /// part of it.
    fn show_head<B>(&self, response: &Response<B>) -> Result<(), VerbError> {
        if self.include && !self.quiet {
            let mut terminal = open_stdout(false);
            terminal.write_all(&head_bytes(response))?;
            terminal.flush()?;
        }
        Ok(())
    }

    async fn download_body<B>(
        &self,
        target: &TargetFile,
        response: Response<B>,
        mut download: Download,
        range: Option<ContentRange>,
    ) -> Result<(), VerbError>
    where
        B: Body<Data = bytes::Bytes, Error = BoxError>,
    {
        let bar =
            self.progress_bar(range.map_or(0, |range| range.first), content_length(&response));
        let promised = range.map(|range| range.byte_count());
        let beside = download.is_beside();
        let copying = copy_body(response.into_body(), &mut download, promised, &bar);
        let copied = if beside { unless_stopped(copying).await? } else { copying.await };
        bar.finish_and_clear();
        if let (Err(CopyError::Longer), Some(range)) = (&copied, range) {
            return Err(CopyError::Longer.into_verb_error(&take_back(
                target,
                &mut download,
                range.first,
            )?));
        }
        let hint = self.resume_hint(target, &download, range);
        copied.map_err(|broken| broken.into_verb_error(&hint))?;
        let missing = match range.map(|range| range.is_cut()) {
            None | Some(Some(false)) => {
                return download.finish().map_err(|error| unwritable_file(&target.named, &error));
            }
            Some(Some(true)) => "the server sent less than what was asked for",
            Some(None) => "the server does not say how long the whole is, so there may be more",
        };
        Err(VerbError::environment(format_args!("{missing}; {hint}")))
    }

    /// What is to be said of the file when a download breaks off.
    fn resume_hint(
        &self,
        target: &TargetFile,
        download: &Download,
        range: Option<ContentRange>,
    ) -> String {
        let named = target.named.display();
        if download.is_beside() {
            return format!("{named} is left as it is");
        }
        if self.include && range.is_none() {
            return format!("what has come is in {named}, behind the fields");
        }
        let next = download.next_byte().map_or("-".to_owned(), |byte| byte.to_string());
        format!("what has come is in {named}, and --continue-at {next} goes on from there")
    }

    /// A bar on stderr, where one can be seen and does not stand among the body.
    fn progress_bar(&self, start: u64, length: Option<u64>) -> ProgressBar {
        let clear = match self.destination {
            Destination::Stdout { .. } => !io::stdout().is_terminal(),
            Destination::Stderr => false,
            Destination::Stream(_) | Destination::File(_) => true,
        };
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

/// Takes away what came from this byte on, and says what became of it.
fn take_back(
    target: &TargetFile,
    download: &mut Download,
    first: u64,
) -> Result<String, VerbError> {
    let taken_back =
        download.take_back(first).map_err(|error| unwritable_file(&target.named, &error))?;
    let kept = if taken_back { "not kept" } else { "kept" };
    Ok(format!("what has come is {kept} in {}", target.named.display()))
}

fn content_length<B>(response: &Response<B>) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
}
