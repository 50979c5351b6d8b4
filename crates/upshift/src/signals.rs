//! SIGTERM and Ctrl-C: the first asks to end well, the second to end at once.

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// Makes a write past the limit of a file's size (`ulimit -f`) an error of that write, as on a full
/// disk.
///
/// SIGXFSZ ends a process that does not handle it, in the middle of its work and without a word.
/// This handler does nothing.
pub(crate) fn outlive_file_limit() -> Result<(), VerbError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(VerbError::environment)?;
    let _entered = runtime.enter();
    // The handler stays when the runtime and the listener are gone; programs that are started do
    // not inherit it.
    let listener =
        signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map_err(VerbError::environment)?;
    drop(listener);
    Ok(())
}

/// The signals that end it.
pub(crate) struct StopSignals {
    asked: tokio::sync::watch::Receiver<u8>,
}

impl StopSignals {
    /// Listens from now on.
    pub(crate) fn new() -> Result<Self, VerbError> {
        Self::listen_to(&[SignalKind::terminate(), SignalKind::interrupt()])
    }

    /// Listens from now on for a closed terminal and Ctrl-\ as well, which end a process that has
    /// something to remove.
    pub(crate) fn at_any_end() -> Result<Self, VerbError> {
        let mut kinds = vec![
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ];
        let ignored = ignored_signals();
        // A handler would take away what `nohup` is for.
        kinds.retain(|kind| ignored >> (kind.as_raw_value() - 1) & 1 == 0);
        Self::listen_to(&kinds)
    }

    fn listen_to(kinds: &[SignalKind]) -> Result<Self, VerbError> {
        let (asks, asked) = tokio::sync::watch::channel(0_u8);
        for kind in kinds {
            let (mut signal, asks) = (signal(*kind).map_err(VerbError::environment)?, asks.clone());
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    asks.send_modify(|times| *times = times.saturating_add(1));
                }
            });
        }
        Ok(Self { asked })
    }

    /// Resolves when it is asked to stop.
    pub(crate) fn first_signal(&self) -> impl Future<Output = ()> + use<> {
        let waiting = self.received(1);
        async {
            waiting.await;
            print_stderr("stopping: open requests may finish; once more stops at once");
        }
    }

    /// Resolves when it is asked to stop, in silence.
    pub(crate) async fn first_signal_quietly(&self) {
        self.received(1).await;
    }

    /// Resolves when it is asked again.
    pub(crate) async fn second_signal(&self) {
        self.received(2).await;
    }

    fn received(&self, times: u8) -> impl Future<Output = ()> + use<> {
        let mut asked = self.asked.clone();
        async move {
            // The sender lives as long as the runtime.
            let _ = asked.wait_for(|count| *count >= times).await;
        }
    }
}

/// The signals that this process was started to ignore, as bits: the first is that of signal 1.
/// None where the system does not tell.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap_or(0))
}
