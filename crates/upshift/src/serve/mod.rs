//! `upshift serve`: runs the gateway.

mod reload;
mod supervisor;
mod watch;

use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::Duration;

use clap::Args;
use upshift_config::make_visible;
use upshift_core::{Policy, Timestamp};
use upshift_gateway::{Addresses, Gateway, Settings, SocketSources, StartError, store_is_in_use};
use upshift_record::Exit;

use crate::log;
use crate::policy_file::{self, PolicyFile};
use crate::signals::StopSignals;
use crate::terminal::{print_stderr, print_stderr_lines};
use crate::verb_error::{VerbError, VerbResult};

use reload::Reloader;

/// How often a store that another gateway has open is tried.
const STORE_INTERVAL: Duration = Duration::from_millis(20);

/// Run the gateway
///
/// SIGHUP reads the policy file again. A file that `serve` would not start with, or that has lost
/// all its rules, changes nothing: the last good policy stays in force. SIGTERM and Ctrl-C accept
/// no more and let open requests finish; a second one stops at once. Sockets that a supervisor
/// passes (systemd's LISTEN_FDS) are used, and NOTIFY_SOCKET is told of start, reload and stop.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift serve --observe             count who would be refused, and refuse nobody
  upshift serve --watch               reload whenever the policy file changes
  upshift serve -c site.toml > access.jsonl
  upshift serve --take-over           replace a running gateway: start this, then stop that one

stdout carries the access record (gateway.access-log), stderr everything else.
Exit codes: 0 it was told to stop, 2 wrong usage or an invalid file, 3 an address cannot be bound.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    file: PolicyFile,
    /// Reload whenever the policy file changes, or a file that it names: certificate, key, token,
    /// authorities
    #[arg(long)]
    watch: bool,
    /// Let every rule observe only: nobody is refused or warned, everything is counted
    #[arg(long)]
    observe: bool,
    /// Wait for the store of a gateway that is about to stop, and share its addresses during its
    /// lame duck
    #[arg(long)]
    take_over: bool,
}

impl ServeArgs {
    pub(crate) fn run(self) -> VerbResult {
        log::start_logging();
        let watched = watch::WatchedFiles::new(&self.file.path, self.watch);
        watched.policy_is_read();
        self.file.must_be_regular()?;
        let text = policy_file::read_policy(&self.file.path)?;
        let mut usual_store = None;
        let settings = reload::load_settings(&self.file, text, &watched, &mut usual_store)?;
        let settings = Settings { observe: self.observe, ..settings };
        let store = settings.file.gateway.store.clone();
        if let Some(store) = store.as_deref().filter(|_| self.take_over) {
            await_store(store);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(VerbError::environment)?;
        // Before it listens: a supervisor may signal as soon as it can connect.
        let (wishes, stop) = {
            let _entered = runtime.enter();
            (watched.wishes()?, StopSignals::new()?)
        };
        if let Err(error) = upshift_gateway::raise_descriptor_limit() {
            print_stderr(format_args!("warning: the limit of descriptors stays as it is: {error}"));
        }
        let sources = SocketSources::from_environment().take_over(self.take_over);
        let gateway = Gateway::bind_from(settings, sources)?;
        let handle = gateway.handle();
        print_addresses(gateway.addresses());
        if let Some(store) = &store {
            print_stderr(format_args!("store {}", store.display()));
        }
        print_stderr_lines(describe_policy(&handle.policy(), Timestamp::now()));
        let reloader = Reloader::new(self.file, self.observe, handle, watched, usual_store);
        supervisor::notify_ready();
        let stopping = async {
            stop.first_signal().await;
            supervisor::notify_stopping();
        };
        runtime.block_on(async {
            tokio::select! {
                served = gateway.run(stopping) => served.map_err(VerbError::environment)?,
                () = reloader.reload_on_request(wishes) => {}
                () = stop.second_signal() => print_stderr("stopped at once"),
            }
            Ok(Exit::Fine)
        })
    }
}

/// Waits until the gateway that this one replaces has closed its store, which it does as soon as it
/// is told to stop.
fn await_store(store: &Path) {
    if !store_is_in_use(store) {
        return;
    }
    let shown = store.display();
    print_stderr(format_args!(
        "waiting for the gateway that has the store {shown} open: stop it now, it serves until then"
    ));
    while store_is_in_use(store) {
        // Signals still end the process: nothing takes them yet.
        #[expect(clippy::disallowed_methods, reason = "there is no runtime yet")]
        thread::sleep(STORE_INTERVAL);
    }
}

/// Says where it listens.
pub(crate) fn print_addresses(addresses: Addresses) {
    let lines = [
        addresses.http.map(|address| format!("listening on http://{address}")),
        addresses.https.map(|address| format!("listening on https://{address}")),
        addresses.admin.map(|address| format!("admin on http://{address}/")),
    ];
    lines.into_iter().flatten().for_each(print_stderr);
}

/// One line that says what holds: `policy sha256:1f2e3d4c: 5 enforce, 1 warn`.
fn describe_policy(policy: &Policy, now: Timestamp) -> String {
    let phases = upshift_core::Phase::ALL.iter().filter_map(|phase| {
        let count =
            policy.rules().iter().filter(|rule| rule.rollout_state(now).phase == *phase).count();
        (count > 0).then(|| format!("{count} {phase}"))
    });
    let phases: Vec<String> = phases.collect();
    let what = if phases.is_empty() { "no rules".to_owned() } else { phases.join(", ") };
    let set = policy.rules().iter().filter_map(|rule| {
        let set = rule.overridden()?;
        Some(format!("\n  {}: {} by {}", rule.id, set.phase, make_visible(&set.by.to_string())))
    });
    format!("policy {}: {what}{}", short_revision(policy.revision()), set.collect::<String>())
}

/// The first eight digits of a revision are enough for people.
fn short_revision(revision: &str) -> &str {
    revision.get(.."sha256:".len() + 8).unwrap_or(revision)
}

/// Whose fault it is that the gateway does not start.
impl From<StartError> for VerbError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::NoListener | StartError::Opossum => Self::usage(error),
            StartError::Bind { ref source, .. } => match bind_help(source.kind()) {
                Some(help) => Self::environment(format_args!("{error}\n  help: {help}")),
                None => Self::environment(error),
            },
            _ => Self::environment(error),
        }
    }
}

/// What to do about an address that cannot be bound.
fn bind_help(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::AddrInUse => Some(
            "another process listens there. If it is a gateway of the same user that this one replaces, use --take-over",
        ),
        ErrorKind::PermissionDenied => Some(
            "ports below 1024 need root, CAP_NET_BIND_SERVICE (`AmbientCapabilities=` of systemd) or a socket that a \
             supervisor passes",
        ),
        ErrorKind::AddrNotAvailable => Some("no interface of this machine has this address"),
        _ => None,
    }
}
