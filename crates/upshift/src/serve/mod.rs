//! `upshift serve`: runs the gateway.

mod origin;
mod reload;
mod supervisor;
mod watch;

use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::Duration;

use clap::Args;
use upshift_config::make_visible;
use upshift_core::{Phase, Policy, Timestamp};
use upshift_gateway::{
    Addresses, Gateway, PrometheusServer, Settings, SocketSources, StartError, store_is_in_use,
};
use upshift_record::Exit;

use crate::log;
use crate::policy_file::{self, PolicyFile};
use crate::prometheus_url::{PrometheusUrl, parse_prometheus_url};
use crate::runtime::build_runtime;
use crate::signals::{StopSignals, reopen_signals};
use crate::terminal::{print_stderr, print_stderr_lines};
use crate::verb_error::{VerbError, VerbResult};

use reload::{Reloader, short_revision};

/// The time between two attempts to open a store that another gateway has open.
const STORE_INTERVAL: Duration = Duration::from_millis(20);

/// Run the gateway
///
/// SIGHUP reloads the policy file. If `serve` would not start with it, or if it has lost all its
/// rules, nothing changes: the last good policy stays in force. On SIGTERM or Ctrl-C the gateway
/// accepts no more connections and lets open requests finish; a second signal stops it at once.
/// SIGUSR1 opens the file of the access record again, after it was moved away.
/// Sockets that a supervisor passes (systemd's LISTEN_FDS) are used, and start, reload and stop are
/// reported to NOTIFY_SOCKET.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift serve --observe             count who would be refused, but refuse no one
  upshift serve --watch               reload whenever the policy file changes
  upshift serve -c site.toml > access.jsonl
  upshift serve --prometheus http://prometheus:9090
  upshift serve --take-over           replace a running gateway: start this, then stop that one

stdout carries the access record (gateway.access-log) unless that goes elsewhere, stderr everything
else.
Exit codes: 0 it was stopped by a signal, 2 wrong usage or an invalid file, 3 an address cannot be bound.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    file: PolicyFile,
    /// Reload whenever the policy file or a file that it names changes: certificate, key, token,
    /// authorities
    #[arg(long)]
    watch: bool,
    /// Let every rule observe only: count everything, but refuse and warn no one
    #[arg(long)]
    observe: bool,
    /// Wait for the store of a gateway that is about to stop, and share its addresses during its
    /// lame duck
    #[arg(long)]
    take_over: bool,
    /// The reason for this start, which the evidence of policies names; it takes precedence over
    /// `reason` in [gateway]
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Show on the dashboard the numbers of all gateways that this Prometheus scrapes, in place of
    /// those in the store. Distinct callers, versions and clients are not known then
    #[arg(long, value_name = "URL", value_parser = parse_prometheus_url)]
    prometheus: Option<PrometheusUrl>,
    /// The bearer token of that Prometheus, if it asks for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_PROMETHEUS_TOKEN", hide_env_values = true)]
    prometheus_token: Option<String>,
}

impl ServeArgs {
    pub(crate) fn run(self) -> VerbResult {
        log::start_logging();
        let prometheus = self.prometheus_server()?;
        let watched = watch::WatchedFiles::new(&self.file.path, self.watch);
        watched.record_policy();
        self.file.must_be_regular()?;
        let text = policy_file::read_policy(&self.file.path)?;
        let mut usual_store = None;
        let loaded = reload::load_settings(&self.file, text, &watched, &mut usual_store)?;
        let mut settings = Settings { observe: self.observe, ..loaded };
        settings.origin.reason = self.reason;
        let store = settings.file.gateway.store.clone();
        // The old gateway serves on while we wait. Were the addresses shared already, the kernel
        // would send us connections that we cannot serve yet.
        if self.take_over
            && let Some(store) = &store
        {
            await_store(store);
        }
        let runtime = build_runtime()?;
        // Before the sockets are bound: a supervisor may send a signal as soon as it can connect.
        let (requests, stop, mut reopen) = {
            let _entered = runtime.enter();
            (watched.reload_requests()?, StopSignals::new()?, reopen_signals()?)
        };
        // Fewer descriptors limit the connections, which is no reason to serve none.
        if let Err(error) = upshift_gateway::raise_descriptor_limit() {
            print_stderr(format_args!("warning: cannot raise the limit of open files: {error}"));
        }
        let sources = SocketSources::from_environment().take_over(self.take_over);
        let mut gateway = Gateway::bind_from(settings, sources)?;
        if let Some(prometheus) = prometheus {
            gateway = gateway.with_prometheus(prometheus)?;
        }
        let handle = gateway.handle();
        print_addresses(gateway.addresses());
        if let Some(store) = &store {
            print_stderr(format_args!("store {}", store.display()));
        }
        print_stderr_lines(describe_policy(&handle.policy(), Timestamp::now()));
        let reopened = handle.clone();
        let reopening = async {
            while reopen.recv().await.is_some() {
                reopened.reopen_access_record();
            }
            // The signals end only with the runtime. Returning would end the `select!` below.
            std::future::pending::<()>().await;
        };
        let reloader = Reloader::new(self.file, self.observe, handle, watched, usual_store);
        // The sockets are bound, so whatever waits for READY can connect from now on.
        supervisor::notify_ready();
        let stopping = async {
            stop.first_signal().await;
            supervisor::notify_stopping();
        };
        runtime.block_on(async {
            tokio::select! {
                served = gateway.run(stopping) => served.map_err(VerbError::environment)?,
                () = reloader.reload_on_request(requests) => {}
                () = reopening => {}
                () = stop.second_signal() => print_stderr("stopped at once"),
            }
            Ok(Exit::Fine)
        })
    }
}

impl ServeArgs {
    /// The Prometheus that has the numbers of the dashboard.
    fn prometheus_server(&self) -> Result<Option<PrometheusServer>, VerbError> {
        let Some(prometheus) = &self.prometheus else { return Ok(None) };
        let authorization = prometheus.authorization(self.prometheus_token.as_deref())?;
        Ok(Some(PrometheusServer { url: prometheus.url.clone(), authorization }))
    }
}

/// Waits until the gateway that this one replaces has closed its store, which it does as soon as it
/// gets the signal to stop.
fn await_store(store: &Path) {
    if !store_is_in_use(store) {
        return;
    }
    let shown = store.display();
    print_stderr(format_args!(
        "waiting for the gateway that has the store {shown} open: stop it now, and this one takes \
         over"
    ));
    while store_is_in_use(store) {
        // Ctrl-C still ends the process: no handler is installed yet.
        #[expect(clippy::disallowed_methods, reason = "there is no runtime yet")]
        thread::sleep(STORE_INTERVAL);
    }
}

/// Prints the addresses of the listeners.
pub(crate) fn print_addresses(addresses: Addresses) {
    if let Some(address) = addresses.http {
        print_stderr(format_args!("listening on http://{address}"));
    }
    if let Some(address) = addresses.https {
        print_stderr(format_args!("listening on https://{address}"));
    }
    if let Some(address) = addresses.admin {
        print_stderr(format_args!("admin on http://{address}/"));
    }
}

/// Counts the rules in each phase, `policy sha256:1f2e3d4c: 5 enforce, 1 warn`, and lists those
/// that a person or the breaker has set.
fn describe_policy(policy: &Policy, now: Timestamp) -> String {
    let mut counts = Vec::new();
    for phase in Phase::ALL {
        let in_phase = policy.rules().iter().filter(|rule| rule.rollout_state(now).phase == phase);
        match in_phase.count() {
            0 => {}
            count => counts.push(format!("{count} {phase}")),
        }
    }
    let rules = if counts.is_empty() { "no rules".to_owned() } else { counts.join(", ") };
    let mut text = format!("policy {}: {rules}", short_revision(policy.revision()));
    for rule in policy.rules() {
        if let Some(set) = rule.overridden() {
            // The name comes from a request to the admin API. A newline in it would look like a
            // further line of ours.
            let by = set.by.to_string();
            let line = format!("\n  {}: {} by {}", rule.id, set.phase, make_visible(&by));
            text.push_str(&line);
        }
    }
    text
}

/// A gateway that cannot start: by the fault of the policy file, or of the environment.
impl From<StartError> for VerbError {
    fn from(error: StartError) -> Self {
        match error {
            // The policy file decides both; the environment is fine.
            StartError::NoListener | StartError::Opossum => Self::usage(error),
            StartError::Bind { ref source, .. } => match bind_help(source.kind()) {
                Some(help) => Self::environment(format_args!("{error}\n  help: {help}")),
                None => Self::environment(error),
            },
            // `examine_file` has found the errors that are the file's. What fails only now has
            // changed since, or belongs to the machine.
            _ => Self::environment(error),
        }
    }
}

/// Advice for an address that cannot be bound.
fn bind_help(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::AddrInUse => Some(
            "another process listens there; to replace a gateway of the same user, use --take-over",
        ),
        ErrorKind::PermissionDenied => Some(
            "ports below 1024 need root, CAP_NET_BIND_SERVICE (`AmbientCapabilities=` of systemd) or \
             a socket that a supervisor passes",
        ),
        ErrorKind::AddrNotAvailable => Some("no interface of this machine has this address"),
        _ => None,
    }
}
