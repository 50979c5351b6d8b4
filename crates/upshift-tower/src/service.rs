//! The service: it refuses a request, or passes it on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;
use upshift_core::Timestamp;
use upshift_http::answer_response;

use crate::drain::discard_body;
use crate::enforce::Enforcement;
use crate::settings::LayerSettings;
use crate::{Judgements, UpgradeBody};

/// A service behind a policy.
#[derive(Clone, Debug)]
pub struct Upgrade<S> {
    pub(crate) inner: S,
    pub(crate) settings: LayerSettings,
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
        let mut refused = match self.settings.enforce_policy(&request, Timestamp::now()) {
            Enforcement::Admit(judgements) => {
                let calling = self.inner.call(request);
                return Box::pin(async move {
                    let response = calling.await?.map(UpgradeBody::from_service);
                    Ok(with_judgements(response, judgements))
                });
            }
            // Only callers that will be refused later get here, so the settings are not cloned for
            // every request.
            Enforcement::Notify(pending) => {
                let (calling, settings) = (self.inner.call(request), self.settings.clone());
                return Box::pin(async move {
                    let mut response = calling.await?.map(UpgradeBody::from_service);
                    settings.add_notice(&pending, &mut response);
                    Ok(with_judgements(response, pending.judgements))
                });
            }
            Enforcement::Refuse(answer, judgements) => {
                let response = answer_response(answer).map(UpgradeBody::from_refusal);
                with_judgements(response, judgements)
            }
            Enforcement::Undecidable(why) => bad_request(why),
        };
        let (limit, timeout) = (self.settings.drain_limit, self.settings.drain_timeout);
        discard_body(request, limit, timeout, refused.headers_mut());
        Box::pin(async move { Ok(refused) })
    }
}

fn with_judgements<R>(mut response: Response<R>, judgements: Judgements) -> Response<R> {
    // No rule applied: an empty extension would say nothing.
    if let Some(deciding) = judgements.deciding() {
        response.extensions_mut().insert(deciding.clone());
        response.extensions_mut().insert(judgements);
    }
    response
}

/// The 400 for a path that cannot be decided on.
fn bad_request<R>(why: &'static str) -> Response<UpgradeBody<R>> {
    let mut response = Response::new(UpgradeBody::from_refusal(format!("{why}\n").into_bytes()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
