//! A serving thread: its runtime, its accept loops, and the housekeeping of its core.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};

use crate::client_connections::{IdleMarks, MIN_IDLE_NANOS, Room};
use crate::core_local::CoreLocal;
use crate::downstream::{AcceptedTcp, ClientListener, http3, serve_tcp};
use crate::progress::activity::Activity;
use crate::rollout;
use crate::shared::Shared;
use crate::sockets::{BACKLOG, Http3Socket};
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::log_limit::LogLimit;

/// The sockets of one worker: clones of those that were bound once.
pub(crate) struct Listeners {
    /// Cleartext.
    pub(crate) http: Option<StdListener>,
    /// TLS.
    pub(crate) https: Option<StdListener>,
    /// HTTP/3, on one worker only.
    pub(crate) http3: Option<Http3Socket>,
}

/// Serves on the current thread until the gateway has drained.
pub(crate) fn run_worker(
    shared: Arc<Shared>,
    index: usize,
    listeners: Listeners,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let worker = Rc::new(Worker::new(shared, index));
    LocalSet::new().block_on(&runtime, worker.serve(listeners))
}

/// The accept loops of one core.
struct Worker {
    core: Rc<CoreLocal>,
    /// The place of the core among all.
    index: usize,
    accepted: Cell<u64>,
    accept_log: LogLimit,
    full_log: LogLimit,
}

impl Worker {
    fn new(shared: Arc<Shared>, index: usize) -> Self {
        Self {
            core: Rc::new(CoreLocal::new(shared)),
            index,
            accepted: Cell::new(0),
            accept_log: LogLimit::default(),
            full_log: LogLimit::default(),
        }
    }

    async fn serve(self: Rc<Self>, listeners: Listeners) -> io::Result<()> {
        let mut accepting = JoinSet::new();
        for (socket, listener) in
            [(listeners.http, ClientListener::Http), (listeners.https, ClientListener::Https)]
        {
            if let Some(socket) = socket {
                let socket = TcpListener::from_std(socket)?;
                accepting.spawn_local(Rc::clone(&self).accept(socket, listener));
            }
        }
        if let Some(socket) = listeners.http3 {
            accepting.spawn_local(listen_http3(Rc::clone(&self.core), socket));
        }
        let housekeeping = spawn_local(keep_house(Rc::clone(&self.core)));
        let reporting = spawn_local(report_tally(Rc::clone(&self.core)));
        self.drain_begins().await;
        let limit = self.core.limits().drain;
        let deadline = Instant::now() + limit;
        // HTTP/3 drains there, within the same time.
        while accepting.join_next().await.is_some() {}
        let drained = timeout_at(deadline, self.all_closed()).await;
        if drained.is_err() {
            self.core.begin_cut_off();
            tracing::warn!(?limit, "some requests did not finish in time and were cut off");
        }
        housekeeping.abort();
        reporting.abort();
        self.core.flush_counts();
        self.core.flush_usage();
        Ok(())
    }

    async fn drain_begins(&self) {
        let mut draining = self.core.shared.draining.subscribe();
        // It cannot fail: the sender is in `shared`.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    /// Accepts until the gateway drains.
    async fn accept(self: Rc<Self>, socket: TcpListener, listener: ClientListener) {
        let mut draining = self.core.shared.draining.subscribe();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = draining.wait_for(|draining| *draining) => break,
                accepted = self.accept_one(&socket) => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    let accepted = AcceptedTcp { tcp, peer, listener };
                    drop(spawn_local(serve_one(self.register(), accepted)));
                }
                Err(error) => {
                    if let Some(suppressed) = self.accept_log.admit() {
                        tracing::warn!(%error, suppressed, "a connection could not be accepted");
                    }
                    // Mostly for want of file descriptors: trying again at once would spin.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        self.accept_queued(socket, listener);
    }

    async fn accept_one(&self, socket: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = socket.accept().await?;
        // Further clients wait in the kernel's queue meanwhile.
        self.make_room().await;
        Ok(accepted)
    }

    /// Accepts the connections that the kernel holds for `socket`: closing it would reset them.
    fn accept_queued(self: &Rc<Self>, socket: TcpListener, listener: ClientListener) {
        // The kernel is asked and not the runtime, which learns of a connection only when it polls
        // again, and returns a limited number of them in one turn.
        let Ok(socket) = socket.into_std() else { return };
        // Linux holds one connection more than the backlog.
        for _ in 0..=BACKLOG {
            let (tcp, peer) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(_) => return,
            };
            let Ok(tcp) = into_async(tcp) else { continue };
            self.core.shared.clients.add();
            let accepted = AcceptedTcp { tcp, peer, listener };
            drop(spawn_local(serve_one(self.register(), accepted)));
        }
    }

    /// The limit of client connections in this process. A reload may have changed it.
    fn most_connections(&self) -> usize {
        let wanted = self.core.generation().shared.settings.file.limits.connections;
        wanted.min(self.core.shared.descriptors.clients).max(1)
    }

    /// Waits until one more connection may be opened, and takes its place. The one that has been
    /// idle for longest makes room; if none is idle, the client waits.
    async fn make_room(&self) {
        let shared = &self.core.shared;
        let mut waited = false;
        loop {
            let mut closed = pin!(shared.clients.closed.notified());
            // A connection that ends between here and the wait must not be missed.
            closed.as_mut().enable();
            let most = self.most_connections();
            if shared.clients.try_add(most) {
                return;
            }
            match shared.clients.make_room(most, shared.descriptors.leaving) {
                Room::Made => return shared.clients.add(),
                Room::Awaited => drop(timeout(Duration::from_nanos(MIN_IDLE_NANOS), closed).await),
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
            tracing::warn!(
                limit = most,
                suppressed,
                "the connection limit is reached and no connection is idle: new clients wait"
            );
        }
    }

    fn register(self: &Rc<Self>) -> Registered {
        let (number, activity) = (self.accepted.get(), self.core.new_activity());
        self.accepted.set(number + 1);
        self.idle_marks().insert(number, activity.idle_mark());
        Registered { worker: Rc::clone(self), number, activity }
    }

    /// The connections of this core. Another core looks at them only when the process is at its
    /// limit.
    fn idle_marks(&self) -> MutexGuard<'_, IdleMarks> {
        self.core.shared.clients.marks_of_core(self.index)
    }

    async fn all_closed(&self) {
        loop {
            let mut closed = pin!(self.core.shared.clients.closed.notified());
            closed.as_mut().enable();
            if self.idle_marks().is_empty() {
                return;
            }
            closed.await;
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
        let core = &self.worker.core;
        if self.activity.is_evicted() {
            core.count_disconnect(DisconnectReason::Evicted);
        }
        core.shared.clients.remove();
    }
}

async fn serve_one(registered: Registered, accepted: AcceptedTcp) {
    let core = Rc::clone(&registered.worker.core);
    let open = core.open_connection(accepted.listener.label());
    serve_tcp(core, accepted, Rc::clone(&registered.activity)).await;
    drop((open, registered));
}

fn into_async(tcp: StdStream) -> io::Result<TcpStream> {
    tcp.set_nonblocking(true)?;
    TcpStream::from_std(tcp)
}

async fn listen_http3(core: Rc<CoreLocal>, socket: Http3Socket) {
    if let Err(error) = http3::serve_http3(core, socket).await {
        tracing::error!(%error, "HTTP/3 is not served");
    }
}

/// Merges the counters and closes idle upstream connections, once a second.
async fn keep_house(core: Rc<CoreLocal>) {
    let mut every = interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        core.flush_counts();
        core.flush_usage();
        core.flush_feed();
        core.generation().do_housekeeping();
    }
}

/// Reports to the breaker as often as it looks. While no request comes, it sleeps.
async fn report_tally(core: Rc<CoreLocal>) {
    loop {
        core.await_tally().await;
        sleep(rollout::TICK_INTERVAL).await;
        core.flush_tally();
    }
}
