//! TLS inside of a cleartext connection (RFC 2817).

use upshift_record::ExchangeEnd;

use super::http1_exchange::{AfterResponse, Http1Exchange};
use super::http1_request::Http1Request;
use super::inquiry::{Failure, Inquiry};
use super::prober::Prober;
use super::switching::require_switch;
use super::target::Target;
use super::tls_setup::TlsOffer;

impl Prober {
    /// A request that offers TLS on its own connection.
    pub(super) async fn ask_tls_in_band(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_cleartext(to, inquiry).await?;
        let request = Http1Request::new(&self.settings, to, "1.1").offer("TLS/1.2", "Upgrade");
        let record = &mut inquiry.exchange;
        let mut exchange = Http1Exchange::send(&mut stream, &request, record).await?;
        if exchange.read_responses(&mut stream, record).await? == AfterResponse::Answered {
            return Ok(());
        }
        require_switch(&["TLS"], inquiry)?;
        // The client speaks first in TLS. Octets before that are cleartext that could be taken for
        // part of the protected response.
        if !exchange.received.is_empty() {
            return Err(Failure::malformed("cleartext follows the 101"));
        }
        let plain = stream.into_inner();
        let mut tls = self.start_tls(plain, to, TlsOffer::Any, &[], inquiry).await?;
        // RFC 2817 §3.3: after the handshake, the server answers the request that had the offer.
        let record = &mut inquiry.exchange;
        let mut inside = Http1Exchange::awaiting(&request)?;
        inside.read_responses(&mut tls, record).await?;
        record.end = Some(ExchangeEnd::Complete);
        inquiry.switched_to = Some("TLS".to_owned());
        Ok(())
    }
}
