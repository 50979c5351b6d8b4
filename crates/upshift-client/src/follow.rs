//! The layer that follows a 426: it sends a request, reads a 426, takes the step that
//! [`upshift_core::follow`] chooses, and sends the request again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderName, Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use upshift_core::follow::{Capabilities, FollowPolicy, StepKind};

use crate::call::follow_request;
use crate::follow_settings::FollowSettings;
use crate::notice::Noticeboard;
use crate::{BoxError, Error, FollowBody, Memory, Notice, RaiseVersion, Rewind, Trace};

/// Wraps clients in [`Follow`].
#[derive(Clone, Default)]
pub struct FollowLayer {
    pub(crate) settings: FollowSettings,
}

impl FollowLayer {
    /// A layer with the default policy and a memory of its own, for an inner client that does what
    /// the request alone makes it do: `https`, HTTP/1.1, another version, plain HTTP.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the abilities of the inner client. It learns of a step from the request's URI, version
    /// and fields, and from its [`Route`](crate::Route).
    #[must_use]
    pub fn capabilities(mut self, can: Capabilities) -> Self {
        self.settings.can = can;
        // The order of the builder's methods must not matter.
        if self.settings.raise.is_some() {
            self.settings.can.steps = can.steps.with(StepKind::Version);
        }
        self
    }

    /// Sets what the client may do.
    #[must_use]
    pub fn policy(mut self, may: FollowPolicy) -> Self {
        self.settings.may = may;
        self
    }

    /// Sets the memory for the requirements of origins.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.settings.memory = memory;
        self
    }

    /// Sets the fields that are credentials, in addition to those whose value is marked as
    /// sensitive. By default: `Authorization`, `Proxy-Authorization`, `Cookie` and `X-Api-Key`.
    ///
    /// They stay with the origin of the request as the caller made it, and go from `http` on port
    /// 80 to `https` on port 443 of the same host. A request that is followed to another port is
    /// sent without them, and its [`Attempt`](crate::Attempt) says so. A key in any other field, in
    /// the path or in the body is not recognized: name the field here, or mark the value as
    /// sensitive.
    #[must_use]
    pub fn credentials(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.settings.credentials.names = names.into_iter().collect();
        self
    }

    /// Sends credentials to another port of the host if a 426 leads there, as curl's
    /// `--location-trusted` does for redirects. They are never sent from `https` to `http`.
    #[must_use]
    pub fn location_trusted(mut self) -> Self {
        self.settings.credentials.location_trusted = true;
        self
    }

    /// Sets the hook that raises versions for the names that the policy lists in
    /// [`FollowPolicy::versions`].
    #[must_use]
    pub fn raise(mut self, raise: impl RaiseVersion + 'static) -> Self {
        self.settings.raise = Some(Arc::new(raise));
        self.settings.can.steps = self.settings.can.steps.with(StepKind::Version);
        self
    }

    /// Sets the hook that is called once for each origin and rule that announces its end, and once
    /// more after that end.
    #[must_use]
    pub fn on_deprecation(mut self, hook: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.settings.notices = Noticeboard::new(Arc::new(hook));
        self
    }

    /// Sets the time that the body of a 426 may take; two seconds by default. The part that has
    /// arrived by then counts.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.settings.body_timeout = timeout;
        self
    }
}

impl<S> Layer<S> for FollowLayer {
    type Service = Follow<S>;

    fn layer(&self, inner: S) -> Follow<S> {
        Follow { inner, settings: Arc::new(self.settings.clone()) }
    }
}

impl fmt::Debug for FollowLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowLayer").field("may", &self.settings.may).finish_non_exhaustive()
    }
}

/// A client that follows a 426.
#[derive(Clone)]
pub struct Follow<S> {
    inner: S,
    settings: Arc<FollowSettings>,
}

impl<S> Follow<S> {
    /// The inner client.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S> fmt::Debug for Follow<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("may", &self.settings.may).finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for Follow<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body + Rewind + Send + 'static,
    R: http_body::Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    type Response = Response<FollowBody<R>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let ready = self.inner.poll_ready(cx);
        ready.map_err(|error| Error::Transport { source: error.into(), trace: Trace::default() })
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Only `self.inner` has been polled ready. The clone takes its place.
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next);
        Box::pin(follow_request(ready, Arc::clone(&self.settings), request))
    }
}
