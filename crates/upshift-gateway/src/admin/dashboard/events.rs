//! `GET /events`: decisions as they are made, and summaries, as server-sent events.
//!
//! 1. A watcher that reads slowly loses decisions and learns how many. A dead one is found by the
//!    limits of its connection, because something is sent every few seconds.
//! 2. The stream ends when its reader no longer has access, and when the gateway drains, so that the
//!    page connects to the process that follows.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use upshift_record::live::LeftOut;

use super::live_summary::Summaries;
use crate::admin::auth::{AdminAccess, Caller};
use crate::admin::problem::ApiProblem;
use crate::shared::Shared;
use crate::telemetry::decision_feed::{FeedWatcher, MAX_WATCHERS};

/// The path of the live feed.
pub(super) const EVENTS_PATH: &str = "/events";

/// The time between two summaries.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(3);
/// The time after which a browser connects again.
const RETRY: Duration = Duration::from_secs(3);

/// The state of the route.
#[derive(Clone)]
pub(super) struct Events {
    shared: Arc<Shared>,
    summaries: Arc<Summaries>,
    access: AdminAccess,
}

impl Events {
    pub(super) fn new(shared: &Arc<Shared>, access: AdminAccess) -> Self {
        let summaries = Arc::new(Summaries::new(Arc::clone(shared)));
        Self { shared: Arc::clone(shared), summaries, access }
    }
}

/// Serves `/events`.
pub(super) async fn stream_events(State(events): State<Events>, headers: HeaderMap) -> Response {
    let Some(watcher) = events.shared.feed.watch() else {
        let detail = format!("{MAX_WATCHERS} pages watch already: close one of them");
        let mut response = ApiProblem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response();
        let retry = HeaderValue::from(RETRY.as_secs() * 10);
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, retry);
        return response;
    };
    let mut ticks = interval(SUMMARY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let draining = events.shared.draining.subscribe();
    let stream = EventStream { events, watcher, ticks, draining, headers, due: VecDeque::new() };
    let stream = unfold(stream, async |mut stream| {
        let event = stream.next_event().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let mut response = Sse::new(stream).into_response();
    // nginx, which may be in front of this listener, would hold the events back.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(unbuffered, HeaderValue::from_static("no"));
    response
}

/// The events for one reader.
struct EventStream {
    events: Events,
    watcher: FeedWatcher,
    ticks: Interval,
    draining: watch::Receiver<bool>,
    /// The fields of the request, which decide on access.
    headers: HeaderMap,
    due: VecDeque<Event>,
}

impl EventStream {
    /// Waits for the next event; `None` at the end.
    async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some(event);
            }
            if *self.draining.borrow() {
                return None;
            }
            tokio::select! {
                _ = self.draining.changed() => {}
                _ = self.ticks.tick() => {
                    if !self.has_access() {
                        return None;
                    }
                    self.add_summary();
                }
                decision = self.watcher.next_event() => {
                    return Some(Event::default().event("decision").data(&*decision?));
                }
            }
        }
    }

    /// Returns true if the reader still has access: the session may have ended, or the token changed.
    fn has_access(&self) -> bool {
        match self.events.access.identify(&self.headers) {
            Caller::Local | Caller::Bearer | Caller::LoggedIn(_) => true,
            Caller::Unknown | Caller::Refused(_) => false,
        }
    }

    fn add_summary(&mut self) {
        let decisions = self.watcher.take_left_out();
        if decisions > 0 {
            let data = serde_json::to_string(&LeftOut { decisions }).unwrap_or_default();
            self.due.push_back(Event::default().event("left-out").data(data));
        }
        let summary = self.events.summaries.current_json();
        self.due.push_back(Event::default().event("summary").retry(RETRY).data(&*summary));
    }
}
