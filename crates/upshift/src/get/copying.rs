//! Copying a body, and what can come in between.

use std::error::Error;
use std::io::{self, Write};
use std::pin::Pin;

use http_body::Body;
use indicatif::ProgressBar;
use upshift_client::BoxError;
use upshift_config::make_visible;

use crate::signals::StopSignals;
use crate::verb_error::VerbError;

/// Why a copy did not come to its end.
pub(super) enum CopyError {
    /// The server or the network.
    Answer(String),
    /// A part that is longer than it says: not even its beginning is to be believed.
    Longer,
    /// What is written to.
    Output(io::Error),
    /// The person at the keyboard.
    Stopped,
}

impl CopyError {
    /// What to tell, with what became of the file.
    pub(super) fn into_verb_error(self, hint: &str) -> VerbError {
        let behind = if hint.is_empty() { String::new() } else { format!("; {hint}") };
        match self {
            Self::Longer => VerbError::environment(format_args!(
                "the answer is longer than its Content-Range{behind}"
            )),
            Self::Answer(why) => {
                VerbError::environment(format_args!("the answer broke off: {why}{behind}"))
            }
            Self::Output(error) if hint.is_empty() => error.into(),
            Self::Output(error) => {
                VerbError::environment(format_args!("cannot write the output: {error}{behind}"))
            }
            Self::Stopped => VerbError::environment(format_args!("stopped{behind}")),
        }
    }
}

/// Gives up a copy at the first signal, so that what was written beside the file is removed.
pub(super) async fn unless_stopped(
    copying: impl Future<Output = Result<(), CopyError>>,
) -> Result<Result<(), CopyError>, VerbError> {
    let stop = StopSignals::at_any_end()?;
    tokio::select! {
        copied = copying => Ok(copied),
        () = stop.first_signal_quietly() => Ok(Err(CopyError::Stopped)),
    }
}

/// Copies a body, which has exactly as many bytes as were promised, if that is known.
pub(super) async fn copy_body<B>(
    body: B,
    out: &mut dyn Write,
    promised: Option<u64>,
    bar: &ProgressBar,
) -> Result<(), CopyError>
where
    B: Body<Data = bytes::Bytes, Error = BoxError>,
{
    let mut body = std::pin::pin!(body);
    let mut left = promised;
    while let Some(frame) = next_frame(body.as_mut()).await {
        let frame = frame.map_err(|error| {
            CopyError::Answer(make_visible(&describe_with_causes(error.as_ref())).into_owned())
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let length = data.len() as u64;
        let fitting =
            usize::try_from(left.unwrap_or(length)).map_or(data.len(), |left| left.min(data.len()));
        out.write_all(&data[..fitting]).map_err(CopyError::Output)?;
        bar.inc(length);
        if let Some(left) = &mut left {
            let rest = left.checked_sub(length);
            *left = rest.ok_or(CopyError::Longer)?;
        }
    }
    out.flush().map_err(CopyError::Output)?;
    match left {
        None | Some(0) => Ok(()),
        Some(_) => Err(CopyError::Answer("it is shorter than its Content-Range".to_owned())),
    }
}

/// An error with its causes: the outermost says that a body broke off, and one below says of what.
fn describe_with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

async fn next_frame<B: Body>(
    mut body: Pin<&mut B>,
) -> Option<Result<http_body::Frame<B::Data>, B::Error>> {
    std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await
}
