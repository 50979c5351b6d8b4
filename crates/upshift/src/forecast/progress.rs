//! The progress bar of `upshift forecast`, on terminals only.

use indicatif::{ProgressBar, ProgressStyle};
use upshift_forecast::LogSource;

/// Shows the bytes that were read, and how fast.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Starts a bar, with an end if the sizes of all logs are known.
    pub(super) fn start(sources: &[LogSource]) -> Self {
        let mut total = Some(0);
        for source in sources {
            total = match (total, size_of(source)) {
                (Some(total), Some(size)) => Some(total + size),
                _ => None,
            };
        }
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            ),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {bytes_per_sec}"),
        };
        // indicatif draws on stderr, and nothing at all if that is not a terminal.
        let style = ProgressStyle::with_template(template);
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    /// Adds bytes that were read.
    pub(super) fn add_bytes(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Removes the bar.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn size_of(source: &LogSource) -> Option<u64> {
    let LogSource::File(path) = source else { return None };
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.is_file() { Some(metadata.len()) } else { None }
}
