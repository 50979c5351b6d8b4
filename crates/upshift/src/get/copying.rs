//! Copying the body of an answer, and the errors of that.

use std::error::Error;
use std::io::{self, Write};
use std::pin::Pin;

use http_body::Body;
use indicatif::ProgressBar;
use upshift_client::BoxError;
use upshift_config::make_visible;

use crate::signals::StopSignals;
use crate::verb_error::VerbError;

/// The reason why a copy stopped before its end.
pub(super) enum CopyError {
    /// The server or the network failed.
    Answer(String),
    /// The part is longer than its Content-Range, so that not even its beginning can be trusted.
    Longer,
    /// The output failed.
    Output(io::Error),
    /// A signal stopped it.
    Stopped,
}

impl CopyError {
    /// The error that ends the verb; `hint` says what happened to the file.
    pub(super) fn into_verb_error(self, hint: &str) -> VerbError {
        let suffix = if hint.is_empty() { String::new() } else { format!("; {hint}") };
        match self {
            Self::Longer => VerbError::environment(format_args!(
                "the answer is longer than its Content-Range{suffix}"
            )),
            Self::Answer(why) => {
                VerbError::environment(format_args!("the answer broke off: {why}{suffix}"))
            }
            Self::Output(error) if hint.is_empty() => error.into(),
            Self::Output(error) => {
                VerbError::environment(format_args!("cannot write the output: {error}{suffix}"))
            }
            Self::Stopped => VerbError::environment(format_args!("stopped{suffix}")),
        }
    }
}

/// Stops a copy at the first signal, so that the file that was written beside the old one is
/// removed.
pub(super) async fn unless_stopped(
    copying: impl Future<Output = Result<(), CopyError>>,
) -> Result<Result<(), CopyError>, VerbError> {
    let stop = StopSignals::at_any_end()?;
    tokio::select! {
        copied = copying => Ok(copied),
        () = stop.first_signal_quietly() => Ok(Err(CopyError::Stopped)),
    }
}

/// Copies a body. If the number of bytes was promised, it has to have exactly as many.
pub(super) async fn copy_body<B>(
    body: B,
    out: &mut dyn Write,
    promised: Option<u64>,
    bar: &ProgressBar,
) -> Result<(), CopyError>
where
    B: Body<Data = bytes::Bytes, Error = BoxError>,
{
    let mut pinned = std::pin::pin!(body);
    // The transport compares a body with its Content-Length, but not with its Content-Range.
    let mut left = promised;
    while let Some(result) = next_frame(pinned.as_mut()).await {
        let frame = match result {
            Ok(frame) => frame,
            Err(error) => {
                let text = describe_with_causes(error.as_ref());
                return Err(CopyError::Answer(make_visible(&text).into_owned()));
            }
        };
        // Trailers are not written.
        let Ok(data) = frame.into_data() else { continue };
        let fitting = match left {
            Some(left) => usize::try_from(left).unwrap_or(usize::MAX).min(data.len()),
            None => data.len(),
        };
        out.write_all(&data[..fitting]).map_err(CopyError::Output)?;
        // The whole frame: the bar shows what arrived.
        bar.inc(data.len() as u64);
        if fitting < data.len() {
            return Err(CopyError::Longer);
        }
        if let Some(left) = &mut left {
            *left -= data.len() as u64;
        }
    }
    // What is buffered may fail only now.
    out.flush().map_err(CopyError::Output)?;
    match left {
        None | Some(0) => Ok(()),
        Some(_) => Err(CopyError::Answer("it is shorter than its Content-Range".to_owned())),
    }
}

/// Describes an error with its causes: the outermost says that a body broke off, and one below says
/// why.
fn describe_with_causes(error: &(dyn Error + 'static)) -> String {
    let mut description = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Many errors repeat their cause in their own text.
        if !description.contains(&text) {
            description = format!("{description}: {text}");
        }
        next = cause.source();
    }
    description
}

async fn next_frame<B: Body>(
    mut body: Pin<&mut B>,
) -> Option<Result<http_body::Frame<B::Data>, B::Error>> {
    std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await
}
