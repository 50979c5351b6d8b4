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

use std::rc::Rc;
use std::sync::atomic::Ordering;

use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version, request};
use hyper::upgrade::OnUpgrade;
use upshift_adoption::RequestCallers;
use upshift_core::answer::{self, Answer};
use upshift_core::{Decision, Timestamp, TlsState};
use upshift_http::{HeaderFields, add_close};

use self::admitted::{Admitted, ClientUpgrade};
use self::connection::Connection;
use self::context::{Configured, Context, RequestHead};
use self::recording::{RequestRecorder, begin_report};
use self::request_id::X_REQUEST_ID;
pub(crate) use self::served::Served;
use self::switch::RequestedSwitch;
use self::target::Target;
use crate::body::{BodyTimedOut, RequestBody};
use crate::core_local::LocalGeneration;
use crate::fields::trailers::TrailerFilter;
use crate::http1_client::Http1Client;
use crate::local_reply::LocalReply;
use crate::progress::stream_watch::StreamProgress;
use crate::response_body::ResponseBody;
use crate::rollout;
use crate::telemetry::exchange_report::ExchangeReport;

/// Answers one request. `client` is there if it came over HTTP/1.
pub(crate) async fn serve(
    connection: &Connection,
    request: Request<RequestBody>,
    client: Option<&Http1Client<'_>>,
) -> Served {
    let in_flight = connection.activity.begin_request();
    let progress = StreamProgress::current();
    let core = &connection.core;
    let generation = core.generation();
    let (mut parts, body) = request.into_parts();
    let version = parts.version;
    let settings = &generation.shared.settings;
    let nominated = context::apply_connection_options(&mut parts, connection.peer.ip(), settings);
    let id = request_id::accept_or_generate(&parts.headers, &mut core.random.borrow_mut());
    let plan = &generation.shared.telemetry;
    let report = begin_report(connection, &parts, progress.clone(), plan);
    let exchange =
        Exchange { connection, generation: &generation, id: &id, report: &report, client };
    exchange.recorder().log_undecided(&parts);
    let filter = TrailerFilter::for_request(nominated, Rc::clone(&generation.guarded));
    let body = body.count_in(&report).with_trailer_filter(filter);
    let mut served = exchange.serve_any(parts, body).await;
    finish(&mut served, version, connection, id);
    let Served { response, lines, switch } = served;
    report.start_response(response.status());
    let response = response.map(|body| {
        body.with_active_request(in_flight).with_progress(progress).with_report(report)
    });
    Served { response, lines, switch }
}

fn no_content() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
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
struct Exchange<'a> {
    connection: &'a Connection,
    generation: &'a LocalGeneration,
    id: &'a HeaderValue,
    report: &'a Rc<ExchangeReport>,
    client: Option<&'a Http1Client<'a>>,
}

impl Exchange<'_> {
    /// Answers a request, with an error if it is malformed.
    async fn serve_any(&self, parts: request::Parts, body: RequestBody) -> Served {
        let settings = &self.generation.shared.settings;
        match context::check_head(&parts, !body.is_empty(), settings) {
            Ok(_) if context::ends_here(&parts) => Served::without_switch(no_content()),
            Ok(target) => self.serve_checked(parts, target, body).await,
            Err(reply) => {
                refuse::discard_body(body, &parts, &settings.file.limits);
                Served::without_switch(self.local_reply(&reply))
            }
        }
    }

    /// Answers a well-formed request.
    async fn serve_checked(
        &self,
        mut parts: request::Parts,
        target: Target,
        body: RequestBody,
    ) -> Served {
        let (tls, generation) = (self.connection.tls, &self.generation.shared);
        match RequestedSwitch::read(&parts, &body, tls, generation) {
            RequestedSwitch::None => {
                let upgrade = parts.extensions.remove::<OnUpgrade>();
                match settle_body(&parts, body).await {
                    Ok(body) => self.serve_decided(&parts, &target, body, upgrade).await,
                    Err(reply) => Served::without_switch(self.closing_reply(&reply, parts.version)),
                }
            }
            RequestedSwitch::H2c(settings) => {
                match switch::grant_h2c(parts, body, settings).await {
                    Ok((response, switch)) => Served::with_switch(response, Some(switch)),
                    Err(reply) => Served::without_switch(self.local_reply(&reply)),
                }
            }
            RequestedSwitch::Tls => {
                let names = self.client.map(Http1Client::names).unwrap_or_default();
                match switch::grant_tls(parts, names) {
                    Ok((response, switch)) => Served::with_switch(response, Some(switch)),
                    Err(reply) => Served::without_switch(self.local_reply(&reply)),
                }
            }
        }
    }

    /// Decides on a request, and refuses it or sends it on.
    async fn serve_decided(
        &self,
        parts: &request::Parts,
        target: &Target,
        body: RequestBody,
        upgrade: ClientUpgrade,
    ) -> Served {
        let fields = HeaderFields(&parts.headers);
        let context = self.read_context(parts, &fields, target, !body.is_empty());
        let mut served = match self.decide(parts, &context) {
            Decided::Refused(answer) => {
                let limits = &self.generation.shared.settings.file.limits;
                refuse::discard_body(body, parts, limits);
                refuse::serve_refusal(answer, parts.version)
            }
            Decided::Admitted(decision) => {
                let admitted = Admitted {
                    connection: self.connection,
                    generation: self.generation,
                    parts,
                    target,
                    context: &context,
                    decision,
                    id: self.id,
                    report: self.report,
                    client: self.client,
                };
                // In a box of its own: a refusal does not pay for the size of what forwards.
                match Box::pin(admitted.forward(body, upgrade)).await {
                    Ok((response, switch)) => Served::with_switch(response, switch),
                    // RFC 9110 §15.5.9: the server "has decided to close the connection rather than
                    // continue waiting".
                    Err(reply @ LocalReply::BodyTimeout) => {
                        Served::without_switch(self.closing_reply(&reply, parts.version))
                    }
                    Err(reply) => Served::without_switch(self.local_reply(&reply)),
                }
            }
        };
        self.set_hsts(&mut served.response, &context);
        served
    }

    /// Reads the facts of a request, and the circumstances of an answer to it.
    fn read_context<'r>(
        &'r self,
        parts: &'r request::Parts,
        fields: &'r HeaderFields<'r>,
        target: &'r Target,
        has_content: bool,
    ) -> Context<'r> {
        let core = &self.connection.core;
        let request_id = self.id.to_str().unwrap_or_default();
        let now = Timestamp::now();
        let head = RequestHead { parts, fields, target, has_content, request_id, now };
        let seen = self.connection.info(parts.version);
        let settings = &*self.generation.shared.settings;
        let configured = Configured { settings, listeners: &core.shared.listeners };
        let context = Context::read(head, seen, configured);
        if context.client.undeclared {
            core.undeclared_proxy_seen(self.connection.peer.ip());
        }
        context
    }

    /// Decides on a request, and counts the decision.
    fn decide(&self, parts: &request::Parts, context: &Context<'_>) -> Decided<'_> {
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
        self.recorder().record_decided(parts, &callers, &decision, now);
        let refusal = answer::refusal_for(&decision, facts, &context.answer_context);
        self.recorder().feed_decision(parts, &callers, &decision, refusal.as_ref(), now);
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

    /// RFC 6797 §7.2: an HSTS host MUST NOT send the field over cleartext, so an upstream's own is
    /// removed there as well.
    fn set_hsts(&self, response: &mut Response<ResponseBody>, context: &Context<'_>) {
        if context.client.is_https(self.connection.tls) != Some(true) {
            response.headers_mut().remove(header::STRICT_TRANSPORT_SECURITY);
        } else if let Some(hsts) = &self.generation.shared.hsts {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
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
    fn closing_reply(&self, reply: &LocalReply, version: Version) -> Response<ResponseBody> {
        let mut response = self.local_reply(reply);
        if version < Version::HTTP_2 {
            add_close(response.headers_mut());
        }
        response
    }
}

/// The body, once it is known whether there is one.
async fn settle_body(parts: &request::Parts, body: RequestBody) -> Result<RequestBody, LocalReply> {
    // RFC 9110 §10.1.1: reading would send the 100, before it is decided whether the content is
    // wanted.
    if parts.headers.contains_key(header::EXPECT) {
        return Ok(body);
    }
    let settled = body.detect_content(&parts.method).await;
    settled.map_err(|error| match error.is::<BodyTimedOut>() {
        true => LocalReply::BodyTimeout,
        false => LocalReply::Framing("The request's body broke off or is malformed."),
    })
}

/// Adds the fields that every response has, and applies what depends on the version of HTTP.
fn finish(served: &mut Served, version: Version, connection: &Connection, id: HeaderValue) {
    let shared = &connection.core.shared;
    let states_alt_svc = shared.listeners.alt_svc.is_some() && served.has_line("Alt-Svc");
    let response = &mut served.response;
    response.headers_mut().insert(X_REQUEST_ID, id);
    if let Some(alt_svc) = &shared.listeners.alt_svc
        && connection.tls != TlsState::Cleartext
        && version != Version::HTTP_3
        && !states_alt_svc
    {
        response.headers_mut().insert(header::ALT_SVC, alt_svc.clone());
    }
    // RFC 9112 §9.6: a server that is about to close says so in its last answer. Any answer of the
    // lame duck may be it.
    if version < Version::HTTP_2
        && shared.stopping.load(Ordering::Relaxed)
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        add_close(response.headers_mut());
    }
}
