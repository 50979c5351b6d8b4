//! Judges what the responses announce: by the lanes that were asked, or else by asking once more.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use upshift_core::field::Protocol;
use upshift_record::Lane;
use upshift_record::probe::{ProbeOutcome, ProbeRow, Promise, PromiseVerdict};

use super::alternatives::Alternative;
use super::asking::Answer;
use super::lane_evidence::{LaneEvidence, Verdict};
use super::prober::Prober;
use super::promises::{Announced, Announcement, collect_announcements};
use super::question::Question;
use super::target::Target;

/// The most requests that are sent for promises.
pub const MOST_DIALS: usize = 8;

/// A request that shows whether a promise is kept.
#[derive(Clone, Debug)]
enum Dial {
    /// Offers a protocol that no lane offers.
    Offer(String),
    /// Asks a lane at an endpoint.
    Lane(Lane, Target),
    /// Fetches a URL.
    Url(Target),
}

/// The way to a verdict.
enum Plan {
    Settled(Verdict),
    Dial(Dial),
}

impl Prober {
    /// Judges everything that the answers announce.
    pub(super) async fn check_promises(self: &Arc<Self>, rows: &[ProbeRow]) -> Vec<Promise> {
        let announcements = collect_announcements(rows, &self.settings.target);
        let mut verdicts: Vec<Option<Verdict>> = Vec::new();
        let mut dialling = JoinSet::new();
        for (place, announcement) in announcements.iter().enumerate() {
            match self.plan_check(announcement, rows) {
                Plan::Settled(verdict) => verdicts.push(Some(verdict)),
                Plan::Dial(_) if !self.settings.dials => {
                    verdicts.push(Some(Verdict::not_checked("dialling is turned off")));
                }
                Plan::Dial(_) if dialling.len() == MOST_DIALS => {
                    let reason = format!("only {MOST_DIALS} promises are dialled");
                    verdicts.push(Some(Verdict::not_checked(reason)));
                }
                Plan::Dial(dial) => {
                    let prober = Arc::clone(self);
                    dialling.spawn(async move { (place, prober.dial(dial).await) });
                    verdicts.push(None);
                }
            }
        }
        while let Some(joined) = dialling.join_next().await {
            if let Ok((place, verdict)) = joined {
                verdicts[place] = Some(verdict);
            }
        }
        let mut promises = Vec::new();
        for (announcement, verdict) in announcements.into_iter().zip(verdicts) {
            // A dial that panicked is a promise that is missing, and a bug.
            let Some(verdict) = verdict else { continue };
            promises.push(promise_of(announcement, verdict));
        }
        promises
    }

    fn plan_check(&self, announcement: &Announcement, rows: &[ProbeRow]) -> Plan {
        match &announcement.announced {
            Announced::Protocol(token) => {
                let evidence = LaneEvidence { rows, made_by: &announcement.made_by };
                match evidence.judge_protocol(token) {
                    Some(verdict) => Plan::Settled(verdict),
                    None if Protocol::parse(token).is_err() => {
                        Plan::Settled(Verdict::not_checked("it is not the name of a protocol"))
                    }
                    None => Plan::Dial(Dial::Offer(token.clone())),
                }
            }
            Announced::Service(service) => self.plan_service(service, rows),
            Announced::Url(target) => self.plan_url(target, rows),
        }
    }

    fn plan_service(&self, service: &Alternative, rows: &[ProbeRow]) -> Plan {
        if service.host.is_some() {
            return Plan::Settled(Verdict::not_checked("it is on another host"));
        }
        let lane = match service.protocol.as_str() {
            "h3" => Lane::Http3,
            "h2" => Lane::Http2,
            "http/1.1" => Lane::Tls13,
            other => {
                let reason = format!("`{other}` is no protocol that the probe speaks");
                return Plan::Settled(Verdict::not_checked(reason));
            }
        };
        let target = self.settings.target.at_port(true, service.port);
        let asked = rows.iter().find(|row| {
            let url = row.exchange.as_ref().and_then(|exchange| exchange.url.as_deref());
            row.question == lane.as_str() && url == Some(target.to_string().as_str())
        });
        match asked {
            Some(row) => Plan::Settled(judge_spoken(row)),
            None => Plan::Dial(Dial::Lane(lane, target)),
        }
    }

    fn plan_url(&self, target: &Target, rows: &[ProbeRow]) -> Plan {
        if target.host != self.settings.target.host && !self.settings.follows_hosts {
            return Plan::Settled(Verdict::not_checked(
                "it is on another host (--follow-hosts dials it)",
            ));
        }
        // The lanes that ask for a URL as a client would.
        let lanes = [Lane::Http2, Lane::Tls13, Lane::Tls12, Lane::Http11].map(Lane::as_str);
        let asked = rows.iter().find(|row| {
            let url = row.exchange.as_ref().and_then(|exchange| exchange.url.as_deref());
            lanes.contains(&row.question.as_str())
                && row.outcome == ProbeOutcome::Answered
                && url == Some(target.to_string().as_str())
        });
        match asked {
            Some(row) => Plan::Settled(self.judge_fetched(row, target)),
            None => Plan::Dial(Dial::Url(target.clone())),
        }
    }

    async fn dial(&self, dial: Dial) -> Verdict {
        match dial {
            Dial::Offer(token) => {
                let answer = self.ask_offer(&token, &self.settings.target).await;
                judge_offer(&answer)
            }
            Dial::Lane(lane, target) => {
                let answer = self.ask(Question::Lane(lane), &target).await;
                judge_spoken(&answer.row)
            }
            Dial::Url(target) => {
                if let Some(address) = self.unexpected_address(&target).await {
                    return Verdict::not_checked(format!(
                        "its address {address} is not public, but that of the server is"
                    ));
                }
                let answer = self.ask(Question::Lane(Lane::Http11), &target).await;
                self.judge_fetched(&answer.row, &target)
            }
        }
    }

    /// Judges a URL that a refusal names: it has to lead somewhere else than to a refusal or an
    /// error. That the resource exists is only promised by a URL with another path.
    fn judge_fetched(&self, row: &ProbeRow, target: &Target) -> Verdict {
        let (ProbeOutcome::Answered, Some(status)) = (row.outcome, row.status) else {
            return judge_spoken(row);
        };
        let is_own_path = target.path == self.settings.target.path;
        let leads_nowhere = match status {
            404 | 410 => !is_own_path,
            426 | 500.. => true,
            _ => false,
        };
        let verdict = match leads_nowhere {
            true => PromiseVerdict::NotDelivered,
            false => PromiseVerdict::Delivered,
        };
        Verdict::new(verdict, format!("it answers {status}"))
    }

    /// The address of another host that a server on the public internet must not lead us to: a
    /// probe may run inside of a network that the server cannot reach itself.
    async fn unexpected_address(&self, target: &Target) -> Option<IpAddr> {
        let own = self.addresses(&self.settings.target).await.unwrap_or_default();
        if target.host == self.settings.target.host || own.iter().any(|own| !is_public(own.ip())) {
            return None;
        }
        let named = self.addresses(target).await.unwrap_or_default();
        named.into_iter().map(|address| address.ip()).find(|address| !is_public(*address))
    }
}

fn promise_of(announcement: Announcement, verdict: Verdict) -> Promise {
    let what = match announcement.announced {
        Announced::Protocol(token) => token,
        Announced::Service(Alternative { protocol, host, port }) => {
            format!("{protocol} at {}:{port}", host.unwrap_or_default())
        }
        Announced::Url(target) => target.to_string(),
    };
    Promise {
        what,
        sources: announcement.sources,
        made_by: announcement.made_by,
        verdict: verdict.verdict,
        evidence: verdict.evidence,
    }
}

/// Judges an endpoint that was promised to speak a protocol, whatever it answers.
fn judge_spoken(row: &ProbeRow) -> Verdict {
    match (row.outcome, row.status) {
        (ProbeOutcome::Answered, Some(status)) => {
            Verdict::new(PromiseVerdict::Delivered, format!("it answers {status}"))
        }
        _ => {
            let reason = row.reason.clone().unwrap_or_else(|| "no answer".to_owned());
            Verdict::new(PromiseVerdict::NotDelivered, reason)
        }
    }
}

/// Judges a protocol that only the server knows. A server may name in `Upgrade` what cannot be
/// switched to on a connection, such as the new version of an API, so a refusal proves nothing.
fn judge_offer(answer: &Answer) -> Verdict {
    let row = &answer.row;
    match &row.switched_to {
        Some(_) => Verdict::new(PromiseVerdict::Delivered, "101 when it is offered".to_owned()),
        None => {
            let said = match row.status {
                Some(status) => status.to_string(),
                None => row.reason.clone().unwrap_or_else(|| "no answer".to_owned()),
            };
            Verdict::not_checked(format!(
                "not a registered protocol; {said} when it is offered on a connection"
            ))
        }
    }
}

/// Returns false for addresses that are only reached from inside of a machine or network.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second); // RFC 6598
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || is_shared)
        }
        IpAddr::V6(address) => {
            let first = address.segments()[0];
            let is_unique_local = first & 0xfe00 == 0xfc00; // RFC 4193
            let is_link_local = first & 0xffc0 == 0xfe80; // RFC 4291 §2.5.6
            !(address.is_loopback() || address.is_unspecified() || is_unique_local || is_link_local)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn addresses_inside_of_a_network_are_not_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["192.0.2.1", "100.128.0.1", "2001:db8::1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
