//! The connections of the admin listener. They have the limits of client connections: slow headers,
//! slow reads and idle connections time out. However many there are, a health check gets through.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use axum::Router;
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Duration, sleep, timeout};
use tower::ServiceExt as _;
use upshift_config::Limits;

use crate::downstream::codec::drive_codec;
use crate::downstream::stream::{ClientStream, ClientTransport};
use crate::progress::activity::{Activity, ActivityTimeouts, BusyGuard};
use crate::telemetry::log_limit::LogLimit;

/// The limit of open connections. A new one beyond it closes the oldest.
const MAX_CONNECTIONS: usize = 256;

/// The address that a request comes from.
#[derive(Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// Serves `router` on the current thread until `stopped` resolves. Once `draining` is true, it
/// accepts no more connections, so that another process can bind the port. A connection has the
/// limits that `limits` returns when it is accepted.
pub(crate) fn run_admin(
    listener: StdListener,
    router: Router,
    limits: impl Fn() -> Limits,
    mut draining: watch::Receiver<bool>,
    mut stopped: oneshot::Receiver<()>,
) {
    let serving = async {
        let listener = TcpListener::from_std(listener)?;
        tokio::select! {
            () = accept_connections(listener, router, limits) => {}
            _ = draining.wait_for(|draining| *draining) => {}
            _ = &mut stopped => return Ok(()),
        }
        // The sender is only dropped, so this resolves with an error.
        let _ = stopped.await;
        Ok(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.and_then(|runtime| LocalSet::new().block_on(&runtime, serving));
    if let Err(error) = served {
        tracing::error!(%error, "the admin listener failed");
    }
}

async fn accept_connections(listener: TcpListener, router: Router, limits: impl Fn() -> Limits) {
    let open: RefCell<VecDeque<Weak<Notify>>> = RefCell::default();
    let log = LogLimit::default();
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                close_if_dead(&tcp, limits().idle);
                let close = Rc::new(Notify::new());
                make_room(&mut open.borrow_mut(), &close);
                let connection = AdminConnection { tcp, peer: PeerAddress(peer.ip()), close };
                spawn_local(serve_connection(connection, router.clone(), limits()));
            }
            Err(error) => {
                if let Some(suppressed) = log.admit() {
                    tracing::warn!(%error, suppressed, "an admin connection could not be accepted");
                }
                // Usually the process is out of descriptors, and an immediate retry would spin.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Closes the connection if its client does not confirm what it was sent within `limit`. A stream of
/// events is small, so that the system would take it for a dead client for a quarter of an hour.
fn close_if_dead(tcp: &TcpStream, limit: Duration) {
    if let Err(error) = SockRef::from(tcp).set_tcp_user_timeout(Some(limit)) {
        tracing::debug!(%error, "dead clients of the admin listener are closed late");
    }
}

/// Adds a connection, and closes the oldest if there are too many.
fn make_room(open: &mut VecDeque<Weak<Notify>>, close: &Rc<Notify>) {
    open.retain(|connection| connection.strong_count() > 0);
    if open.len() >= MAX_CONNECTIONS
        && let Some(oldest) = open.pop_front().and_then(|oldest| oldest.upgrade())
    {
        oldest.notify_one();
    }
    open.push_back(Rc::downgrade(close));
}

/// An accepted connection.
struct AdminConnection {
    tcp: TcpStream,
    peer: PeerAddress,
    /// Notified when it has to make room for another.
    close: Rc<Notify>,
}

async fn serve_connection(connection: AdminConnection, router: Router, limits: Limits) {
    let AdminConnection { tcp, peer, close } = connection;
    // Open connections stay usable during the drain, so that its progress can be watched.
    let never_draining = watch::channel(false).1;
    let activity = Activity::new(never_draining);
    let mut stream = ClientStream::new(ClientTransport::Cleartext(tcp), Rc::clone(&activity));
    stream.defer_shutdown();
    let counted = Rc::clone(&activity);
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        let (router, in_flight) = (router.clone(), counted.begin_request());
        // Also bounds the reading of a request body, which handlers do.
        let response = timeout(limits.idle, router.oneshot(request));
        async move { Ok::<_, Infallible>(counted_response(response.await.ok(), in_flight)) }
    });
    let mut codec = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let timeouts = ActivityTimeouts::from(&limits);
    let shut_down = |codec: Pin<&mut http1::Connection<_, _>>| codec.graceful_shutdown();
    let driven = drive_codec(Pin::new(&mut codec), shut_down, &activity, timeouts);
    tokio::select! {
        ended = driven => if let Err(reason) = ended {
            tracing::debug!(cause = reason.as_str(), "an admin connection ended");
        },
        () = close.notified() => {}
    }
    codec.into_parts().io.into_inner().close_gracefully(None).await;
}

/// The response of a handler, or a 408 if there is none in time.
fn counted_response(
    served: Option<Result<Response<axum::body::Body>, Infallible>>,
    in_flight: BusyGuard,
) -> Response<CountedBody> {
    let response = match served {
        Some(Ok(response)) => response,
        None => {
            let mut timed_out = Response::new(axum::body::Body::empty());
            *timed_out.status_mut() = http::StatusCode::REQUEST_TIMEOUT;
            timed_out
        }
    };
    response.map(|body| CountedBody { body, _in_flight: in_flight })
}

/// A response body whose request counts as in flight until the last byte.
struct CountedBody {
    body: axum::body::Body,
    _in_flight: BusyGuard,
}

impl http_body::Body for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}
