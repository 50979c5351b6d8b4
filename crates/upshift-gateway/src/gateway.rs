//! Starting, running and stopping a gateway.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;
use tokio::time::timeout;

use upshift_adoption::store::Store;
use upshift_config::KeyDiagnostic;
use upshift_core::Timestamp;

use crate::admin::fleet_numbers::FleetNumbers;
use crate::admin::{self, listener};
use crate::client_connections::ClientConnections;
use crate::descriptors::DescriptorBudget;
use crate::error::{RunError, StartError, refuse_opossum};
use crate::examine;
use crate::generation::{Generation, system_tls};
use crate::health_checks;
use crate::reload::Handle;
use crate::reload::changes::possible_changes;
use crate::rollout::{self, ControlConfig, ControlledFile, OpenedControl, Publish};
use crate::settings::{PrometheusServer, Settings};
use crate::shared::Shared;
use crate::sockets::{Addresses, Http3Socket, ListenerInfo, SocketSources, Sockets};
use crate::telemetry::access::{AccessOutput, AccessWriter};
use crate::telemetry::metrics::MetricTotals;
use crate::telemetry::traces::{ExportLosses, TraceQueue};
use crate::worker::{Listeners, run_worker};

/// The time for the last export, when the gateway stops.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// A gateway whose ports are bound. Clients may connect already; they are served once it
/// [runs](Gateway::run).
///
/// ```no_run
/// # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
/// use upshift_gateway::{Gateway, Settings, Upstream};
///
/// let mut settings = Settings::default();
/// settings.file.gateway.http = Some(([127, 0, 0, 1], 0).into());
/// settings.file.upstreams = vec![Upstream::at(([127, 0, 0, 1], 3000))];
/// let gateway = Gateway::bind(settings)?;
/// println!("listening on {:?}", gateway.addresses().http);
/// gateway.run(async { /* resolves when the process is to stop */ }).await?;
/// # Ok(()) }
/// ```
pub struct Gateway {
    shared: Arc<Shared>,
    sockets: Sockets,
    addresses: Addresses,
    further: Router,
    fleet: Option<Arc<FleetNumbers>>,
}

impl Gateway {
    /// Binds every listener once.
    ///
    /// # Errors
    /// If an address is in use or does not belong to this machine, a certificate cannot be used,
    /// or there is nothing to listen on.
    pub fn bind(settings: Settings) -> Result<Self, StartError> {
        Self::bind_from(settings, SocketSources::default())
    }

    /// Opens every listener once, from these sources.
    ///
    /// # Errors
    /// Those of [`Gateway::bind`].
    pub fn bind_from(settings: Settings, sources: SocketSources) -> Result<Self, StartError> {
        let configured = &settings.file.gateway;
        if configured.http.is_none() && configured.https.is_none() {
            return Err(StartError::NoListener);
        }
        refuse_opossum(&settings)?;
        let access_log = &settings.file.gateway.access_log;
        let access_output =
            AccessOutput::open(access_log.destination()).map_err(StartError::AccessRecord)?;
        let sockets = Sockets::open_listeners(&settings, sources)?;
        let addresses = sockets.bound_addresses();
        let workers = match settings.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let descriptors = DescriptorBudget::measure_limit(workers)?;
        descriptors.warn_if_fewer(settings.file.limits.connections);
        let listeners = ListenerInfo::new(&settings.file.gateway, addresses.https);
        // The overrides come first: everything that is served is built under the policy that they
        // leave in force.
        let control = OpenedControl::open(control_config(&settings))?;
        let policy = Arc::new(control.policy().clone());
        let generation = Generation::build(settings, policy, None)?;
        let generation = Arc::new(ArcSwap::from_pointee(generation));
        let access = AccessWriter::start(access_output).map_err(StartError::AccessRecord)?;
        let shared = Shared {
            control: Arc::new(control.publishing(publish_to(Arc::clone(&generation)))),
            generation,
            listeners,
            stopping: AtomicBool::new(false),
            draining: watch::Sender::new(false),
            traces: TraceQueue::new(),
            losses: ExportLosses::default(),
            access,
            feed: Arc::default(),
            descriptors: Arc::new(descriptors),
            workers,
            clients: ClientConnections::new(workers),
            totals: Mutex::new(MetricTotals::new(possible_changes())),
        };
        let shared = Arc::new(shared);
        Ok(Self { shared, sockets, addresses, further: Router::new(), fleet: None })
    }

    /// Lists the errors of `settings` that keep a gateway from starting, and warnings about what may
    /// surprise once it runs. All files that the settings name are read, and no address is bound.
    pub fn examine(settings: &Settings) -> Vec<KeyDiagnostic> {
        examine::diagnose_settings(settings)
    }

    /// The bound addresses.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// A handle that reloads the gateway while it runs.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Adds the routes of `router` to the admin listener.
    #[must_use]
    pub fn with_admin(mut self, router: Router) -> Self {
        self.further = self.further.merge(router);
        self
    }

    /// Shows on the dashboard the numbers that `prometheus` has of all gateways, in place of those
    /// in the store.
    ///
    /// # Errors
    /// If TLS towards it cannot be configured.
    pub fn with_prometheus(mut self, prometheus: PrometheusServer) -> Result<Self, StartError> {
        let tls = system_tls(Some(&prometheus.url.to_string()))?;
        self.fleet = Some(Arc::new(FleetNumbers::new(prometheus, tls)));
        Ok(self)
    }

    /// Writes access records to `out` instead of the destination in the settings.
    #[must_use]
    pub fn with_access_record(self, out: Box<dyn io::Write + Send>) -> Self {
        self.shared.access.redirect(AccessOutput::Stream(out));
        self
    }

    /// Serves until `shutdown` resolves and for `limits.lame_duck` after that, in which `/readyz`
    /// is 503. Then it accepts no more and lets open requests finish within `limits.drain`.
    ///
    /// # Errors
    /// If a serving thread cannot be started or fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { shared, sockets, addresses, further, fleet } = self;
        let Sockets { http, https, admin, http3 } = sockets;
        let (ended, mut endings) = mpsc::unbounded_channel();
        start_workers(&shared, http.as_ref(), https.as_ref(), http3, &ended)?;
        // Only the workers' clones keep the ports open: shutting down closes them.
        drop((http, https, ended));
        let mut stops = Vec::new();
        if let Some(listener) = admin {
            let local = addresses.admin.is_some_and(|address| address.ip().is_loopback());
            let router = admin::router(&shared, local, fleet).merge(further);
            stops.push(start_admin(&shared, listener, router)?);
        }
        let export = start_export(&shared)?;
        stops.push(start_health_checks(&shared)?);
        stops.push(start_rollout_watch(&shared)?);
        tokio::select! {
            () = shutdown => {}
            // A worker only exits early on failure.
            early = endings.recv() => {
                if let Some(Err(error)) = early {
                    return Err(RunError::Worker(error));
                }
            }
        }
        drain(&shared, &mut endings).await;
        export.finish().await;
        drop(stops);
        Ok(())
    }
}

/// Returns true if a running gateway has the store at `path` open: another one cannot start with
/// it before that one stops.
pub fn store_is_in_use(path: &Path) -> bool {
    Store::is_in_use(path)
}

fn control_config(settings: &Settings) -> ControlConfig<'_> {
    ControlConfig {
        file: ControlledFile::from_settings(settings),
        store: settings.file.gateway.store.as_deref(),
        observe: settings.observe,
        now: Timestamp::now(),
    }
}

/// Puts an effective policy in force under the settings that are.
fn publish_to(generation: Arc<ArcSwap<Generation>>) -> Publish {
    Box::new(move |policy| {
        let next = generation.load().under_policy(Arc::new(policy));
        // The lock of the control is held: nothing else is published meanwhile.
        generation.store(Arc::new(next));
    })
}

/// Stops the thread that waits for its other end when it is dropped.
type StopOnDrop = oneshot::Sender<()>;

fn start_workers(
    shared: &Arc<Shared>,
    http: Option<&TcpListener>,
    https: Option<&TcpListener>,
    mut http3: Option<Http3Socket>,
    ended: &mpsc::UnboundedSender<io::Result<()>>,
) -> Result<(), RunError> {
    for index in 0..shared.workers {
        let listeners = Listeners {
            http: clone_listener(http)?,
            https: clone_listener(https)?,
            http3: http3.take(),
        };
        let (shared, ended) = (Arc::clone(shared), ended.clone());
        spawn(&format!("worker {index}"), move || {
            // The receiver is gone only if the gateway is being dropped.
            let _ = ended.send(run_worker(shared, index, listeners));
        })?;
    }
    Ok(())
}

fn clone_listener(listener: Option<&TcpListener>) -> Result<Option<TcpListener>, RunError> {
    let Some(listener) = listener else { return Ok(None) };
    listener.try_clone().map(Some).map_err(RunError::Worker)
}

fn start_admin(
    shared: &Arc<Shared>,
    listener: TcpListener,
    router: Router,
) -> Result<StopOnDrop, RunError> {
    let (stop, stopped) = oneshot::channel();
    let draining = shared.draining.subscribe();
    let served = Arc::clone(shared);
    spawn("admin", move || {
        let limits = move || served.generation.load().settings.file.limits.clone();
        listener::run_admin(listener, router, limits, draining, stopped);
    })?;
    Ok(stop)
}

fn start_health_checks(shared: &Arc<Shared>) -> Result<StopOnDrop, RunError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let shared = Arc::clone(shared);
    spawn("health", move || {
        let checking = async {
            tokio::select! {
                () = health_checks::run_health_checks(&shared.generation) => {}
                _ = stopped => {}
            }
        };
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => LocalSet::new().block_on(&runtime, checking),
            Err(error) => tracing::error!(%error, "the health of upstreams is not checked"),
        }
    })?;
    Ok(stop)
}

/// The thread that exports telemetry, if this program has one.
struct ExportThread {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl ExportThread {
    /// Exports what is left, within a limit.
    async fn finish(self) {
        self.stop.send_replace(true);
        // The thread of a receiver that does not answer ends with the process.
        let _ = timeout(EXPORT_TIMEOUT, self.ended).await;
    }
}

fn start_export(shared: &Arc<Shared>) -> Result<ExportThread, RunError> {
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    let shared = Arc::clone(shared);
    spawn("export", move || {
        export_until(shared, stopped);
        // The other end is gone if the gateway has failed.
        let _ = end.send(());
    })?;
    Ok(ExportThread { stop, ended })
}

#[cfg(feature = "otlp")]
fn export_until(shared: Arc<Shared>, stopped: watch::Receiver<bool>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(crate::otlp::run_export(shared, stopped)),
        Err(error) => tracing::error!(%error, "neither metrics nor traces are exported"),
    }
}

#[cfg(not(feature = "otlp"))]
fn export_until(_: Arc<Shared>, _: watch::Receiver<bool>) {}

fn start_rollout_watch(shared: &Arc<Shared>) -> Result<StopOnDrop, RunError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let shared = Arc::clone(shared);
    spawn("control", move || {
        let webhook_tls = || Arc::clone(&shared.generation.load().webhook_tls);
        let watching = async {
            tokio::select! {
                () = rollout::run_ticks(Arc::clone(&shared.control), webhook_tls) => {}
                _ = stopped => {}
            }
        };
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(watching),
            Err(error) => tracing::error!(%error, "cannot start the breaker watcher"),
        }
    })?;
    Ok(stop)
}

/// Stops serving: first the load balancers see it, then the listeners close, then the requests end.
async fn drain(shared: &Shared, endings: &mut mpsc::UnboundedReceiver<io::Result<()>>) {
    shared.stopping.store(true, Ordering::Relaxed);
    // The process that follows needs the store before this one has ended.
    shared.control.release_store();
    // Load balancers read 503 from /readyz and turn elsewhere; until they have, requests are
    // served.
    let lame_duck = shared.generation.load().settings.file.limits.lame_duck;
    tokio::time::sleep(lame_duck).await;
    shared.draining.send_replace(true);
    for _ in 0..shared.workers {
        if let Some(Err(error)) = endings.recv().await {
            tracing::warn!(%error, "a serving thread failed while shutting down");
        }
    }
    shared.control.finish_usage();
    shared.access.flush().await;
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), RunError> {
    let thread = thread::Builder::new().name(format!("upshift {name}"));
    thread.spawn(run).map(drop).map_err(RunError::Worker)
}
