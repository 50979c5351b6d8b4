//! The layer that follows: it asks, reads a 426, takes the step that [`upshift_core::follow`] says,
//! and asks again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderName, Request, Response, request};
use tower_layer::Layer;
use tower_service::Service;
use upshift_core::TlsVersion;
use upshift_core::follow::{Capabilities, FollowPolicy, StepKind, StepKinds, Subject};

use crate::credentials::Credentials;
use crate::notice::{Hook, Noticeboard};
use crate::{BoxError, Error, FollowBody, Memory, Notice, Rewind};

pub(crate) mod attempt;

/// A version that the server wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Of what.
    pub subject: Subject,
    /// Its name: the protocol token, else the server's rule.
    pub name: &'a str,
    /// The lowest version that will do, if the server said so.
    pub minimum: Option<&'a str>,
}

/// Raises the version that a request asks with; `false` if there is none as high.
pub trait RaiseVersion: Send + Sync {
    /// Changes the request, mostly one field or the path. The host and the scheme it may not
    /// change.
    fn raise(&self, wanted: &Wanted<'_>, request: &mut request::Parts) -> bool;
}

impl<F: Fn(&Wanted<'_>, &mut request::Parts) -> bool + Send + Sync> RaiseVersion for F {
    fn raise(&self, wanted: &Wanted<'_>, request: &mut request::Parts) -> bool {
        self(wanted, request)
    }
}

/// Wraps clients in [`Follow`].
#[derive(Clone)]
pub struct FollowLayer {
    pub(crate) settings: Settings,
}

#[derive(Clone)]
pub(crate) struct Settings {
    can: Capabilities,
    may: FollowPolicy,
    memory: Memory,
    credentials: Credentials,
    raise: Option<Arc<dyn RaiseVersion>>,
    notices: Noticeboard,
    body_patience: Duration,
}

impl Default for FollowLayer {
    /// Able to do what any client can by the request alone: `https`, HTTP/1.1, another version,
    /// plain HTTP.
    fn default() -> Self {
        let settings = Settings {
            can: Capabilities {
                steps: StepKinds::from_kinds(&[
                    StepKind::Tls,
                    StepKind::Http11,
                    StepKind::FallBack,
                ]),
                tls: TlsVersion::V1_3,
            },
            may: FollowPolicy::default(),
            memory: Memory::new(),
            credentials: Credentials::default(),
            raise: None,
            notices: Noticeboard::default(),
            body_patience: Duration::from_secs(2),
        };
        Self { settings }
    }
}

impl FollowLayer {
    /// With the default policy and memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the inner client is able to do. It is told by the request's URI, version and fields,
    /// and by its [`Route`](crate::Route).
    #[must_use]
    pub fn able(mut self, can: Capabilities) -> Self {
        let raising = self.settings.raise.is_some();
        self.settings.can = if raising {
            Capabilities { steps: can.steps.with(StepKind::Version), ..can }
        } else {
            can
        };
        self
    }

    /// What it may do.
    #[must_use]
    pub fn policy(mut self, may: FollowPolicy) -> Self {
        self.settings.may = may;
        self
    }

    /// Where it remembers what origins required.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.settings.memory = memory;
        self
    }

    /// The fields that are credentials, beside those whose value is marked as sensitive. Unless
    /// set: `Authorization`, `Proxy-Authorization`, `Cookie` and `X-Api-Key`.
    ///
    /// They stay with the origin of the request as the caller made it, and go from `http` on port
    /// 80 to `https` on port 443 of the same host. A request that is followed to another port is
    /// sent without them, and its [`Hop`](crate::Hop) says so. A key in any other field, in the
    /// path or in the body is not recognized: name the field here, or mark the value as sensitive.
    #[must_use]
    pub fn credentials(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.settings.credentials.names = names.into_iter().collect();
        self
    }

    /// Lets credentials go to another port of the host where a 426 leads there, as curl's
    /// `--location-trusted` does for redirects. They never go from `https` to `http`.
    #[must_use]
    pub fn location_trusted(mut self) -> Self {
        self.settings.credentials.location_trusted = true;
        self
    }

    /// Raises versions for the names that the policy lists in [`FollowPolicy::versions`].
    #[must_use]
    pub fn raise(mut self, raise: impl RaiseVersion + 'static) -> Self {
        self.settings.raise = Some(Arc::new(raise));
        self.settings.can.steps = self.settings.can.steps.with(StepKind::Version);
        self
    }

    /// Is called once for each origin and rule that announces its end, and once more after that
    /// end.
    #[must_use]
    pub fn on_deprecation(mut self, hook: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        let hook: Hook = Arc::new(hook);
        self.settings.notices = Noticeboard::new(hook);
        self
    }

    /// How long the body of a 426 is waited for; two seconds unless set. What has come by then
    /// counts.
    #[must_use]
    pub fn body_patience(mut self, patience: Duration) -> Self {
        self.settings.body_patience = patience;
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
    settings: Arc<Settings>,
}

impl<S> Follow<S> {
    /// The client inside.
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
        ready.map_err(|error| Error::Transport {
            source: error.into(),
            trace: crate::Trace::default(),
        })
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone takes the place of the one that is ready.
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next);
        Box::pin(attempt::run(ready, Arc::clone(&self.settings), request))
    }
}
