//! One core: its runtime, its connections, its upstream connections, its counters.
//!
//! Nothing here is shared with another core but what stands in [`Shared`], and of that a request reads one pointer.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, UdpSocket};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::{interval, sleep, timeout};

use crate::connection;
use crate::counts::{Counts, Ending};
use crate::fault::Fault;
use crate::http3;
use crate::settings::{Limits, Settings};
use crate::upstream::{Connector, Random, Site};

/// What a reload replaces, whole.
pub(crate) struct Snapshot {
    /// What the gateway was told.
    pub(crate) settings: Settings,
    /// The server's side of TLS, if there is a TLS listener.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// The same for TLS in band.
    pub(crate) in_band_tls: Option<Arc<ServerConfig>>,
    /// The same for QUIC.
    pub(crate) quic: Option<Arc<quinn::ServerConfig>>,
    /// The client's side of TLS, towards upstreams.
    pub(crate) upstream_tls: Arc<ClientConfig>,
    /// Grows with every reload.
    pub(crate) generation: u64,
}

/// What all cores share.
pub(crate) struct Shared {
    /// Read once per request.
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// What tells clients of HTTP/3.
    pub(crate) alt_svc: Option<HeaderValue>,
    /// Becomes true at shutdown.
    pub(crate) draining: watch::Sender<bool>,
    /// Where the cores hand over what they counted.
    pub(crate) totals: Mutex<crate::metrics::Metrics>,
}

/// One core.
pub(crate) struct Worker {
    /// What it shares with the others.
    pub(crate) shared: Arc<Shared>,
    /// What it counted since it last told.
    pub(crate) counts: RefCell<Counts>,
    /// Its random numbers.
    pub(crate) random: RefCell<Random>,
    sites: RefCell<Vec<Rc<Site>>>,
    sites_generation: Cell<Option<u64>>,
    warned: Cell<bool>,
}

/// The sockets of one core: clones of those that were bound once.
pub(crate) struct Listeners {
    /// Cleartext.
    pub(crate) http: Option<StdListener>,
    /// TLS.
    pub(crate) https: Option<StdListener>,
    /// HTTP/3; on one core.
    pub(crate) http3: Option<UdpSocket>,
    /// Connections that this core may hold open.
    pub(crate) connections: usize,
}

/// Serves on the current thread until the gateway drains.
pub(crate) fn run(shared: Arc<Shared>, listeners: Listeners) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, Worker::new(shared).serve(listeners))
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            counts: RefCell::default(),
            random: RefCell::new(Random::new()),
            sites: RefCell::default(),
            sites_generation: Cell::new(None),
            warned: Cell::new(false),
        })
    }

    async fn serve(self: Rc<Self>, listeners: Listeners) -> io::Result<()> {
        let open = Arc::new(Semaphore::new(listeners.connections));
        let mut accepting = JoinSet::new();
        for (listener, over_tls) in [(listeners.http, false), (listeners.https, true)] {
            if let Some(listener) = listener {
                let listener = TcpListener::from_std(listener)?;
                accepting.spawn_local(accept(Rc::clone(&self), listener, over_tls, Arc::clone(&open)));
            }
        }
        if let Some(socket) = listeners.http3 {
            let worker = Rc::clone(&self);
            accepting.spawn_local(async move {
                if let Err(error) = http3::listen(worker, socket).await {
                    tracing::error!(%error, "HTTP/3 is not served");
                }
            });
        }
        let housekeeping = spawn_local(Rc::clone(&self).keep_house());
        while accepting.join_next().await.is_some() {}
        let limit = self.limits().drain;
        let all = u32::try_from(listeners.connections).unwrap_or(u32::MAX);
        let drained = timeout(limit, open.acquire_many(all)).await;
        if drained.is_err() {
            tracing::warn!(?limit, "some requests did not finish in time and were cut off");
        }
        housekeeping.abort();
        self.hand_over();
        Ok(())
    }

    /// Once a second: counters are handed over, rested upstream connections closed.
    async fn keep_house(self: Rc<Self>) {
        let mut every = interval(Duration::from_secs(1));
        loop {
            every.tick().await;
            self.hand_over();
            let limits = self.limits();
            for site in self.sites.borrow().iter() {
                site.sweep(&limits);
            }
        }
    }

    fn hand_over(&self) {
        let counts = self.counts.take();
        self.shared.totals.lock().unwrap_or_else(PoisonError::into_inner).absorb(counts);
    }

    /// The limits of now.
    pub(crate) fn limits(&self) -> Limits {
        self.shared.snapshot.load().settings.limits.clone()
    }

    /// The site that a request goes to.
    pub(crate) fn site(&self) -> Option<Rc<Site>> {
        let generation = self.shared.snapshot.load().generation;
        if self.sites_generation.get() != Some(generation) {
            self.rebuild_sites();
        }
        self.sites.borrow().first().map(Rc::clone)
    }

    fn rebuild_sites(&self) {
        let snapshot = self.shared.snapshot.load();
        let limit = snapshot.settings.limits.upstream_connect;
        let connector = Rc::new(Connector::new(Arc::clone(&snapshot.upstream_tls), limit));
        let sites = snapshot.settings.upstreams.iter();
        self.sites.replace(sites.map(|site| Rc::new(Site::new(&site.addresses, site.http, &connector))).collect());
        self.sites_generation.set(Some(snapshot.generation));
    }

    /// Counts a fault by its cause.
    pub(crate) fn count_fault(&self, fault: &Fault) {
        Counts::add(&mut self.counts.borrow_mut().faults, fault.cause());
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

/// Accepts until the gateway drains.
async fn accept(worker: Rc<Worker>, listener: TcpListener, over_tls: bool, open: Arc<Semaphore>) {
    let mut draining = worker.shared.draining.subscribe();
    loop {
        let next = async {
            // At the limit, connections wait in the kernel's queue.
            let permit = Arc::clone(&open).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining) => return,
            next = next => next,
        };
        let Ok(permit) = permit else { return };
        match accepted {
            Ok((tcp, peer)) => {
                let serving = serve_one(Rc::clone(&worker), tcp, peer, over_tls);
                spawn_local(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: to try again at once would be to spin.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_one(worker: Rc<Worker>, tcp: TcpStream, peer: SocketAddr, over_tls: bool) {
    worker.counts.borrow_mut().connections += 1;
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    if over_tls {
        connection::over_tls(worker, tcp, peer).await;
    } else {
        connection::clear(worker, tcp, peer).await;
    }
}
