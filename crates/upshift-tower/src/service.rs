//! The service: decide, then refuse or pass on.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use tower_service::Service;
use upshift_core::answer::{Answer, Circumstances, refuse};
use upshift_core::notice::{Change, changes};
use upshift_core::{Decision, Kind, Phase, Reason, Timestamp, Verdict};

use crate::facts::{Kept, Lines, facts};
use crate::{Peer, UpgradeBody, UpgradeLayer};

/// What the policy made of a request: an extension of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: String,
    /// What it requires.
    pub kind: Kind,
    /// Its phase.
    pub phase: Phase,
    /// What the request lacked.
    pub reason: Reason,
}

impl Judgement {
    fn of(decision: &Decision<'_>) -> Option<Self> {
        let top = decision.top()?;
        let rule = top.rule.id.to_string();
        Some(Self { verdict: top.verdict, rule, kind: top.kind, phase: top.phase(), reason: top.reason })
    }
}

/// A service behind a policy.
#[derive(Clone, Debug)]
pub struct Upgrade<S> {
    pub(crate) inner: S,
    pub(crate) settings: UpgradeLayer,
}

impl<S, B, R> Service<Request<B>> for Upgrade<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    R: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<UpgradeBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.settings.judge(&request, Timestamp::now()) {
            Outcome::Refuse(answer, judgement) => {
                let bound = self.settings.drain;
                Box::pin(async move {
                    throw_away(request, bound).await;
                    Ok(refusal(answer, judgement))
                })
            }
            Outcome::Pass => {
                let passing = self.inner.call(request);
                Box::pin(async move { Ok(passing.await?.map(UpgradeBody::service)) })
            }
            Outcome::Tell(copy, now) => {
                let (passing, settings) = (self.inner.call(request), self.settings.clone());
                Box::pin(async move {
                    let response = passing.await?;
                    Ok(settings.tell(*copy, response, now).map(UpgradeBody::service))
                })
            }
        }
    }
}

/// What becomes of a request.
enum Outcome {
    Refuse(Answer, Option<Judgement>),
    Pass,
    /// It passes, and its answer is to say something. Which, depends on what the service says itself, and the
    /// decision borrows from the request; so a copy of its head is decided once more then, for the same moment.
    Tell(Box<Request<bool>>, Timestamp),
}

impl UpgradeLayer {
    fn judge<B: Body>(&self, request: &Request<B>, now: Timestamp) -> Outcome {
        let policy = (self.source)();
        let lines = Lines(request.headers());
        let has_content = !request.body().is_end_stream();
        let protocol = (self.protocol)(request.extensions());
        let facts = facts(request, &lines, self.peer(request), protocol, has_content);
        let decision = policy.decide(&facts, now);
        let request_id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let around = Circumstances {
            public: self.public.as_deref(),
            alt_svc: self.alt_svc.as_deref(),
            request_id,
            now,
            ..Circumstances::default()
        };
        if let Some(answer) = refuse(&decision, &facts, &around) {
            return Outcome::Refuse(answer, Judgement::of(&decision));
        }
        let silent: Vec<(&str, &str)> = Vec::new();
        if decision.top().is_none_or(|top| top.verdict == Verdict::Admit) && changes(&decision, &silent).is_empty() {
            return Outcome::Pass;
        }
        let mut copy = Request::new(has_content);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        copy.extensions_mut().insert(self.peer(request));
        if let Some(protocol) = protocol {
            copy.extensions_mut().insert(Kept(protocol.to_owned()));
        }
        Outcome::Tell(Box::new(copy), now)
    }

    /// Merges what the policy has to say into what the service said.
    fn tell<R>(&self, copy: Request<bool>, mut response: Response<R>, now: Timestamp) -> Response<R> {
        let policy = (self.source)();
        let lines = Lines(copy.headers());
        let protocol = copy.extensions().get::<Kept>().map(|kept| kept.0.as_str());
        let facts = facts(&copy, &lines, self.peer(&copy), protocol, *copy.body());
        let decision = policy.decide(&facts, now);
        for change in changes(&decision, &Lines(response.headers())) {
            apply(response.headers_mut(), change);
        }
        if let Some(judgement) = Judgement::of(&decision) {
            response.extensions_mut().insert(judgement);
        }
        response
    }

    fn peer<B>(&self, request: &Request<B>) -> Peer {
        request.extensions().get::<Peer>().copied().unwrap_or(self.connection)
    }
}

fn apply(headers: &mut HeaderMap, change: Change) {
    let (name, value, replace) = match change {
        Change::Set(name, value) => (name, value, true),
        Change::Append(name, value) => (name, value, false),
    };
    // The core makes names and values of what the policy file's reader has let through: they are well-formed.
    let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else { return };
    if replace {
        headers.insert(name, value);
    } else {
        headers.append(name, value);
    }
}

fn refusal<R>(answer: Answer, judgement: Option<Judgement>) -> Response<UpgradeBody<R>> {
    let mut headers = HeaderMap::new();
    for (name, value) in answer.fields() {
        apply(&mut headers, Change::Append(name, value.clone()));
    }
    if answer.closes() && !headers.contains_key(header::CONNECTION) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::UPGRADE_REQUIRED);
    let mut response = Response::new(UpgradeBody::refusal(answer.into_body()));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    if let Some(judgement) = judgement {
        response.extensions_mut().insert(judgement);
    }
    response
}

/// RFC 9112 §9.3: after an early answer "a server MUST read the entire request message body or close the connection".
async fn throw_away<B: Body>(request: Request<B>, bound: u64) {
    let waits = request.headers().get(EXPECT).is_some();
    // On HTTP/2 and 3 a stream is reset without harm to the others.
    if waits || request.version() > Version::HTTP_11 {
        return;
    }
    let told = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| length > bound) {
        return;
    }
    let mut body = pin!(request.into_body());
    let mut left = bound;
    while let Some(Ok(frame)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let read = frame.into_data().map_or(0, |data| data.remaining() as u64);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
