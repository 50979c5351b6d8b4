//! Starting, reloading and stopping a gateway.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::Router;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

use upshift_adoption::store::{Store, StoreError};
use upshift_config::{FileSettings, KeyFinding, Limits};
use upshift_core::{Policy, Timestamp, TlsVersion};

use crate::admin;
use crate::admin::listener;
use crate::admin::rollout_api::{self, Access};
use crate::descriptors::{DescriptorBudget, TooFewDescriptors};
use crate::downstream::http3;
use crate::downstream::in_band_tls;
use crate::examine;
use crate::health_checks;
use crate::reload::difference;
use crate::reload::{self, Prepared, ReloadError, Reloaded};
use crate::rollout::{self, Beginning, Control};
use crate::settings::Settings;
use crate::sockets::{Http3Socket, SocketSources, Sockets};
use crate::telemetry::access::AccessWriter;
use crate::telemetry::metrics::Metrics;
use crate::tls::{self, Identity, LoadedFiles, TlsError, Trust};
use crate::upstream::UpstreamHealth;
use crate::worker::{self, Clients, Listeners, Shared, Snapshot};

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on: it is in use, or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// TLS in band beside implicit TLS under the same name.
    #[error(
        "in-band TLS and https under one name let an attacker splice the one into the other (Opossum, CVE-2025-49812): \
         leave one of them out, or allow it with dangerous-allow-opossum = true"
    )]
    Opossum,
    /// The process may open too few files.
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    /// The thread that writes access records cannot be started.
    #[error("the access record cannot be written: {0}")]
    AccessRecord(#[source] io::Error),
    /// What people and the breaker changed cannot be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Neither `http` nor `https` is given.
    #[error("there is nothing to listen on: neither http nor https is given")]
    NoListener,
}

/// Why a gateway stopped without being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A thread could not be started, or ended.
    #[error("a serving thread failed: {0}")]
    Worker(#[source] io::Error),
}

/// Where a gateway listens: the real ports, where 0 was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Cleartext.
    pub http: Option<SocketAddr>,
    /// TLS.
    pub https: Option<SocketAddr>,
    /// Admin.
    pub admin: Option<SocketAddr>,
}

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
/// gateway.run(async { /* resolves when the process is told to stop */ }).await?;
/// # Ok(()) }
/// ```
pub struct Gateway {
    handle: Handle,
    sockets: Sockets,
    addresses: Addresses,
    further: Router,
}

/// What can be asked of a gateway while it runs. Clones act on the same one.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Gateway {
    /// Binds every listener once.
    ///
    /// # Errors
    /// If an address is in use or not this machine's, a certificate is not usable, or there is
    /// nothing to listen on.
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
        let http3 = configured.http3;
        no_opossum(&settings)?;
        let sockets = Sockets::open_listeners(&settings, sources)?;
        let addresses = sockets.bound_addresses();
        let alt_svc = addresses
            .https
            .filter(|_| http3)
            .and_then(|address| http3::alt_svc_value(address.port()));
        let admin_token = settings.admin_token.clone();
        let snapshot = Arc::new(ArcSwap::from_pointee(snapshot(settings, Arc::default(), None)?));
        let workers = match snapshot.load().settings.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let descriptors = DescriptorBudget::measure_limit(workers)?;
        warn_of_few(&descriptors, &snapshot.load().settings.file.limits);
        let shared = Shared {
            descriptors: Arc::new(descriptors),
            workers,
            clients: Clients::new(workers),
            admin_token: Arc::new(ArcSwapOption::new(admin_token.map(Arc::new))),
            https: addresses.https,
            alt_svc,
            control: control(&snapshot)?,
            snapshot,
            access: AccessWriter::start().map_err(StartError::AccessRecord)?,
            stopping: AtomicBool::new(false),
            draining: watch::Sender::new(false),
            totals: Mutex::new(Metrics::new()),
        };
        let handle = Handle { shared: Arc::new(shared) };
        Ok(Self { handle, sockets, addresses, further: Router::new() })
    }

    /// What keeps a gateway with these settings from starting, or will surprise once it runs.
    /// Everything that they name is loaded, and nothing is listened on.
    pub fn examine(settings: &Settings) -> Vec<KeyFinding> {
        examine::findings(settings)
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// For reloading it while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves `router`, too, on the admin listener.
    #[must_use]
    pub fn with_admin(mut self, router: Router) -> Self {
        self.further = self.further.merge(router);
        self
    }

    /// Writes access records to `out`; without this, they go to stdout.
    #[must_use]
    pub fn with_access_record(self, out: Box<dyn io::Write + Send>) -> Self {
        self.handle.shared.access.redirect(out);
        self
    }

    /// Serves until `shutdown` resolves and for `limits.lame_duck` after that, in which `/readyz`
    /// is 503. Then it accepts no more and lets open requests finish within `limits.drain`.
    ///
    /// # Errors
    /// If a serving thread cannot be started or fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let shared = self.handle.shared;
        let (ended, mut endings) = mpsc::unbounded_channel();
        let Sockets { http, https, admin, http3 } = self.sockets;
        let workers = start_workers(&shared, http.as_ref(), https.as_ref(), http3, &ended)?;
        // Only the workers' clones keep the ports open: shutting down closes them.
        drop((http, https, ended));
        let (stop_admin, admin_stopped) = oneshot::channel::<()>();
        if let Some(listener) = admin {
            let local = self.addresses.admin.is_some_and(|address| address.ip().is_loopback());
            let access = Access { token: Arc::clone(&shared.admin_token), local };
            if !access.is_open() {
                tracing::warn!(
                    "others can reach the admin listener, and there is no admin token: /api is not served"
                );
            }
            let api = rollout_api::router(Arc::clone(&shared.control))
                .merge(admin::explaining(Arc::clone(&shared)));
            let api = rollout_api::guarded(api, access);
            let router = admin::router(Arc::clone(&shared), local).merge(api).merge(self.further);
            let served = Arc::clone(&shared);
            let limits = move || served.snapshot.load().settings.file.limits.clone();
            let draining = shared.draining.subscribe();
            let run = move || listener::run(listener, router, limits, draining, admin_stopped);
            spawn("admin", run).map_err(RunError::Worker)?;
        }
        let (stop_checks, checks_stopped) = oneshot::channel::<()>();
        let checked = Arc::clone(&shared);
        spawn("health", move || check_upstreams(&checked, checks_stopped))
            .map_err(RunError::Worker)?;
        let (stop_watch, watch_stopped) = oneshot::channel::<()>();
        let watched = Arc::clone(&shared);
        spawn("control", move || watch_control(&watched, watch_stopped))
            .map_err(RunError::Worker)?;
        tokio::select! {
            () = shutdown => {}
            // A worker ends on its own account only if it fails.
            early = endings.recv() => if let Some(Err(error)) = early { return Err(RunError::Worker(error)) },
        }
        shared.stopping.store(true, Ordering::Relaxed);
        // The process that follows needs it before this one has ended.
        shared.control.release_store();
        // Load balancers learn from /readyz that they are to turn elsewhere; until they have,
        // requests are served.
        let lame_duck = shared.snapshot.load().settings.file.limits.lame_duck;
        tokio::time::sleep(lame_duck).await;
        shared.draining.send_replace(true);
        for _ in 0..workers {
            if let Some(Err(error)) = endings.recv().await {
                tracing::warn!(%error, "a serving thread failed while shutting down");
            }
        }
        shared.access.flush();
        drop((stop_admin, stop_checks, stop_watch));
        Ok(())
    }
}

impl Handle {
    /// Replaces everything but the listeners and the store, at once and for the next request on.
    /// Open connections stay, and so do overrides. What differs is returned, and so is what takes a
    /// restart.
    ///
    /// # Errors
    /// If a gateway would not start with the new settings, or they lack the rules, the upstreams,
    /// the certificate or the admin token that the old ones have and that are needed; the old ones
    /// then stay in force.
    pub fn reload(&self, settings: Settings) -> Result<Reloaded, ReloadError> {
        match self.prepare(settings) {
            Ok(prepared) => Ok(self.take_up(prepared)),
            Err(error) => {
                self.reload_failed();
                Err(error)
            }
        }
    }

    /// Reads and checks everything that a reload needs, and puts nothing in force. It waits for
    /// disks; [`Handle::take_up`] does not.
    ///
    /// # Errors
    /// Those of [`Handle::reload`].
    pub fn prepare(&self, settings: Settings) -> Result<Prepared, ReloadError> {
        let served = self.shared.snapshot.load_full();
        let running = &served.settings;
        let needs_restart = reload::needs_restart(running, &settings);
        let settings = reload::taken_up(running, settings)?;
        no_opossum(&settings)?;
        let mut changes = difference::differences(running, &settings);
        let warnings = reload::warnings(&self.policy(), &settings);
        let next = snapshot(settings, self.policy(), Some(&served)).map_err(StartError::from)?;
        changes.extend(difference::file_differences(&served.files, &next.files));
        Ok(Prepared { next, reloaded: Reloaded { changes, needs_restart, warnings } })
    }

    /// Puts in force what was prepared, and counts the reload.
    pub fn take_up(&self, prepared: Prepared) -> Reloaded {
        let Prepared { next, reloaded } = prepared;
        let file = &next.settings.file;
        let running = self.shared.snapshot.load();
        if file.limits.connections > running.settings.file.limits.connections {
            warn_of_few(&self.shared.descriptors, &file.limits);
        }
        drop(running);
        let (policy, webhook) = (file.policy.clone(), file.webhook.clone());
        let token = next.settings.admin_token.clone().map(Arc::new);
        // It may have changed since it was prepared; the control puts the new one there at once.
        self.shared.snapshot.store(Arc::new(Snapshot { policy: self.policy(), ..next }));
        self.shared.admin_token.store(token);
        self.shared.control.reload(policy, webhook, Timestamp::now());
        let mut totals = self.shared.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.reloaded(true);
        totals.changed(&reloaded.changes);
        reloaded
    }

    /// Counts a reload that failed before there was anything to take up: the file could not be
    /// read, or was refused.
    pub fn reload_failed(&self) {
        self.shared.totals.lock().unwrap_or_else(PoisonError::into_inner).reloaded(false);
    }

    /// The policy in force, overrides included.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.shared.snapshot.load().policy)
    }
}

/// Tells whether a gateway that runs has the store at `path` open: another one cannot start with it
/// before that one stops.
pub fn store_is_in_use(path: &Path) -> bool {
    Store::is_in_use(path)
}

/// Says so if `connections` cannot be had. Within a twentieth of it, the reserve is what lacks, and
/// the default on many machines would be a warning.
fn warn_of_few(descriptors: &DescriptorBudget, limits: &Limits) {
    let (wanted, possible) = (limits.connections, descriptors.clients);
    if wanted - wanted / 20 > possible {
        tracing::warn!(
            limit = descriptors.limit,
            "limits.connections is {wanted}, and this process may have {possible}: each takes up to two descriptors. Raise \
             the hard limit (ulimit -Hn, LimitNOFILE= of systemd)"
        );
    }
}

/// One certificate serves both, so TLS in band and implicit TLS go by the same name.
fn no_opossum(settings: &Settings) -> Result<(), StartError> {
    let gateway = &settings.file.gateway;
    let both = gateway.in_band_tls && gateway.https.is_some();
    if both && !gateway.dangerous_allow_opossum { Err(StartError::Opossum) } else { Ok(()) }
}

/// What serves `settings` under `policy`. Endpoints that `before` has keep their health.
fn snapshot(
    settings: Settings,
    policy: Arc<Policy>,
    before: Option<&Snapshot>,
) -> Result<Snapshot, TlsError> {
    let files = Arc::new(load(&settings, before)?);
    let identity = files.identity.as_deref();
    let FileSettings { gateway, limits, upstreams, webhook, policy: _ } = &settings.file;
    let tls = if gateway.https.is_some() {
        server(identity, TlsVersion::V1_2)?.map(Arc::new)
    } else {
        None
    };
    let in_band = gateway.http.is_some() && gateway.in_band_tls;
    let in_band_tls = if in_band { server(identity, in_band_tls::minimum(&policy))? } else { None };
    let in_band_tls = in_band_tls.map(in_band_tls::config);
    let mut upstream_tls = Vec::new();
    for upstream in upstreams {
        upstream_tls.push(Arc::new(tls::client(&Trust::of(upstream))?));
    }
    let webhook_is_https = webhook.as_deref().is_some_and(|address| address.starts_with("https:"));
    let webhook_tls =
        Arc::new(tls::client(if webhook_is_https { &Trust::System } else { &Trust::Nobody })?);
    let quic = tls
        .as_deref()
        .filter(|_| gateway.http3)
        .map(|tls| http3::quic_config(tls, limits))
        .transpose()?;
    let health = before.map(|before| before.upstream_health.as_slice()).unwrap_or_default();
    let upstream_health = UpstreamHealth::for_upstreams(upstreams, health);
    Ok(Snapshot {
        settings,
        policy,
        files,
        tls,
        in_band_tls,
        quic,
        upstream_tls,
        upstream_health,
        webhook_tls,
    })
}

fn server(
    identity: Option<&Identity>,
    minimum: TlsVersion,
) -> Result<Option<rustls::ServerConfig>, TlsError> {
    identity.map(|identity| tls::server(identity, minimum)).transpose()
}

/// Reads the files that `settings` name. A certificate that was made here before is kept: clients
/// may have come to trust it.
fn load(settings: &Settings, before: Option<&Snapshot>) -> Result<LoadedFiles, TlsError> {
    // In band, TLS has the address of the cleartext listener.
    let gateway = &settings.file.gateway;
    let in_band = gateway.http.filter(|_| gateway.in_band_tls);
    let listeners: Vec<SocketAddr> = gateway.https.into_iter().chain(in_band).collect();
    let made = before
        .and_then(|before| before.files.identity.clone())
        .filter(|identity| identity.is_self_signed());
    let identity = match (&gateway.tls, made) {
        _ if listeners.is_empty() => None,
        (Some(files), _) => Some(Arc::new(Identity::read(files)?)),
        (None, Some(made)) => Some(made),
        (None, None) => {
            tracing::warn!(
                "no certificate is configured: clients are shown one that is signed by itself"
            );
            let mut names = vec!["localhost".to_owned()];
            names.extend(listeners.iter().map(|address| address.ip().to_string()));
            names.dedup();
            Some(Arc::new(Identity::self_signed(&names)?))
        }
    };
    let mut authorities = BTreeMap::new();
    for upstream in &settings.file.upstreams {
        if let Trust::File(path) = Trust::of(upstream) {
            authorities.insert(path.to_owned(), tls::read_chain(path)?);
        }
    }
    Ok(LoadedFiles { identity, authorities })
}

/// Control over what `snapshot` serves: it puts the policy there, with what is kept in the store.
fn control(snapshot: &Arc<ArcSwap<Snapshot>>) -> Result<Arc<Control>, StoreError> {
    let served = snapshot.load_full();
    let settings = &served.settings;
    let beginning = Beginning {
        policy: settings.file.policy.clone(),
        store: settings.file.gateway.store.as_deref(),
        observe: settings.observe,
        webhook: settings.file.webhook.clone(),
        now: Timestamp::now(),
    };
    let publish = {
        let snapshot = Arc::clone(snapshot);
        move |policy| {
            let policy = Arc::new(policy);
            snapshot
                .rcu(|served| Snapshot { policy: Arc::clone(&policy), ..Snapshot::clone(served) });
        }
    };
    Control::open(beginning, Box::new(publish)).map(Arc::new)
}

fn watch_control(shared: &Shared, stopped: oneshot::Receiver<()>) {
    let tls = || Arc::clone(&shared.snapshot.load().webhook_tls);
    let watching = async {
        tokio::select! {
            () = rollout::watch(Arc::clone(&shared.control), tls) => {}
            _ = stopped => {}
        }
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(watching),
        Err(error) => tracing::error!(%error, "nobody watches the breakers"),
    }
}

/// Runs the health checks of the upstreams in force, until `stopped` is dropped.
fn check_upstreams(shared: &Shared, stopped: oneshot::Receiver<()>) {
    let checking = async {
        tokio::select! {
            () = health_checks::run_health_checks(&shared.snapshot) => {}
            _ = stopped => {}
        }
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => LocalSet::new().block_on(&runtime, checking),
        Err(error) => tracing::error!(%error, "the health of upstreams is not checked"),
    }
}

/// Starts one thread per core; returns how many.
fn start_workers(
    shared: &Arc<Shared>,
    http: Option<&TcpListener>,
    https: Option<&TcpListener>,
    mut http3: Option<Http3Socket>,
    ended: &mpsc::UnboundedSender<io::Result<()>>,
) -> Result<usize, RunError> {
    let count = shared.workers;
    let clone = |listener: Option<&TcpListener>| listener.map(TcpListener::try_clone).transpose();
    for index in 0..count {
        let listeners = Listeners {
            http: clone(http).map_err(RunError::Worker)?,
            https: clone(https).map_err(RunError::Worker)?,
            http3: http3.take(),
        };
        let (shared, ended) = (Arc::clone(shared), ended.clone());
        spawn(&format!("worker {index}"), move || {
            // Nobody listens any more only if the gateway is being dropped.
            let _ = ended.send(worker::run(shared, index, listeners));
        })
        .map_err(RunError::Worker)?;
    }
    Ok(count)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(format!("upshift {name}")).spawn(run).map(drop)
}
