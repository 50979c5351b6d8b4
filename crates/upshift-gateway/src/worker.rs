//! One core: its runtime, its connections, its upstream connections, its counters.
//!
//! Nothing here is shared with another core but what stands in [`Shared`], and of that a request
//! reads one pointer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::HeaderValue;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};

use upshift_adoption::Tally;
use upshift_config::Limits;
use upshift_core::policy::Matcher;
use upshift_core::{Facts, Policy};

use crate::descriptors::DescriptorBudget;
use crate::downstream;
use crate::downstream::http3;
use crate::fields::cgi_aliases::GuardedFields;
use crate::local_reply::Fault;
use crate::progress::activity::{Activity, IdleMark, idle_now};
use crate::random::Random;
use crate::rollout::{self, Control};
use crate::settings::{Settings, strict_transport_security, takes_all};
use crate::sockets::Http3Socket;
use crate::telemetry::access::AccessWriter;
use crate::telemetry::counts::{Counts, Ending};
use crate::telemetry::log_limit::LogLimit;
use crate::tls::LoadedFiles;
use crate::upstream::{Cluster, UpstreamConnector, UpstreamHealth};

/// What a reload replaces, whole.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// What the gateway was told.
    pub(crate) settings: Settings,
    /// Its policy under the overrides in force.
    pub(crate) policy: Arc<Policy>,
    /// What was read of the files that the settings name.
    pub(crate) files: Arc<LoadedFiles>,
    /// The server's side of TLS, if there is a TLS listener.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// The same for TLS in band.
    pub(crate) in_band_tls: Option<Arc<ServerConfig>>,
    /// The same for QUIC.
    pub(crate) quic: Option<Arc<quinn::ServerConfig>>,
    /// The client's side of TLS, towards each of the upstreams.
    pub(crate) upstream_tls: Vec<Arc<ClientConfig>>,
    /// The health of each of them.
    pub(crate) upstream_health: Vec<Arc<UpstreamHealth>>,
    /// The same towards the webhook.
    pub(crate) webhook_tls: Arc<ClientConfig>,
}

/// What all cores share.
pub(crate) struct Shared {
    /// Read once per request.
    pub(crate) snapshot: Arc<ArcSwap<Snapshot>>,
    /// What the admin API asks for.
    pub(crate) admin_token: Arc<ArcSwapOption<String>>,
    /// Where the listener for `https` is.
    pub(crate) https: Option<SocketAddr>,
    /// What tells clients of HTTP/3.
    pub(crate) alt_svc: Option<HeaderValue>,
    /// True from the signal to stop on.
    pub(crate) stopping: AtomicBool,
    /// Becomes true when no more connections are accepted.
    pub(crate) draining: watch::Sender<bool>,
    /// What beats the file, and who watches.
    pub(crate) control: Arc<Control>,
    /// Where access records go.
    pub(crate) access: AccessWriter,
    /// The descriptors for connections.
    pub(crate) descriptors: Arc<DescriptorBudget>,
    /// How many cores there are.
    pub(crate) workers: usize,
    /// The clients' connections on all of them.
    pub(crate) clients: Clients,
    /// Where the cores hand over what they counted.
    pub(crate) totals: Mutex<crate::telemetry::metrics::Metrics>,
}

/// The clients' connections over TCP, on all cores.
pub(crate) struct Clients {
    open: AtomicUsize,
    /// Those of each core.
    cores: Vec<Mutex<IdleMarks>>,
    /// Wakes those that wait for a connection to end.
    closed: Notify,
}

/// Connections by their numbers on one core.
type IdleMarks = HashMap<u64, Arc<IdleMark>>;

impl Clients {
    /// None yet, on so many cores.
    pub(crate) fn new(cores: usize) -> Self {
        let cores = (0..cores).map(|_| Mutex::default()).collect();
        Self { open: AtomicUsize::new(0), cores, closed: Notify::new() }
    }

    /// Takes the place of one more connection, if there are fewer than `most`. In one step: another
    /// core may accept at the same time.
    fn take_place(&self, most: usize) -> bool {
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < most).then_some(open + 1)
        });
        taken.is_ok()
    }

    fn add_place(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes room for one more connection beside `most`, by the one that has been idle for longest.
    /// While no more than `leaving` connections are about to end, theirs is the time that this
    /// takes, and not that of the new one.
    fn make_room(&self, most: usize, leaving: usize) -> Room {
        let (mut oldest, mut ending, mut young): (Option<(u64, usize, u64)>, usize, bool) =
            (None, 0, false);
        let now = idle_now();
        for index in 0..self.cores.len() {
            for (number, mark) in self.core(index).iter() {
                ending += usize::from(mark.is_leaving());
                let Some(since) = mark.idle_since() else { continue };
                if now.saturating_sub(since) < REST {
                    young = true;
                } else if oldest.is_none_or(|(before, ..)| since < before) {
                    oldest = Some((since, index, *number));
                }
            }
        }
        let stays = self.open.load(Ordering::Relaxed).saturating_sub(ending);
        if stays < most {
            return if ending <= leaving { Room::Made } else { Room::Awaited };
        }
        let Some((since, index, number)) = oldest else {
            return if young { Room::Awaited } else { Room::None };
        };
        let at_once = ending >= leaving;
        match self.core(index).get(&number) {
            // A request may have come to it since, or another core may have chosen it.
            Some(mark) if !mark.evict(since, at_once) => Room::Lost,
            Some(_) if at_once => Room::Awaited,
            _ => Room::Made,
        }
    }

    fn core(&self, index: usize) -> MutexGuard<'_, IdleMarks> {
        self.cores[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has ended.
    fn ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.closed.notify_waiters();
    }
}

/// How long a connection is idle before it makes room, in nanoseconds: the first request of a
/// connection that was just accepted may be on the way, and one that was just answered may be about
/// to become a tunnel.
const REST: u64 = 100_000_000;

/// Room for a new connection.
enum Room {
    /// It can be opened.
    Made,
    /// It can be opened soon: when a connection that is about to end has ended, or one that is idle
    /// has been so for long enough.
    Awaited,
    /// The connection that was to end is in use again.
    Lost,
    /// Every connection is busy.
    None,
}

/// One core.
pub(crate) struct Worker {
    /// What it shares with the others.
    pub(crate) shared: Arc<Shared>,
    /// What it counted since it last told.
    pub(crate) counts: RefCell<Counts>,
    /// What it saw for the breakers since it last told.
    pub(crate) tally: RefCell<Tally>,
    /// Its random numbers.
    pub(crate) random: RefCell<Random>,
    view: RefCell<Rc<View>>,
    warned: Cell<bool>,
    fault_log: LogLimit,
    accept_log: LogLimit,
    full_log: LogLimit,
    /// Its place among the cores.
    index: usize,
    accepted: Cell<u64>,
}

/// One core's view of a snapshot. A request holds on to it, so that a reload never meets it half
/// way.
pub(crate) struct View {
    /// The snapshot.
    pub(crate) snapshot: Arc<Snapshot>,
    /// `Strict-Transport-Security`.
    pub(crate) hsts: Option<HeaderValue>,
    /// The fields whose other spellings do not cross.
    pub(crate) guarded: Rc<GuardedFields>,
    /// Where requests go: the first that fits, and `None` fits all.
    sites: Vec<(Option<Matcher>, Cluster)>,
}

/// The sockets of one core: clones of those that were bound once.
pub(crate) struct Listeners {
    /// Cleartext.
    pub(crate) http: Option<StdListener>,
    /// TLS.
    pub(crate) https: Option<StdListener>,
    /// HTTP/3; on one core.
    pub(crate) http3: Option<Http3Socket>,
}

/// Serves on the current thread until the gateway drains.
pub(crate) fn run(shared: Arc<Shared>, index: usize, listeners: Listeners) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, Worker::new(shared, index).serve(listeners))
}

impl Worker {
    fn new(shared: Arc<Shared>, index: usize) -> Rc<Self> {
        let view =
            RefCell::new(Rc::new(View::of(shared.snapshot.load_full(), &shared.descriptors)));
        Rc::new(Self {
            shared,
            counts: RefCell::default(),
            tally: RefCell::default(),
            random: RefCell::new(Random::new()),
            view,
            warned: Cell::new(false),
            fault_log: LogLimit::default(),
            accept_log: LogLimit::default(),
            full_log: LogLimit::default(),
            index,
            accepted: Cell::new(0),
        })
    }

    async fn serve(self: Rc<Self>, listeners: Listeners) -> io::Result<()> {
        let mut accepting = JoinSet::new();
        for (listener, over_tls) in [(listeners.http, false), (listeners.https, true)] {
            if let Some(listener) = listener {
                let listener = TcpListener::from_std(listener)?;
                accepting.spawn_local(accept(Rc::clone(&self), listener, over_tls));
            }
        }
        if let Some(socket) = listeners.http3 {
            let worker = Rc::clone(&self);
            accepting.spawn_local(async move {
                if let Err(error) = http3::serve_http3(worker, socket).await {
                    tracing::error!(%error, "HTTP/3 is not served");
                }
            });
        }
        let housekeeping = spawn_local(Rc::clone(&self).keep_house());
        let telling = spawn_local(Rc::clone(&self).tell_control());
        self.drain_begins().await;
        let limit = self.limits().drain;
        let deadline = Instant::now() + limit;
        // HTTP/3 drains there, within the same time.
        while accepting.join_next().await.is_some() {}
        let drained = timeout_at(deadline, self.all_closed()).await;
        if drained.is_err() {
            tracing::warn!(?limit, "some requests did not finish in time and were cut off");
        }
        housekeeping.abort();
        telling.abort();
        self.hand_over();
        Ok(())
    }

    async fn drain_begins(&self) {
        let mut draining = self.shared.draining.subscribe();
        // The sender is in `shared`.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    /// Once a second: counters are handed over, rested upstream connections closed.
    async fn keep_house(self: Rc<Self>) {
        let mut every = interval(Duration::from_secs(1));
        loop {
            every.tick().await;
            self.hand_over();
            self.view().sweep();
        }
    }

    /// As often as control looks: what was seen for the breakers is handed in.
    async fn tell_control(self: Rc<Self>) {
        let mut every = interval(rollout::EVERY);
        loop {
            every.tick().await;
            let tally = self.tally.take();
            if !tally.is_empty() {
                self.shared.control.hand_in(tally);
            }
        }
    }

    /// The client connections that the process may have open, at most. A reload may have changed
    /// it.
    fn most_connections(&self) -> usize {
        let wanted = self.view().snapshot.settings.file.limits.connections;
        wanted.min(self.shared.descriptors.clients).max(1)
    }

    /// Waits until one more connection may be opened, and takes its place. The one that has been
    /// idle for longest makes room; if none is idle, the client waits.
    async fn make_room(&self) {
        let clients = &self.shared.clients;
        let mut waited = false;
        loop {
            let mut closed = pin!(clients.closed.notified());
            closed.as_mut().enable();
            let most = self.most_connections();
            if clients.take_place(most) {
                return;
            }
            match clients.make_room(most, self.shared.descriptors.leaving) {
                Room::Made => return clients.add_place(),
                Room::Awaited => drop(timeout(Duration::from_nanos(REST), closed).await),
                Room::Lost => {}
                Room::None => {
                    self.warn_of_full(most, waited);
                    waited = timeout(Duration::from_secs(1), closed).await.is_err();
                }
            }
        }
    }

    fn warn_of_full(&self, most: usize, waited: bool) {
        if waited && let Some(suppressed) = self.full_log.admit() {
            tracing::warn!(most, suppressed, "every connection is busy: new ones wait");
        }
    }

    fn register(self: &Rc<Self>) -> Registered {
        let (number, activity) = (self.accepted.get(), Activity::new());
        self.accepted.set(number + 1);
        self.idle_marks().insert(number, activity.idle_mark());
        Registered { worker: Rc::clone(self), number, activity }
    }

    /// The connections of this core. Another core looks at them only when the process is at its
    /// limit.
    fn idle_marks(&self) -> MutexGuard<'_, IdleMarks> {
        self.shared.clients.core(self.index)
    }

    async fn all_closed(&self) {
        loop {
            let mut closed = pin!(self.shared.clients.closed.notified());
            closed.as_mut().enable();
            if self.idle_marks().is_empty() {
                return;
            }
            closed.await;
        }
    }

    fn hand_over(&self) {
        let counts = self.counts.take();
        self.shared.totals.lock().unwrap_or_else(PoisonError::into_inner).absorb(counts);
    }

    /// The limits of now.
    pub(crate) fn limits(&self) -> Limits {
        self.view().snapshot.settings.file.limits.clone()
    }

    /// The snapshot of now, as this core sees it.
    pub(crate) fn view(&self) -> Rc<View> {
        let current = self.shared.snapshot.load();
        let mut view = self.view.borrow_mut();
        if !Arc::ptr_eq(&view.snapshot, &current) {
            *view = Rc::new(View::of(Arc::clone(&current), &self.shared.descriptors));
        }
        Rc::clone(&view)
    }

    /// Counts a fault by its cause, and logs what the operator has to know of it.
    pub(crate) fn count_fault(&self, fault: &Fault, request_id: &str) {
        Counts::add(&mut self.counts.borrow_mut().faults, fault.cause());
        let Some(report) = fault.report() else { return };
        if let Some(suppressed) = self.fault_log.admit() {
            let status = fault.status().as_u16();
            tracing::warn!(status, request_id, suppressed, "{report}");
        }
    }

    /// Counts a connection that ended badly.
    pub(crate) fn count_ending(&self, ending: Ending) {
        Counts::add(&mut self.counts.borrow_mut().endings, ending.cause());
    }

    /// Counts a connection if it ended badly.
    pub(crate) fn count_ended(&self, ended: Result<(), Ending>) {
        if let Err(ending) = ended {
            self.count_ending(ending);
        }
    }

    /// A peer looks like a proxy that nobody declared: said once, counted always.
    pub(crate) fn sighted(&self, peer: IpAddr) {
        self.counts.borrow_mut().undeclared += 1;
        if !self.warned.replace(true) {
            tracing::warn!(
                %peer,
                "a private peer sends X-Forwarded-Proto but is no declared proxy: what its clients speak is treated as \
                 unknown. Declare it as a [[gateway.proxy]]"
            );
        }
    }
}

impl View {
    fn of(snapshot: Arc<Snapshot>, descriptors: &Arc<DescriptorBudget>) -> Self {
        let file = &snapshot.settings.file;
        let limit = file.limits.upstream_connect;
        let upstreams =
            file.upstreams.iter().zip(&snapshot.upstream_tls).zip(&snapshot.upstream_health);
        let sites = upstreams.map(|((upstream, tls), health)| {
            let connector = Rc::new(UpstreamConnector::with_descriptors(
                Arc::clone(tls),
                limit,
                Arc::clone(descriptors),
            ));
            (
                (!takes_all(upstream)).then(|| upstream.matcher.clone()),
                Cluster::new(upstream, health, &connector),
            )
        });
        let sites = sites.collect();
        let hsts = file.gateway.hsts.as_ref().map(strict_transport_security);
        let hsts = hsts.and_then(|value| HeaderValue::try_from(value).ok());
        let guarded = Rc::new(GuardedFields::new(&snapshot.policy, &file.gateway.proxies));
        Self { snapshot, hsts, guarded, sites }
    }

    /// The site that a request goes to.
    pub(crate) fn site(&self, facts: &Facts<'_>) -> Option<&Cluster> {
        let fits =
            |matcher: &Option<Matcher>| matcher.as_ref().is_none_or(|matcher| matcher.fits(facts));
        self.sites.iter().find(|(matcher, _)| fits(matcher)).map(|(_, site)| site)
    }

    /// Closes upstream connections that have rested too long.
    fn sweep(&self) {
        for (_, site) in &self.sites {
            site.close_idle(&self.snapshot.settings.file.limits);
        }
    }
}

/// A client's connection among those of its core, until it is dropped.
struct Registered {
    worker: Rc<Worker>,
    number: u64,
    activity: Rc<Activity>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.worker.idle_marks().remove(&self.number);
        if self.activity.is_evicted() {
            self.worker.count_ending(Ending::Evicted);
        }
        self.worker.shared.clients.ended();
    }
}

/// Accepts until the gateway drains.
async fn accept(worker: Rc<Worker>, listener: TcpListener, over_tls: bool) {
    let mut draining = worker.shared.draining.subscribe();
    loop {
        let next = async {
            let accepted = listener.accept().await;
            if accepted.is_ok() {
                // Further clients wait in the kernel's queue meanwhile.
                worker.make_room().await;
            }
            accepted
        };
        let accepted = tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining) => break,
            accepted = next => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => drop(spawn_local(serve_one(worker.register(), tcp, peer, over_tls))),
            Err(error) => {
                if let Some(suppressed) = worker.accept_log.admit() {
                    tracing::warn!(%error, suppressed, "a connection could not be accepted");
                }
                // Out of file descriptors, mostly: to try again at once would be to spin.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    accept_queued(&worker, &listener, over_tls).await;
}

/// Accepts the connections that the kernel holds for `listener`: closing it would reset them.
async fn accept_queued(worker: &Rc<Worker>, listener: &TcpListener, over_tls: bool) {
    while let Some((tcp, peer)) = next_queued(listener).await {
        worker.shared.clients.add_place();
        drop(spawn_local(serve_one(worker.register(), tcp, peer, over_tls)));
    }
}

async fn next_queued(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(Ok(accepted)) => Poll::Ready(Some(accepted)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn serve_one(registered: Registered, tcp: TcpStream, peer: SocketAddr, over_tls: bool) {
    let (worker, activity) = (Rc::clone(&registered.worker), Rc::clone(&registered.activity));
    worker.counts.borrow_mut().connections += 1;
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    if over_tls {
        downstream::over_tls(worker, tcp, peer, activity).await;
    } else {
        downstream::cleartext(worker, tcp, peer, activity).await;
    }
    drop(registered);
}
