//! Reads one document on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use rustls::ClientConfig;

use super::single_request::{send_single, send_within};

/// A GET.
pub(crate) struct GetRequest<'a> {
    /// The URL of the server.
    pub(crate) url: &'a Uri,
    /// The path and the query.
    pub(crate) target: &'a str,
    /// `Authorization`.
    pub(crate) authorization: Option<&'a HeaderValue>,
    /// The most bytes that are read.
    pub(crate) most_bytes: usize,
}

impl GetRequest<'_> {
    /// Sends it, and returns the status and the content of the response.
    ///
    /// # Errors
    /// If there is no complete response within `limit`; the text says why.
    pub(crate) async fn send(
        &self,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), String> {
        send_within(limit, self.send_unbounded(tls, limit)).await
    }

    async fn send_unbounded(
        &self,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), String> {
        let mut request = Request::get(self.target).header(header::ACCEPT, "application/json");
        if let Some(authorization) = self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::default()).map_err(|error| error.to_string())?;
        let mut answered = send_single(self.url, request, tls, limit).await?;
        let status = answered.response.status();
        let body = Limited::new(answered.response.body_mut(), self.most_bytes);
        match body.collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) => Err(format!("the response was cut off: {error}")),
        }
    }
}
