//! The upstream of the demo: it answers every request with a description of it.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, VIA};

/// Starts the upstream on a free port. It serves as long as the runtime lives.
pub(super) async fn start_upstream() -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async {
        let site = Router::new().fallback(answer_anything);
        if let Err(error) = axum::serve(listener, site).await {
            tracing::error!(%error, "the demo's upstream failed");
        }
    });
    Ok(address)
}

async fn answer_anything(
    request: Request,
) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let via = request.headers().get(VIA).and_then(|via| via.to_str().ok()).unwrap_or("no proxy");
    let text =
        format!("Hello from the upstream: {} {}, via {via}.\n", request.method(), request.uri());
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}
