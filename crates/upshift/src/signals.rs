//! SIGTERM and Ctrl-C: the first asks to end well, the second to end at once.

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::terminal::say;

/// Makes a write past the limit of a file's size (`ulimit -f`) an error of that write, as on a full disk.
///
/// SIGXFSZ ends a process that does not handle it, in the middle of its work and without a word. This handler does nothing.
pub(crate) fn outlive_file_limit() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(Failure::environment)?;
    let _entered = runtime.enter();
    // The handler stays when the runtime and the listener are gone; programs that are started do not inherit it.
    let listener = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map_err(Failure::environment)?;
    drop(listener);
    Ok(())
}

/// The signals that end it.
pub(crate) struct Stop {
    asked: tokio::sync::watch::Receiver<u8>,
}

impl Stop {
    /// Listens from now on.
    pub(crate) fn new() -> Result<Self, Failure> {
        let (asks, asked) = tokio::sync::watch::channel(0_u8);
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::environment)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::environment)?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                asks.send_modify(|times| *times = times.saturating_add(1));
            }
        });
        Ok(Self { asked })
    }

    /// Resolves when it is asked to stop.
    pub(crate) fn first(&self) -> impl Future<Output = ()> + use<> {
        let waiting = self.asked_times(1);
        async {
            waiting.await;
            say("stopping: open requests may finish; once more stops at once");
        }
    }

    /// Resolves when it is asked to stop, in silence.
    pub(crate) async fn asked(&self) {
        self.asked_times(1).await;
    }

    /// Resolves when it is asked again.
    pub(crate) async fn second(&self) {
        self.asked_times(2).await;
    }

    fn asked_times(&self, times: u8) -> impl Future<Output = ()> + use<> {
        let mut asked = self.asked.clone();
        async move {
            // The sender lives as long as the runtime.
            let _ = asked.wait_for(|count| *count >= times).await;
        }
    }
}
