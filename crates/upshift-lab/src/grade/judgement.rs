//! An observation, and what a good client does → the verdict.

use upshift_record::Lane;
use upshift_record::grade::{Behaviour, PeerVerdict};

use super::observation::Observation;
use crate::client_run::ClientEnd;
use crate::mock::Wanted;

/// From this number of requests that are alike, a client loops.
pub(super) const LOOP_LENGTH: usize = 6;

/// The exit code of a client that cannot play a case.
const UNSUPPORTED: i32 = 127;

/// The verdict on a client with one peer, and the reasons for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) verdict: PeerVerdict,
    pub(super) behaviours: Vec<Behaviour>,
    pub(super) evidence: Vec<String>,
}

/// Judges what a client did with a peer.
pub(super) fn judge(wanted: Wanted, seen: &Observation) -> Judgement {
    if let Some(why) = why_unsupported(seen) {
        let verdict = PeerVerdict::Unsupported;
        return Judgement { verdict, behaviours: Vec::new(), evidence: vec![why] };
    }
    let mut judgement =
        Judgement { verdict: PeerVerdict::Wrong, behaviours: Vec::new(), evidence: Vec::new() };
    judgement.add_faults(seen);
    judgement.add_outcome(wanted, seen);
    if (2..LOOP_LENGTH).contains(&seen.most_alike) {
        judgement.add(Behaviour::Retried, format!("{} requests are alike", seen.most_alike));
    }
    judgement.behaviours.sort_unstable();
    judgement.verdict = verdict_on(wanted, &judgement.behaviours);
    judgement
}

fn why_unsupported(seen: &Observation) -> Option<String> {
    match &seen.end {
        Some(ClientEnd::NotStarted(why)) => Some(format!("it could not be started: {why}")),
        Some(ClientEnd::Exited(UNSUPPORTED)) => Some("it ended with exit code 127".to_owned()),
        Some(ClientEnd::Exited(0)) if seen.connections == 0 => {
            Some("it made no connection, and reported success".to_owned())
        }
        _ => seen.not_shown.map(str::to_owned),
    }
}

fn verdict_on(wanted: Wanted, behaviours: &[Behaviour]) -> PeerVerdict {
    if behaviours.iter().any(|behaviour| behaviour.is_fault()) {
        return PeerVerdict::Wrong;
    }
    let served = [Behaviour::Followed, Behaviour::FellBack, Behaviour::Served];
    let was_served = behaviours.iter().any(|behaviour| served.contains(behaviour));
    match wanted {
        _ if was_served => PeerVerdict::Right,
        Wanted::Follow => PeerVerdict::Acceptable,
        Wanted::Surface | Wanted::Reject => PeerVerdict::Right,
        // A response that is fine was taken for a failure.
        Wanted::Take => PeerVerdict::Wrong,
    }
}

impl Judgement {
    fn add(&mut self, behaviour: Behaviour, evidence: String) {
        self.behaviours.push(behaviour);
        self.evidence.push(format!("{}: {evidence}", behaviour.as_str()));
    }

    fn add_faults(&mut self, seen: &Observation) {
        if let Some(evidence) = &seen.leaked_secret {
            self.add(Behaviour::LeakedSecret, evidence.clone());
        }
        if let Some(evidence) = &seen.replayed_body {
            self.add(Behaviour::ReplayedBody, evidence.clone());
        }
        if let Some(evidence) = &seen.malformed {
            self.add(Behaviour::Desynchronised, evidence.clone());
        }
        if seen.most_alike >= LOOP_LENGTH || seen.end == Some(ClientEnd::Stopped) {
            self.add(Behaviour::Looped, format!("{} requests", seen.requests));
        }
        if seen.end == Some(ClientEnd::TimedOut) {
            self.add(Behaviour::Hung, "it was killed at the time limit".to_owned());
        }
    }

    fn add_outcome(&mut self, wanted: Wanted, seen: &Observation) {
        let succeeded = seen.end == Some(ClientEnd::Exited(0));
        if succeeded && let Some(lane) = seen.served {
            let name = lane.map_or("an unknown lane", Lane::as_str);
            self.add(success(seen, lane), format!("the last response came over {name}"));
            return;
        }
        if let Some(evidence) = &seen.told {
            self.add(Behaviour::Surfaced, evidence.clone());
            return;
        }
        if !succeeded {
            // Killed or ended by a signal, which the faults say.
            if self.behaviours.is_empty() {
                self.add(Behaviour::Surfaced, "it was ended by a signal".to_owned());
            }
            return;
        }
        let behaviour = match wanted {
            Wanted::Reject => Behaviour::AcceptedIllegal,
            Wanted::Follow | Wanted::Surface | Wanted::Take => Behaviour::Swallowed,
        };
        let got = seen.refused.map(|(_, status)| status.to_string());
        let got = got.or_else(|| seen.unanswered.clone()).unwrap_or_else(|| "nothing".to_owned());
        self.add(behaviour, format!("exit code 0 after {got}, and no word of it in the output"));
    }
}

/// The kind of success: at once, over the protocol that was demanded, or in another way.
fn success(seen: &Observation, lane: Option<Lane>) -> Behaviour {
    match seen.refused {
        Some((refused_over, 426)) if lane != refused_over && !is_plain(lane) => Behaviour::Followed,
        Some(_) => Behaviour::FellBack,
        None if seen.unanswered.is_some() => Behaviour::FellBack,
        None => Behaviour::Served,
    }
}

/// HTTP/1.x over cleartext, without an offer.
fn is_plain(lane: Option<Lane>) -> bool {
    matches!(lane, Some(Lane::Http10 | Lane::Http11))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client that got a 426 over HTTP/1.1 and ended with `code`.
    fn refused(code: i32) -> Observation {
        Observation {
            requests: 1,
            connections: 1,
            most_alike: 1,
            refused: Some((Some(Lane::Http11), 426)),
            end: Some(ClientEnd::Exited(code)),
            ..Observation::default()
        }
    }

    fn told() -> Observation {
        Observation { told: Some("exit code 22".to_owned()), ..refused(22) }
    }

    fn followed() -> Observation {
        Observation { served: Some(Some(Lane::Http2)), requests: 2, ..refused(0) }
    }

    #[test]
    fn verdicts_depend_on_what_is_wanted() {
        use Behaviour::*;
        let served = Observation { refused: None, served: Some(Some(Lane::Http11)), ..refused(0) };
        let rows = [
            (Wanted::Follow, followed(), PeerVerdict::Right, Followed),
            (Wanted::Follow, told(), PeerVerdict::Acceptable, Surfaced),
            (Wanted::Follow, refused(0), PeerVerdict::Wrong, Swallowed),
            (Wanted::Surface, told(), PeerVerdict::Right, Surfaced),
            (Wanted::Surface, refused(0), PeerVerdict::Wrong, Swallowed),
            (Wanted::Reject, told(), PeerVerdict::Right, Surfaced),
            (Wanted::Reject, refused(0), PeerVerdict::Wrong, AcceptedIllegal),
            (Wanted::Take, served, PeerVerdict::Right, Served),
            (Wanted::Take, told(), PeerVerdict::Wrong, Surfaced),
        ];
        for (wanted, seen, verdict, behaviour) in rows {
            let judgement = judge(wanted, &seen);
            assert_eq!(judgement.verdict, verdict, "{wanted:?} {seen:?}");
            assert_eq!(judgement.behaviours, [behaviour], "{wanted:?} {seen:?}");
        }
    }

    #[test]
    fn a_fault_is_wrong_however_it_ended() {
        use Behaviour::*;
        let rows = [
            (Observation { leaked_secret: Some("x".to_owned()), ..followed() }, LeakedSecret),
            (Observation { replayed_body: Some("x".to_owned()), ..followed() }, ReplayedBody),
            (Observation { malformed: Some("x".to_owned()), ..followed() }, Desynchronised),
            (Observation { most_alike: LOOP_LENGTH, ..followed() }, Looped),
            (Observation { end: Some(ClientEnd::TimedOut), ..refused(0) }, Hung),
            (Observation { end: Some(ClientEnd::Stopped), ..refused(0) }, Looped),
        ];
        for (seen, behaviour) in rows {
            let judgement = judge(Wanted::Follow, &seen);
            assert_eq!(judgement.verdict, PeerVerdict::Wrong, "{seen:?}");
            assert_eq!(judgement.behaviours[0], behaviour, "{seen:?}");
        }
    }

    #[test]
    fn a_fall_back_is_no_follow() {
        let offered = Some((Some(Lane::H2cUpgrade), 426));
        let seen = Observation { refused: offered, served: Some(Some(Lane::Http11)), ..refused(0) };
        assert_eq!(judge(Wanted::Follow, &seen).behaviours, [Behaviour::FellBack]);
    }

    #[test]
    fn what_a_client_cannot_play_does_not_count() {
        for end in [ClientEnd::Exited(127), ClientEnd::NotStarted("no".to_owned())] {
            let seen = Observation { end: Some(end), ..refused(0) };
            assert_eq!(judge(Wanted::Follow, &seen).verdict, PeerVerdict::Unsupported);
        }
        let idle = Observation { connections: 0, requests: 0, refused: None, ..refused(0) };
        assert_eq!(judge(Wanted::Follow, &idle).verdict, PeerVerdict::Unsupported);
    }
}
