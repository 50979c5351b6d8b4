//! One exchange: from a request to a decision, and to an answer or an upstream. HTTP/1, 2 and 3 all
//! come through here; nothing here knows of codecs.

mod admitted;
pub(crate) mod connection;
mod context;
pub(crate) mod explain;
pub(crate) mod h2c_offer;
mod recording;
mod refuse;
mod request_id;
pub(crate) mod respond;
mod served;
pub(crate) mod switch;
mod target;
mod trace;
pub(crate) mod unread;

use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};
use upshift_adoption::RequestCallers;
use upshift_core::answer::{self, Answer};
use upshift_core::{Decision, Timestamp, TlsState};
use upshift_http::add_close;
use upshift_http1::FieldId;

use self::admitted::Admitted;
use self::connection::Connection;
use self::context::{Configured, Context, RequestHead};
use self::recording::{RequestRecorder, begin_report};
use self::request_id::X_REQUEST_ID;
pub(crate) use self::served::Served;
use self::switch::{RequestedSwitch, Switch};
use self::target::Target;
use crate::body::{BodyTimedOut, RequestBody};
use crate::core_local::LocalGeneration;
use crate::fields::trailers::TrailerFilter;
use crate::http1_client::Http1Client;
use crate::local_reply::LocalReply;
use crate::progress::activity::BusyGuard;
use crate::progress::stream_watch::StreamProgress;
use crate::received_request::ReceivedRequest;
use crate::response_body::ResponseBody;
use crate::rollout;
use crate::settings::Settings;
use crate::telemetry::exchange_report::ExchangeReport;

/// Answers one request with this content. `client` is there if it came over HTTP/1.
///
/// A refusal is complete with the first poll, and needs little memory: only what waits is in a
/// future of its own, which is allocated when it begins.
pub(crate) fn serve<'c>(
    connection: &'c Connection,
    received: ReceivedRequest<'c>,
    body: RequestBody,
    client: Option<&'c Http1Client<'c>>,
) -> impl Future<Output = Served> + use<'c> {
    let (exchange, body) = Exchange::begin(connection, received, body, client);
    async move {
        let served = match exchange.answer(body) {
            Answering::Complete(served) => served,
            Answering::Waits(answer) => answer.await,
        };
        exchange.finish(served)
    }
}

fn no_content() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The answer to a request: complete, or still to wait for.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and a box costs more")]
enum Answering<'e> {
    Complete(Served),
    Waits(Pin<Box<dyn Future<Output = Served> + 'e>>),
}

/// The decision on a request.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and a box costs more")]
enum Decided<'p> {
    /// It is refused with this answer.
    Refused(Answer),
    /// It is sent on.
    Admitted(Decision<'p>),
}

/// One exchange on a connection.
struct Exchange<'c> {
    connection: &'c Connection,
    client: Option<&'c Http1Client<'c>>,
    generation: Rc<LocalGeneration>,
    received: ReceivedRequest<'c>,
    /// The target, or the error in the head.
    checked: Result<Target, LocalReply>,
    id: HeaderValue,
    report: Rc<ExchangeReport>,
    in_flight: BusyGuard,
    progress: Option<Rc<StreamProgress>>,
}

impl<'c> Exchange<'c> {
    /// Begins the exchange of a request: reads and checks its head. Returns its body, too.
    fn begin(
        connection: &'c Connection,
        mut received: ReceivedRequest<'c>,
        body: RequestBody,
        client: Option<&'c Http1Client<'c>>,
    ) -> (Self, RequestBody) {
        let in_flight = connection.activity.begin_request();
        let progress = StreamProgress::current();
        let core = &connection.core;
        let generation = core.generation();
        let settings = &generation.shared.settings;
        let peer = connection.peer.ip();
        let nominated = context::apply_connection_options(&mut received, peer, settings);
        let id = request_id::accept_or_generate(&received.fields, &mut core.random.borrow_mut());
        let plan = &generation.shared.telemetry;
        let report = begin_report(connection, &received, progress.clone(), plan);
        let filter = TrailerFilter::for_request(nominated, Rc::clone(&generation.guarded));
        let body = body.count_in(&report).with_trailer_filter(filter);
        let checked = context::check_head(&received, !body.is_empty(), settings);
        let exchange = Self {
            connection,
            client,
            generation,
            received,
            checked,
            id,
            report,
            in_flight,
            progress,
        };
        exchange.recorder().log_undecided(&exchange.received);
        (exchange, body)
    }

    /// Answers the request, with an error if it is malformed.
    fn answer(&self, body: RequestBody) -> Answering<'_> {
        match &self.checked {
            Ok(_) if context::ends_here(&self.received) => {
                Answering::Complete(Served::without_switch(no_content()))
            }
            Ok(target) => self.answer_checked(target, body),
            Err(reply) => {
                refuse::discard_body(body, self.received.version, &self.settings().file.limits);
                Answering::Complete(Served::without_switch(self.local_reply(reply)))
            }
        }
    }

    /// Answers a well-formed request.
    fn answer_checked<'e>(&'e self, target: &'e Target, body: RequestBody) -> Answering<'e> {
        let tls = self.connection.tls;
        match RequestedSwitch::read(&self.received, &body, tls, &self.generation.shared) {
            RequestedSwitch::None if is_settled(&self.received, &body) => {
                self.answer_settled(target, body)
            }
            RequestedSwitch::None => Answering::Waits(Box::pin(async move {
                match settle_body(body).await {
                    Ok(body) => match self.answer_settled(target, body) {
                        Answering::Complete(served) => served,
                        Answering::Waits(answer) => answer.await,
                    },
                    Err(reply) => Served::without_switch(self.closing_reply(&reply)),
                }
            })),
            RequestedSwitch::H2c(settings) => Answering::Waits(Box::pin(async move {
                let granted = switch::grant_h2c(self.received.to_parts(), body, settings).await;
                self.serve_switch(granted)
            })),
            RequestedSwitch::Tls => {
                let names = self.client.map(Http1Client::names).unwrap_or_default();
                let granted = switch::grant_tls(self.received.to_parts(), names);
                Answering::Complete(self.serve_switch(granted))
            }
        }
    }

    fn serve_switch(
        &self,
        granted: Result<(Response<ResponseBody>, Switch), LocalReply>,
    ) -> Served {
        match granted {
            Ok((response, switch)) => Served::with_switch(response, Some(switch)),
            Err(reply) => Served::without_switch(self.local_reply(&reply)),
        }
    }

    /// Decides on a request, and refuses it or sends it on.
    fn answer_settled<'e>(&'e self, target: &'e Target, body: RequestBody) -> Answering<'e> {
        let context = self.read_context(target, !body.is_empty());
        match self.decide(&context) {
            Decided::Refused(answer) => {
                refuse::discard_body(body, self.received.version, &self.settings().file.limits);
                let mut served = refuse::serve_refusal(answer, self.received.version);
                self.set_hsts(&mut served, &context);
                Answering::Complete(served)
            }
            Decided::Admitted(decision) => {
                Answering::Waits(Box::pin(self.forward(target, context, decision, body)))
            }
        }
    }

    /// Sends an admitted request on.
    async fn forward<'e>(
        &'e self,
        target: &'e Target,
        context: Context<'e>,
        decision: Decision<'e>,
        body: RequestBody,
    ) -> Served {
        let admitted = Admitted {
            connection: self.connection,
            generation: &self.generation,
            received: &self.received,
            target,
            context: &context,
            decision,
            id: &self.id,
            report: &self.report,
            client: self.client,
        };
        let mut served = match admitted.forward(body).await {
            Ok((response, switch)) => Served::with_switch(response, switch),
            // RFC 9110 §15.5.9: the server "has decided to close the connection rather than
            // continue waiting".
            Err(reply @ LocalReply::BodyTimeout) => {
                Served::without_switch(self.closing_reply(&reply))
            }
            Err(reply) => Served::without_switch(self.local_reply(&reply)),
        };
        self.set_hsts(&mut served, &context);
        served
    }

    /// Reads the facts of a request, and the circumstances of an answer to it.
    fn read_context<'e>(&'e self, target: &'e Target, has_content: bool) -> Context<'e> {
        let core = &self.connection.core;
        let request_id = self.id.to_str().unwrap_or_default();
        let head = RequestHead {
            received: &self.received,
            target,
            has_content,
            request_id,
            now: Timestamp::now(),
        };
        let seen = self.connection.info(self.received.version);
        let settings = self.settings();
        let configured = Configured { settings, listeners: &core.shared.listeners };
        let context = Context::read(head, seen, configured);
        if context.client.undeclared {
            core.undeclared_proxy_seen(self.connection.peer.ip());
        }
        context
    }

    /// Decides on a request, and counts the decision.
    fn decide(&self, context: &Context<'_>) -> Decided<'_> {
        let core = &self.connection.core;
        let generation = &self.generation.shared;
        let (facts, now) = (&context.facts, context.answer_context.now);
        let decision = generation.policy.decide(facts, now);
        self.report.set_verdict(decision.verdict);
        core.counts.borrow_mut().count_decision(&decision, facts);
        let callers = RequestCallers::of_decision(&decision, facts, core.shared.control.key());
        rollout::count_decision(&mut core.tally_mut(), &callers, &decision, now);
        if generation.settings.file.adoption.record {
            core.count_usage(&callers, &decision, now, &generation.recorded);
        }
        let recorder = self.recorder();
        recorder.record_decided(&self.received, &callers, &decision, now);
        let refusal = answer::refusal_for(&decision, facts, &context.answer_context);
        recorder.feed_decision(&self.received.method, &callers, &decision, refusal.as_ref(), now);
        match refusal {
            Some(answer) => Decided::Refused(answer),
            None => Decided::Admitted(decision),
        }
    }

    /// Keeps what the access record shows of the request.
    fn recorder(&self) -> RequestRecorder<'_> {
        let Self { connection, generation, id, report, .. } = self;
        RequestRecorder { connection, generation: &generation.shared, id, report }
    }

    fn settings(&self) -> &Settings {
        &self.generation.shared.settings
    }

    /// RFC 6797 §7.2: an HSTS host MUST NOT send the field over cleartext, so an upstream's own is
    /// removed there as well.
    fn set_hsts(&self, served: &mut Served, context: &Context<'_>) {
        const NAME: HeaderName = header::STRICT_TRANSPORT_SECURITY;
        if context.client.is_https(self.connection.tls) != Some(true) {
            served.response.headers_mut().remove(NAME);
        } else if let Some(hsts) = &self.generation.shared.hsts {
            served.set_field(NAME, "Strict-Transport-Security", hsts.clone());
        }
    }

    /// Counts `reply`, and makes the response that reports it.
    fn local_reply(&self, reply: &LocalReply) -> Response<ResponseBody> {
        let id = self.id.to_str().unwrap_or_default();
        self.connection.core.count_local_reply(reply, id);
        self.report.set_cause(reply.cause_label());
        respond::local_response(reply, id)
    }

    /// The same, where no further request can be read after this one.
    fn closing_reply(&self, reply: &LocalReply) -> Response<ResponseBody> {
        let mut response = self.local_reply(reply);
        if self.received.version < Version::HTTP_2 {
            add_close(response.headers_mut());
        }
        response
    }

    /// Adds what every response has, and lets the exchange end with the body of the response.
    fn finish(self, mut served: Served) -> Served {
        let Self { connection, client, received, id, report, in_flight, progress, .. } = self;
        add_common_fields(&mut served, received.version, connection, id);
        if client.is_some() {
            received.fields.recycle();
        }
        report.start_response(served.response.status());
        let Served { response, lines, switch } = served;
        let response = response.map(|body| {
            body.with_active_request(in_flight).with_progress(progress).with_report(report)
        });
        Served { response, lines, switch }
    }
}

/// Returns true if it is known whether the request has content, or if that is not to be found out.
fn is_settled(received: &ReceivedRequest<'_>, body: &RequestBody) -> bool {
    // RFC 9110 §10.1.1: reading would send the 100, before it is decided whether the content is
    // wanted.
    received.fields.has(FieldId::Expect) || !body.may_be_empty(&received.method)
}

/// The body, once it is known whether there is one.
async fn settle_body(body: RequestBody) -> Result<RequestBody, LocalReply> {
    let settled = body.detect_content().await;
    settled.map_err(|error| match error.is::<BodyTimedOut>() {
        true => LocalReply::BodyTimeout,
        false => LocalReply::Framing("The request's body broke off or is malformed."),
    })
}

/// Adds the fields that every response has, and applies what depends on the version of HTTP.
fn add_common_fields(
    served: &mut Served,
    version: Version,
    connection: &Connection,
    id: HeaderValue,
) {
    let shared = &connection.core.shared;
    let states_alt_svc = shared.listeners.alt_svc.is_some() && served.has_line("Alt-Svc");
    served.set_field(X_REQUEST_ID, "X-Request-Id", id);
    if let Some(alt_svc) = &shared.listeners.alt_svc
        && connection.tls != TlsState::Cleartext
        && version != Version::HTTP_3
        && !states_alt_svc
    {
        served.set_field(header::ALT_SVC, "Alt-Svc", alt_svc.clone());
    }
    // RFC 9112 §9.6: a server that is about to close says so in its last answer. Any answer of the
    // lame duck may be it.
    if version < Version::HTTP_2
        && shared.stopping.load(Ordering::Relaxed)
        && served.response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        add_close(served.response.headers_mut());
    }
}
