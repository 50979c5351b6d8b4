//! One request, sent to one replica.

use std::cell::Cell;
use std::error::Error as _;
use std::rc::Rc;

use http::{Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, sleep_until};
use upshift_config::Limits;

use super::inbound;
use super::outbound::{Outbound, Spare};
use crate::body::{Body, Upload, UploadState};
use crate::local_reply::Fault;
use crate::upstream::{ConnectError, Failure, Lease, Link, Load, Replica, SendError};

/// As many connections that rested too long are tried before a new one is opened.
const MAX_STALE: usize = 8;

/// A client that gives up after this wait did so because of the replica.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long an upstream may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// To the head of its answer, once it has the whole request.
    response: Duration,
    /// Between two pieces of a body, in either direction.
    pub(super) silence: Duration,
}

impl Timeouts {
    /// Those of `limits`.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { response: limits.upstream_response, silence: limits.upstream_silence }
    }
}

/// How one request is sent, whichever replica it goes to.
pub(super) struct Sending {
    pub(super) upload: Rc<Upload>,
    pub(super) timeouts: Timeouts,
    pub(super) is_head: bool,
}

/// The connections that a request may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// One that served before, or else a new one.
    Any,
    /// A new one.
    New,
    /// A new one that may be switched to another protocol.
    Own,
}

/// Why a replica gave no answer that goes to the client.
pub(super) enum Attempt<T> {
    /// The request is as good as new.
    Untouched(Box<Outbound>, Fault),
    /// The request may have been seen.
    Failed {
        /// What the client gets if nothing better comes.
        outcome: Box<Result<T, Fault>>,
        /// What may be sent in its place.
        copy: Option<Box<Outbound>>,
        /// The same replica may be asked once more, on a new connection.
        again: bool,
        /// The replica has not processed it.
        unprocessed: bool,
    },
}

/// The head of an answer.
struct Answered {
    response: Response<Incoming>,
    lease: Lease,
    /// What may be sent if this is not the answer that the client gets.
    copy: Option<Box<Outbound>>,
}

/// A connection to an upstream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// It served before, and has rested for this time.
    Reused(Duration),
    /// It was opened for this request.
    New,
}

/// Why a link gave no answer.
enum Unanswered {
    /// The connection was gone before the request could be written.
    Unsent(Box<Outbound>, Load),
    /// The request may have been seen.
    Failed { fault: Fault, copy: Option<Box<Outbound>>, repeat: Repeat },
}

/// Where a request that failed may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Nowhere: the client is at fault, or this process.
    Never,
    /// At another replica, if its method and content allow that: this one was given its chance.
    Elsewhere,
    /// At the same replica as well: it closed a connection that had served before (RFC 9112
    /// §9.3.1).
    Anywhere,
    /// Anywhere and with any method: it was not processed (RFC 9113 §8.7).
    Unprocessed,
}

impl Sending {
    /// Asks `replica`, and returns its answer if it is not one that another replica may have a
    /// better one for.
    pub(super) async fn attempt(
        &self,
        request: Outbound,
        replica: &Rc<Replica>,
        take: Take,
    ) -> Result<Response<Body>, Attempt<Response<Body>>> {
        let Answered { response, lease, copy } = self.exchange(request, replica, take).await?;
        let status = response.status();
        match inbound(response, lease, &replica.name, self.is_head, self.timeouts).await {
            Ok(response) if copy.is_some() && is_of_a_bad_replica(status) => Err(Attempt::Failed {
                outcome: Box::new(Ok(response)),
                copy,
                again: false,
                unprocessed: false,
            }),
            Ok(response) => Ok(response),
            Err(fault) => Err(failed(fault, copy, Repeat::Elsewhere)),
        }
    }

    /// The same for a request that offers another protocol.
    pub(super) async fn attempt_switch<'s>(
        &self,
        request: Outbound,
        replica: &'s Rc<Replica>,
    ) -> Result<Switching<'s>, Attempt<Switching<'s>>> {
        let Answered { response, lease, copy } = self.exchange(request, replica, Take::Own).await?;
        // RFC 9110 §7.8: "the client cannot begin using an upgraded protocol on the connection
        // until it has completely sent the request message", so the upstream may not switch before.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && self.upload.state().0 != UploadState::Done
        {
            let what = "switched protocols before it had the whole request".to_owned();
            return Err(failed(Fault::BadGateway(replica.name.clone(), what), None, Repeat::Never));
        }
        let is_bad = is_of_a_bad_replica(response.status());
        let answer = (response, lease, replica.name.as_str());
        match copy {
            Some(_) if is_bad => Err(Attempt::Failed {
                outcome: Box::new(Ok(answer)),
                copy,
                again: false,
                unprocessed: false,
            }),
            _ => Ok(answer),
        }
    }

    async fn exchange<T>(
        &self,
        request: Outbound,
        replica: &Rc<Replica>,
        take: Take,
    ) -> Result<Answered, Attempt<T>> {
        let waiting = Waiting {
            replica,
            upload: &self.upload,
            since: Instant::now(),
            over: Cell::new(false),
        };
        let answered = self.exchange_patiently(request, replica, take).await;
        waiting.over.set(true);
        answered
    }

    async fn exchange_patiently<T>(
        &self,
        mut request: Outbound,
        replica: &Rc<Replica>,
        take: Take,
    ) -> Result<Answered, Attempt<T>> {
        let Some(mut load) = replica.load() else {
            return Err(Attempt::Untouched(
                Box::new(request),
                Fault::UpstreamBusy(replica.name.clone()),
            ));
        };
        // Connections that rested may have been closed meanwhile: then the request comes back, and
        // the next one is tried.
        for _ in 0..if take == Take::Any { MAX_STALE } else { 0 } {
            let Some((link, rested)) = replica.pool.reuse() else { break };
            match self.send(link, request, load, Connection::Reused(rested)).await {
                Err(Unanswered::Unsent(back, place)) => (request, load) = (*back, place),
                Err(Unanswered::Failed { fault, copy, repeat }) => {
                    return Err(failed(fault, copy, repeat));
                }
                Ok(answered) => return Ok(answered),
            }
        }
        let opened = if take == Take::Own {
            replica.pool.open_own().await
        } else {
            replica.pool.open().await
        };
        let link = match opened {
            Ok(link) => link,
            Err(error) => return Err(not_connected(replica, error, request)),
        };
        match self.send(link, request, load, Connection::New).await {
            Err(Unanswered::Unsent(back, _)) => {
                Err(Attempt::Untouched(back, closed_at_once(replica)))
            }
            Err(Unanswered::Failed { fault, copy, repeat }) => Err(failed(fault, copy, repeat)),
            Ok(answered) => Ok(answered),
        }
    }

    async fn send(
        &self,
        link: Link,
        mut request: Outbound,
        load: Load,
        connection: Connection,
    ) -> Result<Answered, Unanswered> {
        let http2 = link.is_http2();
        let spare = request.spare(http2);
        let kept = request.kept();
        let replica = load.owner();
        let request = request.into_request(http2, &replica);
        let answer = tokio::select! {
            biased;
            answer = link.send(request, load) => answer,
            what = timed_out(&self.upload, self.timeouts) => return Err(late(&replica, what, spare)),
        };
        match answer {
            Ok((response, lease)) => {
                if connection != Connection::New {
                    replica.reused();
                }
                Ok(Answered { response, lease, copy: spare.and_then(Spare::safe) })
            }
            Err(SendError::Unsent(unsent)) => {
                let (request, load) = *unsent;
                if connection == Connection::New {
                    replica.failed(Failure::Broken);
                }
                Err(Unanswered::Unsent(Box::new(Outbound::back(request, kept)), load))
            }
            Err(SendError::Broken(error)) => Err(self.broken(&error, spare, &replica, connection)),
        }
    }

    /// The meaning of a broken connection or stream: a body that its client did not finish breaks
    /// it, too.
    fn broken(
        &self,
        error: &hyper::Error,
        spare: Option<Spare>,
        replica: &Replica,
        connection: Connection,
    ) -> Unanswered {
        let fault = match self.upload.state().0 {
            UploadState::Failed => {
                Some(Fault::Framing("The request's body broke off or is malformed."))
            }
            UploadState::Stalled => Some(Fault::BodyTimeout),
            _ => None,
        };
        if let Some(fault) = fault {
            return Unanswered::Failed { fault, copy: None, repeat: Repeat::Never };
        }
        tracing::debug!(upstream = %replica.name, %error, "no answer");
        let breach = Breach::of(error);
        match (breach, connection) {
            // RFC 9112 §9.3.1: one that rested may be closed at any time.
            (Breach::Closed, Connection::Reused(rested)) => replica.closed(rested),
            // RFC 9113 §6.8: so may one of HTTP/2; what came too late for it was not processed.
            (Breach::Leaving, Connection::Reused(_)) => {}
            _ => replica.failed(Failure::Broken),
        }
        let repeat = breach.repeat(connection);
        let copy = match repeat {
            Repeat::Unprocessed => spare.and_then(Spare::unprocessed),
            _ => spare.and_then(Spare::safe),
        };
        Unanswered::Failed {
            fault: Fault::BadGateway(replica.name.clone(), breach.what().to_owned()),
            copy,
            repeat,
        }
    }
}

/// An answer to an offer of another protocol, and the name of the replica.
pub(super) type Switching<'s> = (Response<Incoming>, Lease, &'s str);

/// The wait for the head of an answer. It counts against the replica if it ends because the client
/// gave up.
struct Waiting<'a> {
    replica: &'a Replica,
    upload: &'a Upload,
    since: Instant,
    over: Cell<bool>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (state, moved) = self.upload.state();
        // While the client owes content, the replica has nothing to answer.
        let is_due = matches!(state, UploadState::Done | UploadState::Upstream);
        if !self.over.get() && is_due && self.since.max(moved).elapsed() >= PATIENCE {
            self.replica.failed(Failure::Abandoned);
        }
    }
}

/// How a connection or a stream broke.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breach {
    /// The connection was closed or reset.
    Closed,
    /// The connection goes away in good order, and the stream came too late for it.
    Leaving,
    /// The connection ends because of an error, and the stream was not processed.
    Failing,
    /// The stream was refused before it was processed.
    Refused,
    /// The stream was reset.
    Reset,
    /// What came is no HTTP.
    Malformed,
}

impl Breach {
    fn of(error: &hyper::Error) -> Self {
        if error.is_parse() {
            return Self::Malformed;
        }
        let Some(error) = error.source().and_then(|source| source.downcast_ref::<h2::Error>())
        else {
            return Self::Closed;
        };
        match error.reason() {
            None => Self::Closed,
            // The codec raised it itself.
            Some(_) if !error.is_remote() => Self::Malformed,
            // The codec gives this to streams that are above the last one that was processed, and
            // to no other.
            Some(h2::Reason::NO_ERROR) if error.is_go_away() => Self::Leaving,
            Some(_) if error.is_go_away() => Self::Failing,
            Some(h2::Reason::REFUSED_STREAM) => Self::Refused,
            Some(_) => Self::Reset,
        }
    }

    fn repeat(self, connection: Connection) -> Repeat {
        match self {
            // RFC 9113 §8.7: such requests "have not been processed", and "can be safely retried".
            Self::Leaving | Self::Failing | Self::Refused => Repeat::Unprocessed,
            Self::Closed if connection != Connection::New => Repeat::Anywhere,
            Self::Closed | Self::Reset | Self::Malformed => Repeat::Elsewhere,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Closed | Self::Leaving | Self::Failing => "closed the connection",
            Self::Refused => "refused the request",
            Self::Reset => "reset the stream",
            Self::Malformed => "answered something that is no HTTP",
        }
    }
}

fn failed<T>(fault: Fault, copy: Option<Box<Outbound>>, repeat: Repeat) -> Attempt<T> {
    let copy = copy.filter(|_| repeat != Repeat::Never);
    let again = matches!(repeat, Repeat::Anywhere | Repeat::Unprocessed);
    let unprocessed = repeat == Repeat::Unprocessed;
    Attempt::Failed { outcome: Box::new(Err(fault)), copy, again, unprocessed }
}

/// Statuses by which a server says that it cannot serve at the moment, or that the one behind it
/// does not.
fn is_of_a_bad_replica(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

fn late(replica: &Replica, what: &'static str, spare: Option<Spare>) -> Unanswered {
    // An HTTP/2 connection that is silent for one request may be so for all.
    replica.pool.retire_shared();
    replica.failed(Failure::Timeout);
    let fault = Fault::UpstreamTimeout(replica.name.clone(), what);
    Unanswered::Failed { fault, copy: spare.and_then(Spare::safe), repeat: Repeat::Elsewhere }
}

fn closed_at_once(replica: &Replica) -> Fault {
    Fault::BadGateway(replica.name.clone(), "closed the connection at once".to_owned())
}

fn not_connected<T>(replica: &Replica, error: ConnectError, request: Outbound) -> Attempt<T> {
    // The next one could not be reached either: the replica did nothing wrong.
    if matches!(error, ConnectError::OutOfDescriptors) {
        return failed(Fault::OutOfDescriptors, None, Repeat::Never);
    }
    replica.failed(Failure::Connect);
    Attempt::Untouched(Box::new(request), unreachable(&replica.name, error))
}

/// Resolves when the upstream has had the whole request for too long, or has asked for nothing more
/// of it. While the client owes bytes of it, the body itself keeps the time.
async fn timed_out(upload: &Upload, timeouts: Timeouts) -> &'static str {
    let mut wake = Instant::now() + timeouts.response.min(timeouts.silence);
    loop {
        sleep_until(wake).await;
        let now = Instant::now();
        let (due, what) = match upload.state() {
            (UploadState::Done, since) => (since + timeouts.response, "to answer"),
            (UploadState::Upstream, since) => (since + timeouts.silence, "to take the request"),
            _ => (now + timeouts.silence, ""),
        };
        if due <= now {
            return what;
        }
        wake = due;
    }
}

fn unreachable(name: &str, error: ConnectError) -> Fault {
    match error {
        ConnectError::Timeout => Fault::UpstreamTimeout(name.to_owned(), "to accept a connection"),
        ConnectError::OutOfDescriptors => Fault::OutOfDescriptors,
        ConnectError::Failed(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "it refuses connections".to_owned(),
                _ => error.to_string(),
            };
            Fault::Unreachable(name.to_owned(), why)
        }
    }
}
