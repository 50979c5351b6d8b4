//! One call: attempt after attempt, until a response is returned to the caller.

mod failure;
mod next_step;
mod recall;

use std::future::poll_fn;
use std::sync::Arc;

use http::{Extensions, Request, Response, StatusCode, Uri, Version};
use tower_service::Service;
use upshift_core::HttpVersion;
use upshift_core::follow::{Step, SwitchError, Transport, switched_protocol};
use upshift_http::HeaderFields;

use crate::follow_settings::FollowSettings;
use crate::outgoing_head::{OutgoingHead, is_secure};
use crate::response_426::Response426;
use crate::route::{AnsweredBy, transport_of};
use crate::{Attempt, AttemptOutcome, BoxError, Error, FollowBody, Rewind, Trace, websocket};

/// The state of one call.
struct Call {
    settings: Arc<FollowSettings>,
    /// The request as the caller made it.
    first: OutgoingHead,
    /// The request as it is sent next.
    head: OutgoingHead,
    /// The steps taken for this call, with the origin that asked for each.
    taken: Vec<(String, Step)>,
    /// The steps taken from memory, before the next attempt.
    recalled: Vec<Step>,
    /// The origins whose memory was consulted.
    consulted: Vec<String>,
    /// The last 426, and the request that it answered.
    refusal: Option<(Response426, OutgoingHead)>,
    attempts: Vec<Attempt>,
    /// The body cannot be sent again.
    body_gone: bool,
    /// The request was sent once more with HTTP/1.1 because of a fault over HTTP/2 or HTTP/3.
    turned_to_http1: bool,
}

/// Sends a request, follows its 426s, and returns the response that ends the call.
pub(crate) async fn follow_request<S, B, R>(
    mut inner: S,
    settings: Arc<FollowSettings>,
    request: Request<B>,
) -> Result<Response<FollowBody<R>>, Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: http_body::Body + Rewind,
    R: http_body::Body,
    R::Error: Into<BoxError>,
{
    let (parts, mut body) = request.into_parts();
    if parts.uri.host().is_none() {
        return Err(Error::usage("the request's URL names no host"));
    }
    let mut call = Call::new(settings, OutgoingHead::from_parts(parts));
    loop {
        call.take_recalled_steps();
        // Before the request is sent, because sending consumes the body.
        let copy = body.rewind();
        call.body_gone = copy.is_none();
        let sending = async {
            // A tower service must be ready before each call, not only before the first.
            poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
            inner.call(call.confined_head().0.to_request(body)).await.map_err(Into::into)
        };
        match sending.await {
            Ok(response) => {
                if let Some(last) = call.handle_response(response).await? {
                    return Ok(last);
                }
            }
            Err(error) => call.handle_failure(error)?,
        }
        // Rule 18 takes no step for a body that cannot be sent again, so there is a copy here.
        let Some(again) = copy else {
            return Err(Error::usage("the request's body cannot be sent again"));
        };
        body = again;
    }
}

impl Call {
    fn new(settings: Arc<FollowSettings>, head: OutgoingHead) -> Self {
        Self {
            settings,
            first: head.clone(),
            head,
            taken: Vec::new(),
            recalled: Vec::new(),
            consulted: Vec::new(),
            refusal: None,
            attempts: Vec::new(),
            body_gone: false,
            turned_to_http1: false,
        }
    }

    /// Returns the response if it ends the call. If it is a 426, takes the next step.
    async fn handle_response<R>(
        &mut self,
        response: Response<R>,
    ) -> Result<Option<Response<FollowBody<R>>>, Error>
    where
        R: http_body::Body,
        R::Error: Into<BoxError>,
    {
        let mut transport =
            transport_of(&response, is_secure(self.response_url(response.extensions())));
        // A server answers HTTP/1.0 in its own version (RFC 9110 §6.2). The version of the request
        // counts.
        if self.head.version == Version::HTTP_10 && transport.http == HttpVersion::V1_1 {
            transport.http = HttpVersion::V1_0;
        }
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => self.check_switch(response, transport).map(Some),
            StatusCode::UPGRADE_REQUIRED => {
                let timeout = self.settings.body_timeout;
                let refusal = Response426::read_from(response, transport, timeout).await;
                self.follow_refusal(refusal)?;
                Ok(None)
            }
            _ => Ok(Some(self.return_response(response, transport))),
        }
    }

    /// RFC 9110 §15.2.2: a 101 counts only if it was asked for (rule 20).
    fn check_switch<R>(
        &mut self,
        response: Response<R>,
        transport: Transport,
    ) -> Result<Response<FollowBody<R>>, Error> {
        let offered = self.head.offered_protocols();
        let error = match switched_protocol(&HeaderFields(response.headers()), offered.as_ref()) {
            Ok(protocol)
                if protocol.is_named("websocket")
                    && !websocket::is_accepted(&self.head.headers, response.headers()) =>
            {
                SwitchError::NotOffered(protocol)
            }
            Ok(_) => return Ok(self.return_response(response, transport)),
            Err(error) => error,
        };
        self.record_attempt(Some((transport, 101)), AttemptOutcome::Failed(error.to_string()));
        Err(Error::PeerSwitched { error, trace: self.trace() })
    }

    /// Learns from the response that ends the call, and completes it for the caller.
    fn return_response<R>(
        &mut self,
        response: Response<R>,
        transport: Transport,
    ) -> Response<FollowBody<R>> {
        self.learn_from(&response, transport);
        self.record_attempt(
            Some((transport, response.status().as_u16())),
            AttemptOutcome::Returned,
        );
        let mut last = response.map(FollowBody::new);
        last.extensions_mut().insert(self.trace());
        last
    }

    /// Returns the request as it is sent, and true if credentials are left out of it.
    fn confined_head(&self) -> (OutgoingHead, bool) {
        self.settings.credentials.confine_to_origin(&self.head, &self.first)
    }

    /// The URL that a response came from.
    fn response_url<'u>(&'u self, response: &'u Extensions) -> &'u Uri {
        match response.get::<AnsweredBy>() {
            Some(answered) => &answered.0,
            None => &self.head.uri,
        }
    }

    fn record_attempt(&mut self, seen: Option<(Transport, u16)>, outcome: AttemptOutcome) {
        let attempt = self.make_attempt(seen, outcome);
        self.attempts.push(attempt);
    }

    fn make_attempt(&self, seen: Option<(Transport, u16)>, outcome: AttemptOutcome) -> Attempt {
        let (_, credentials_left_out) = self.confined_head();
        let (transport, status) = match seen {
            Some((transport, status)) => (Some(transport), Some(status)),
            None => (None, None),
        };
        Attempt {
            method: self.head.method.to_string(),
            url: self.head.display_url(),
            remembered: if self.attempts.is_empty() { self.recalled.clone() } else { Vec::new() },
            credentials_left_out,
            transport,
            status,
            outcome,
        }
    }

    fn trace(&self) -> Trace {
        Trace(Arc::new(self.attempts.clone()))
    }
}
