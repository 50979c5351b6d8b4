//! SIGTERM and Ctrl-C: the first signal stops gracefully, the second at once. SIGUSR1 asks to open log
//! files again.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// Makes a write past the limit of a file's size (`ulimit -f`) an error of that write, as on a full
/// disk.
///
/// SIGXFSZ kills a process that does not handle it, without a message. This handler does nothing.
pub(crate) fn survive_file_limit() -> Result<(), VerbError> {
    // A handler needs tokio's signal driver, and at this point no verb has built its runtime yet.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_io().build().map_err(VerbError::environment)?;
    let _entered = runtime.enter();
    let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // tokio never removes the handler, even when the listener and the runtime are dropped. Programs
    // that we start do not inherit it: exec resets handled signals.
    drop(signal(kind).map_err(VerbError::environment)?);
    Ok(())
}

/// Starts to listen for SIGUSR1, which asks to open log files again. SIGUSR2, which other servers
/// know, is ignored. Without a listener, either would end the process.
pub(crate) fn reopen_signals() -> Result<Signal, VerbError> {
    // tokio never removes the handler, even when the listener is dropped.
    drop(signal(SignalKind::user_defined2()).map_err(VerbError::environment)?);
    signal(SignalKind::user_defined1()).map_err(VerbError::environment)
}

/// The signals that stop a verb.
pub(crate) struct StopSignals {
    count: tokio::sync::watch::Receiver<u8>,
}

impl StopSignals {
    /// Starts to listen for SIGTERM and Ctrl-C.
    pub(crate) fn new() -> Result<Self, VerbError> {
        Self::listen_to(&[SignalKind::terminate(), SignalKind::interrupt()])
    }

    /// Starts to listen also for a closed terminal and Ctrl-\, for a process that has files to
    /// remove before it ends.
    pub(crate) fn at_any_end() -> Result<Self, VerbError> {
        let mut kinds = vec![
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ];
        let ignored = ignored_signals();
        // `nohup` ignores SIGHUP on purpose; a handler would undo that.
        kinds.retain(|kind| ignored >> (kind.as_raw_value() - 1) & 1 == 0);
        Self::listen_to(&kinds)
    }

    fn listen_to(kinds: &[SignalKind]) -> Result<Self, VerbError> {
        // The channel keeps the count, so that a signal that comes before anything waits for it is
        // not lost.
        let (sender, count) = tokio::sync::watch::channel(0_u8);
        for kind in kinds {
            let mut listener = signal(*kind).map_err(VerbError::environment)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while listener.recv().await.is_some() {
                    sender.send_modify(|count| *count = count.saturating_add(1));
                }
            });
        }
        Ok(Self { count })
    }

    /// Resolves at the first signal and prints what a second one does.
    pub(crate) fn first_signal(&self) -> impl Future<Output = ()> + use<> {
        let waiting = self.received(1);
        async {
            waiting.await;
            print_stderr("stopping: waiting for open requests; a second signal stops at once");
        }
    }

    /// Resolves at the first signal and prints nothing.
    pub(crate) async fn first_signal_quietly(&self) {
        self.received(1).await;
    }

    /// Resolves at the second signal.
    pub(crate) async fn second_signal(&self) {
        self.received(2).await;
    }

    fn received(&self, times: u8) -> impl Future<Output = ()> + use<> {
        let mut count = self.count.clone();
        async move {
            // Fails only if the senders are gone, and they live as long as the runtime.
            let _ = count.wait_for(|count| *count >= times).await;
        }
    }
}

/// The signals that this process ignores since its start, as a bit mask: bit 0 is signal 1. Empty
/// if the system does not say.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines() {
        if let Some(mask) = line.strip_prefix("SigIgn:") {
            return u64::from_str_radix(mask.trim(), 16).unwrap_or(0);
        }
    }
    0
}
