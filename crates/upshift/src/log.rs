//! The log of the gateway and the client, on stderr.

use std::fmt::{self, Debug};

use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use upshift_config::make_visible;

use crate::terminal::Palette;

/// Starts logging to stderr. `RUST_LOG` sets the filter.
pub(crate) fn start_logging() {
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        // It is not set, or is no filter. What libraries log at `info` helps only their developers.
        Err(_) => EnvFilter::new("warn,upshift=info,upshift_gateway=info"),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(Palette::of_stderr().is_on())
        .with_target(false)
        .fmt_fields(visible_fields())
        .init();
}

/// Formats fields with control characters as escapes. A reason, a host or the text of an error may
/// come from another machine, and tracing-subscriber escapes some control characters of a message
/// and none of a field.
fn visible_fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(write_field).delimited(" ")
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => writer.write_str(&make_visible(&text)),
        // A field that is written `r#type` in a macro keeps the prefix in its name. The default
        // formatter strips it, too.
        name => write!(writer, "{}={}", name.trim_start_matches("r#"), make_visible(&text)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A reason that is kept in the store, and a host that a client sends, could clear the screen
    /// of a person who watches the log, and add lines to it.
    #[test]
    fn what_another_machine_wrote_cannot_act_on_a_terminal() {
        let hostile = "x\u{1b}[2J\r\nERROR fake\u{9b}31m\u{202e}";
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .with_target(false);
        let subscriber = subscriber.fmt_fields(visible_fields()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(by = %hostile, reason = hostile, host = ?hostile, "a rule is held by {hostile}");
        });
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let line = text.strip_suffix('\n').unwrap();
        assert!(line.chars().all(upshift_config::is_visible), "{line:?}");
        assert_eq!(line.matches("\\u{1b}[2J").count(), 4, "{line}");
        assert!(line.contains(" WARN a rule is held by x"), "{line}");
    }
}
