//! Writing an answer to its destination.

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

/// The status line and the fields, as `--include` prints them.
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
        // `http::Version` is no enum, so a last arm is needed. Our client has no other version.
        _ => "1.1",
    }
}

/// Writes an answer to its destination.
pub(super) struct AnswerWriter<'a> {
    pub(super) destination: &'a Destination,
    pub(super) method: &'a Method,
    pub(super) range: RequestedRange,
    /// The status line and the fields are written, too.
    pub(super) include: bool,
    /// Nothing goes to stdout, because the trace does.
    pub(super) quiet: bool,
}

/// Stdout; if it is a terminal, control characters become escapes unless `raw`.
pub(super) fn open_stdout(raw: bool) -> Box<dyn Write> {
    if raw || !io::stdout().is_terminal() {
        return Box::new(io::stdout());
    }
    Box::new(VisibleBody::new(io::stdout()))
}

/// Opens a pipe, a device or a descriptor. If it is the descriptor of a file, it is appended to.
pub(super) fn open_stream(path: &Path) -> Result<std::fs::File, VerbError> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let opened = std::fs::OpenOptions::new().write(true).append(is_file).open(path);
    opened.map_err(|error| unusable_file(path, &error))
}

impl AnswerWriter<'_> {
    /// Writes the answer.
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

    /// Writes an answer to a destination without old content.
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
        copied.map_err(|error| error.into_verb_error(""))
    }

    /// Writes an answer into a file, if it is the content of that file.
    async fn write_file<B>(
        &self,
        target: &TargetFile,
        response: Response<B>,
    ) -> Result<(), VerbError>
    where
        B: Body<Data = bytes::Bytes, Error = BoxError>,
    {
        let named = target.named.display();
        let (status, headers) = (response.status(), response.headers());
        match file_action(status, headers, self.range, self.has_no_content(status)) {
            FileAction::Keep(why) => {
                self.print_head(&response)?;
                print_stderr(format_args!("{why}: {named} is unchanged"));
                Ok(())
            }
            FileAction::Refuse(why) => {
                self.print_head(&response)?;
                let message =
                    format!("{why}: {named} is unchanged; without --output the answer is shown");
                Err(VerbError::Message(Exit::FellShort, message))
            }
            FileAction::Append(range) => {
                self.print_head(&response)?;
                let appended = Download::append(target, range.first);
                let download = appended.map_err(|error| unwritable_file(&target.named, &error))?;
                self.download_body(target, response, download, Some(range)).await
            }
            FileAction::Replace => {
                let replaced = Download::replace(target);
                let mut download =
                    replaced.map_err(|error| unwritable_file(&target.named, &error))?;
                self.write_start(&mut download, &response)?;
                self.download_body(target, response, download, None).await
            }
        }
    }

    /// Writes or prints the fields of an answer that is the whole file.
    fn write_start<B>(
        &self,
        download: &mut Download,
        response: &Response<B>,
    ) -> Result<(), VerbError> {
        if matches!(self.range, RequestedRange::From { .. }) {
            print_stderr("the server cannot resume: downloading from the start");
            return self.print_head(response);
        }
        if self.include {
            download.write_all(&head_bytes(response))?;
        }
        Ok(())
    }

    /// Returns true if such an answer has no content, and no fields are written either.
    fn has_no_content(&self, status: StatusCode) -> bool {
        // RFC 9110 §15.3.5, §15.3.6, §9.3.2.
        let is_empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
        !self.include && (is_empty || self.method == Method::HEAD)
    }

    /// Prints the fields of an answer whose body does not start the file: written into it they
    /// would be in the middle.
    fn print_head<B>(&self, response: &Response<B>) -> Result<(), VerbError> {
        if self.include && !self.quiet {
            let mut stdout = open_stdout(false);
            stdout.write_all(&head_bytes(response))?;
            stdout.flush()?;
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
        let start = range.map_or(0, |range| range.first);
        let bar = self.progress_bar(start, content_length(&response));
        let promised = range.map(|range| range.byte_count());
        let is_beside = download.is_beside();
        let copying = copy_body(response.into_body(), &mut download, promised, &bar);
        // A part of a file that is written directly stays for --continue-at, so a signal may simply
        // end the process.
        let copied = if is_beside { unless_stopped(copying).await? } else { copying.await };
        bar.finish_and_clear();
        if let (Err(CopyError::Longer), Some(range)) = (&copied, range) {
            let kept = take_back(target, &mut download, range.first)?;
            return Err(CopyError::Longer.into_verb_error(&kept));
        }
        let hint = self.resume_hint(target, &download, range);
        copied.map_err(|error| error.into_verb_error(&hint))?;
        let missing = match range.map(|range| range.is_cut()) {
            None | Some(Some(false)) => {
                let finished = download.finish();
                return finished.map_err(|error| unwritable_file(&target.named, &error));
            }
            Some(Some(true)) => "the server sent less than was requested",
            Some(None) => "the server does not say how long the whole is, so there may be more",
        };
        Err(VerbError::environment(format_args!("{missing}; {hint}")))
    }

    /// Describes what happened to the file when a download broke off, and how to resume it.
    fn resume_hint(
        &self,
        target: &TargetFile,
        download: &Download,
        range: Option<ContentRange>,
    ) -> String {
        let named = target.named.display();
        if download.is_beside() {
            return format!("{named} is unchanged");
        }
        if self.include && range.is_none() {
            return format!("the part that arrived is in {named}, behind the fields");
        }
        let next = match download.next_byte() {
            Some(byte) => byte.to_string(),
            None => "-".to_owned(),
        };
        format!("the part that arrived is in {named}, and --continue-at {next} resumes there")
    }

    /// A progress bar on stderr, or a hidden one if it would be mixed with the body on a terminal.
    fn progress_bar(&self, start: u64, length: Option<u64>) -> ProgressBar {
        const SMALL: u64 = 1 << 20;
        let is_apart = match self.destination {
            Destination::Stdout { .. } => !io::stdout().is_terminal(),
            Destination::Stderr => false,
            Destination::Stream(_) | Destination::File(_) => true,
        };
        // A bar would appear and vanish within a moment.
        let is_small = length.is_some_and(|length| length < SMALL);
        if !is_apart || is_small || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let (bar, template) = match length {
            Some(length) => (
                ProgressBar::new(start + length),
                "{bytes:>11} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left",
            ),
            None => (ProgressBar::no_length(), "{bytes:>11} {spinner} {bytes_per_sec}"),
        };
        // The default is never used: both templates are constants that parse.
        let style = ProgressStyle::with_template(template);
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_position(start)
    }
}

/// Removes what arrived from this byte on, and describes what happened to it.
fn take_back(
    target: &TargetFile,
    download: &mut Download,
    first: u64,
) -> Result<String, VerbError> {
    let result = download.take_back(first);
    let is_gone = result.map_err(|error| unwritable_file(&target.named, &error))?;
    let kept = if is_gone { "not kept" } else { "kept" };
    Ok(format!("the part that arrived is {kept} in {}", target.named.display()))
}

fn content_length<B>(response: &Response<B>) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
