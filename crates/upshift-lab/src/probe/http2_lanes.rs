//! HTTP/2 by ALPN, by prior knowledge, and by `Upgrade: h2c`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use upshift_record::RecordedRequest;
use upshift_record::probe::ProbeOutcome;

use super::http1_exchange::{AfterResponse, Http1Exchange};
use super::http1_request::{Http1Request, general_fields, recorded_content, recorded_fields};
use super::http2_frames::SETTINGS_PAYLOAD;
use super::http2_session::Http2Session;
use super::inquiry::{Failure, Inquiry};
use super::prober::{ByteStream, Prober};
use super::settings::ProbeSettings;
use super::switching::require_switch;
use super::target::Target;
use super::tls_setup::TlsOffer;

impl Prober {
    /// HTTP/2 over TLS, chosen by ALPN (RFC 9113 §3.2).
    pub(super) async fn ask_http2(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let alpn = ["h2", "http/1.1"];
        let mut stream = self.connect_tls(to, TlsOffer::Any, &alpn, inquiry).await?;
        if !chose_http2(inquiry) {
            // RFC 9113 §3.2: HTTP/2 over TLS is identified by ALPN alone, so none may be sent.
            inquiry.conclude(ProbeOutcome::Declined, "ALPN did not choose h2");
            return Ok(());
        }
        self.exchange_http2(&mut stream, to, inquiry).await
    }

    /// HTTP/2 over cleartext by prior knowledge (RFC 9113 §3.3).
    pub(super) async fn ask_h2c_prior(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_cleartext(to, inquiry).await?;
        self.exchange_http2(&mut stream, to, inquiry).await
    }

    async fn exchange_http2(
        &self,
        stream: &mut impl ByteStream,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let fields = http2_fields(&self.settings, to);
        inquiry.exchange.request = Some(RecordedRequest {
            method: self.settings.method.as_str().into(),
            target: to.path.as_str().into(),
            version: "2".to_owned(),
            fields: recorded_fields(&fields[4..]),
            body: recorded_content(&self.settings.content),
            trailers: Vec::new(),
        });
        let mut session = Http2Session::new(Vec::new(), self.settings.content_limit);
        session.send_request(stream, &fields, &self.settings.content).await?;
        let read = session.read_responses(stream, &mut inquiry.exchange).await;
        if session.has_other_protocol() {
            inquiry.outcome = Some(ProbeOutcome::Declined);
        }
        read
    }

    /// HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2).
    pub(super) async fn ask_h2c_upgrade(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_cleartext(to, inquiry).await?;
        // RFC 7540 §3.2.1: the field is sent once, and `Connection` names it.
        let request = Http1Request::new(&self.settings, to, "1.1")
            .offer("h2c", "Upgrade, HTTP2-Settings")
            .field("HTTP2-Settings", URL_SAFE_NO_PAD.encode(SETTINGS_PAYLOAD));
        let record = &mut inquiry.exchange;
        let mut exchange = Http1Exchange::send(&mut stream, &request, record).await?;
        let after = exchange.read_responses(&mut stream, record).await?;
        if after == AfterResponse::Answered {
            return Ok(());
        }
        require_switch(&["h2c"], inquiry)?;
        // RFC 7540 §3.2: "The HTTP/1.1 request that is sent prior to upgrade is assigned a stream
        // identifier of 1", and after the 101 the client sends its preface.
        Http2Session::send_preface(&mut stream).await?;
        let received = std::mem::take(&mut exchange.received);
        let mut session = Http2Session::new(received, self.settings.content_limit);
        session.read_responses(&mut stream, &mut inquiry.exchange).await?;
        inquiry.switched_to = Some("h2c".to_owned());
        Ok(())
    }
}

fn chose_http2(inquiry: &Inquiry) -> bool {
    use upshift_record::Protection;
    matches!(
        &inquiry.exchange.protection,
        Some(Protection::Tls { alpn: Some(alpn), .. }) if alpn == "h2"
    )
}

/// The pseudo-fields, in four places, and the fields of a request over HTTP/2 or HTTP/3.
pub(super) fn http2_fields(settings: &ProbeSettings, to: &Target) -> Vec<(String, String)> {
    let mut authority = to.authority();
    let mut fields = Vec::new();
    for (name, value) in general_fields(settings, to) {
        // RFC 9113 §8.3.1: `:authority` takes the place of `Host`.
        if name.eq_ignore_ascii_case("host") {
            authority = value;
        } else {
            fields.push((name.to_ascii_lowercase(), value));
        }
    }
    let mut all = Vec::new();
    for (name, value) in [
        (":method", settings.method.as_str()),
        (":scheme", to.scheme()),
        (":authority", &authority),
        (":path", &to.path),
    ] {
        all.push((name.to_owned(), value.to_owned()));
    }
    all.extend(fields);
    all
}
