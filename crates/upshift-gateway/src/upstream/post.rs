//! Sends one POST on a connection of its own: to a webhook, or to a receiver of telemetry.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::Full;
use rustls::ClientConfig;

use super::single_request::{send_single, send_within};

/// A POST.
pub(crate) struct PostRequest<'a> {
    /// The URL.
    pub(crate) url: &'a str,
    /// `Content-Type`.
    pub(crate) content_type: &'static str,
    /// Further fields: names and values.
    pub(crate) headers: &'a [(String, String)],
    /// The content.
    pub(crate) body: Bytes,
}

impl PostRequest<'_> {
    /// Sends it, and returns the head of the response. The content of the response is not read.
    ///
    /// # Errors
    /// If there is no response within `limit`; the text says why.
    pub(crate) async fn send(
        &self,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<(StatusCode, HeaderMap), String> {
        send_within(limit, self.send_unbounded(tls, limit)).await
    }

    async fn send_unbounded(
        &self,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<(StatusCode, HeaderMap), String> {
        let url: Uri = self.url.parse().map_err(|error| format!("{error}"))?;
        let answered = send_single(&url, self.to_request(&url)?, tls, limit).await?;
        Ok((answered.response.status(), answered.response.headers().clone()))
    }

    fn to_request(&self, url: &Uri) -> Result<Request<Full<Bytes>>, String> {
        let target = url.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Request::post(target).header(header::CONTENT_TYPE, self.content_type);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body.clone())).map_err(|error| error.to_string())
    }
}
