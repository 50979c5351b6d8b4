//! HTTP/1.0 and 1.1, over cleartext and TLS, with and without an offer.

use upshift_record::probe::ProbeOutcome;

use super::http1_exchange::{AfterResponse, Http1Exchange};
use super::http1_request::Http1Request;
use super::inquiry::{Failure, Inquiry};
use super::prober::{ByteStream, Prober};
use super::switching::{list_of, require_switch};
use super::target::Target;
use super::tls_setup::TlsOffer;

impl Prober {
    /// A plain request of this version.
    pub(super) async fn ask_http1(
        &self,
        to: &Target,
        version: &'static str,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_http1(to, inquiry).await?;
        let request = Http1Request::new(&self.settings, to, version);
        let after = exchange_http1(&mut stream, &request, inquiry).await?;
        end_if_switched(after, inquiry);
        Ok(())
    }

    /// A plain request of HTTP/1.1 over one version of TLS.
    pub(super) async fn ask_http1_over_tls(
        &self,
        to: &Target,
        offer: TlsOffer,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_tls(to, offer, &["http/1.1"], inquiry).await?;
        let request = Http1Request::new(&self.settings, to, "1.1");
        let after = exchange_http1(&mut stream, &request, inquiry).await?;
        end_if_switched(after, inquiry);
        Ok(())
    }

    /// A request that offers protocols.
    pub(super) async fn ask_with_offer(
        &self,
        to: &Target,
        protocols: &str,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_http1(to, inquiry).await?;
        let request = Http1Request::new(&self.settings, to, "1.1").offer(protocols, "Upgrade");
        let after = exchange_http1(&mut stream, &request, inquiry).await?;
        if after == AfterResponse::Switched {
            let names: Vec<&str> = protocols.split(", ").map(name_of).collect();
            require_switch(&names, inquiry)?;
            end_if_switched(after, inquiry);
        }
        Ok(())
    }
}

/// Ends the exchange after a 101: nothing can be said in a protocol that is not known here.
fn end_if_switched(after: AfterResponse, inquiry: &mut Inquiry) {
    if after == AfterResponse::Switched {
        inquiry.exchange.end = Some(upshift_record::ExchangeEnd::Complete);
        inquiry.switched_to = switched_protocol(inquiry);
        inquiry.outcome = Some(ProbeOutcome::Switched);
    }
}

/// The name of `name/version`.
fn name_of(protocol: &str) -> &str {
    protocol.split('/').next().unwrap_or_default()
}

/// Sends a request, and reads the responses to it.
pub(super) async fn exchange_http1(
    stream: &mut impl ByteStream,
    request: &Http1Request,
    inquiry: &mut Inquiry,
) -> Result<AfterResponse, Failure> {
    let record = &mut inquiry.exchange;
    let mut exchange = Http1Exchange::send(stream, request, record).await?;
    exchange.read_responses(stream, record).await
}

fn switched_protocol(inquiry: &Inquiry) -> Option<String> {
    let switch = inquiry.exchange.interim.last()?;
    let protocols = list_of(switch, "upgrade");
    if protocols.is_empty() { None } else { Some(protocols.join(", ")) }
}
