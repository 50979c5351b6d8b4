//! HTTP/3 (RFC 9114).

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use quinn::crypto::rustls::QuicClientConfig;
use tokio::net::UdpSocket;
use upshift_record::{
    ExchangeEnd, Protection, RecordedBody, RecordedExchange, RecordedField, RecordedRequest,
    RecordedResponse,
};

use super::http1_exchange::add_content;
use super::http1_request::{recorded_content, recorded_fields};
use super::http2_lanes::http2_fields;
use super::inquiry::{Failure, Inquiry};
use super::prober::Prober;
use super::settings::ProbeSettings;
use super::target::Target;
use super::tls_setup::{SeenCertificate, TlsOffer};

type RequestStream = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// The most interim responses that are recorded.
const INTERIM_LIMIT: usize = 32;

impl Prober {
    /// A request over QUIC.
    pub(super) async fn ask_http3(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let (endpoint, connection) = self.connect_quic(to, inquiry).await?;
        inquiry.exchange.protection = Some(Protection::Tls {
            // RFC 9001 §4.2: QUIC has no older version of TLS.
            version: Some("1.3".to_owned()),
            alpn: Some("h3".to_owned()),
        });
        inquiry.mark("QUIC, h3");
        let (mut driver, mut sender) = h3::client::new(h3_quinn::Connection::new(connection))
            .await
            .map_err(|error| Failure::reset(error.to_string()))?;
        let driving = tokio::spawn(async move {
            poll_fn(|cx| driver.poll_close(cx)).await;
        });
        let request = self.http3_request(to, &mut inquiry.exchange)?;
        let result = match sender.send_request(request).await {
            Ok(mut stream) => {
                exchange_http3(&mut stream, &self.settings, &mut inquiry.exchange).await
            }
            Err(error) => Err(Failure::reset(error.to_string())),
        };
        driving.abort();
        // H3_NO_ERROR (RFC 9114 §8.1).
        endpoint.close(0x100_u32.into(), b"");
        result
    }

    /// Connects to the first address that answers over QUIC.
    async fn connect_quic(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(quinn::Endpoint, quinn::Connection), Failure> {
        let mut failure = Failure::unreachable("no address was tried");
        for address in self.addresses(to).await? {
            inquiry.address = Some(address);
            self.count_connection();
            let seen = SeenCertificate::default();
            let tls = self
                .tls
                .client_config(TlsOffer::Only13, &["h3"], &seen)
                .map_err(|error| Failure::unreachable(error.to_string()))?;
            let handshake = tokio::select! {
                connected = handshake_quic(address, to, tls) => connected,
                () = refused_by_port(address) => Err(Failure::unreachable("UDP port closed")),
            };
            inquiry.certificate = seen.facts();
            match handshake {
                Ok(connected) => return Ok(connected),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn http3_request(
        &self,
        to: &Target,
        record: &mut RecordedExchange,
    ) -> Result<Request<()>, Failure> {
        let fields = http2_fields(&self.settings, to);
        let (pseudo, others) = fields.split_at(4);
        record.request = Some(RecordedRequest {
            method: self.settings.method.as_str().into(),
            target: to.path.as_str().into(),
            version: "3".to_owned(),
            fields: recorded_fields(others),
            body: recorded_content(&self.settings.content),
            trailers: Vec::new(),
        });
        // Built from its parts, so that the path can be `*` (RFC 9114 §4.3.1).
        let uri = http::Uri::builder()
            .scheme("https")
            .authority(pseudo[2].1.as_str())
            .path_and_query(to.path.as_str())
            .build()
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        let mut request = Request::builder()
            .method(self.settings.method.as_str())
            .uri(uri)
            .body(())
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        for (name, value) in others {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value);
            // The command line accepts nothing else.
            if let (Ok(name), Ok(value)) = (name, value) {
                request.headers_mut().append(name, value);
            }
        }
        Ok(request)
    }
}

async fn handshake_quic(
    address: SocketAddr,
    to: &Target,
    tls: rustls::ClientConfig,
) -> Result<(quinn::Endpoint, quinn::Connection), Failure> {
    let tls =
        QuicClientConfig::try_from(tls).map_err(|error| Failure::unreachable(error.to_string()))?;
    let any: SocketAddr =
        if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let endpoint =
        quinn::Endpoint::client(any).map_err(|error| Failure::unreachable(error.to_string()))?;
    let config = quinn::ClientConfig::new(Arc::new(tls));
    let connecting = endpoint
        .connect_with(config, address, &to.host)
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    let connection = connecting
        .await
        .map_err(|error| Failure::unreachable(format!("QUIC handshake: {error}")))?;
    Ok((endpoint, connection))
}

/// Ends when the host says that the UDP port is closed; otherwise never.
///
/// quinn's socket is not connected, so it is not told. One datagram with an octet that begins no
/// QUIC packet (RFC 9000 §17.2: the fixed bit is 0) asks the host: a server drops it.
async fn refused_by_port(address: SocketAddr) {
    let any: SocketAddr =
        if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    if let Ok(socket) = UdpSocket::bind(any).await
        && socket.connect(address).await.is_ok()
        && socket.send(&[0]).await.is_ok()
    {
        let mut buffer = [0; 64];
        if let Err(error) = socket.recv(&mut buffer).await
            && error.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return;
        }
    }
    std::future::pending::<()>().await;
}

async fn exchange_http3(
    stream: &mut RequestStream,
    settings: &ProbeSettings,
    record: &mut RecordedExchange,
) -> Result<(), Failure> {
    // RFC 9114 §4.1.1: a server may answer before it has read the content, and stop reading it. Its
    // answer is read all the same.
    let content = Bytes::from(settings.content.clone());
    if content.is_empty() || stream.send_data(content).await.is_ok() {
        let finished = stream.finish().await;
        finished.map_err(|error| Failure::reset(error.to_string()))?;
    }
    for _ in 0..=INTERIM_LIMIT {
        let head =
            stream.recv_response().await.map_err(|error| Failure::reset(error.to_string()))?;
        let response = recorded_response(&head);
        // RFC 9114 §4.5: HTTP/3 has no 101; a server that sends it means its final response.
        if head.status().is_informational() && head.status() != 101 {
            record.interim.push(response);
            continue;
        }
        record.response =
            Some(RecordedResponse { body: Some(RecordedBody::default()), ..response });
        return read_content(stream, record, settings.content_limit).await;
    }
    Err(Failure::malformed("there are too many interim responses"))
}

async fn read_content(
    stream: &mut RequestStream,
    record: &mut RecordedExchange,
    limit: usize,
) -> Result<(), Failure> {
    loop {
        match stream.recv_data().await {
            Ok(Some(mut data)) => {
                let content = data.copy_to_bytes(data.remaining());
                if add_content(record, &content, limit) {
                    return Ok(());
                }
            }
            Ok(None) => break,
            Err(error) => return Err(Failure::reset(error.to_string())),
        }
    }
    if let Ok(Some(trailers)) = stream.recv_trailers().await
        && let Some(response) = &mut record.response
    {
        response.trailers = recorded_map(&trailers);
    }
    record.end = Some(ExchangeEnd::Complete);
    Ok(())
}

fn recorded_response(head: &Response<()>) -> RecordedResponse {
    RecordedResponse {
        status: head.status().as_u16(),
        version: "3".to_owned(),
        reason: None,
        fields: recorded_map(head.headers()),
        body: None,
        trailers: Vec::new(),
    }
}

fn recorded_map(map: &HeaderMap) -> Vec<RecordedField> {
    let mut fields = Vec::new();
    for (name, value) in map {
        fields.push(RecordedField(name.as_str().into(), value.as_bytes().into()));
    }
    fields
}
