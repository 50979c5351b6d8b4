//! The letter of a grade.

use upshift_record::grade::{Behaviour, PeerGrade, PeerVerdict};

/// A letter, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Letter {
    /// At least 90 % of the points.
    A,
    /// At least 80 %.
    B,
    /// At least 65 %.
    C,
    /// At least 50 %.
    D,
    /// Less.
    F,
}

/// The points of a client, and its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) points: usize,
    pub(super) most_points: usize,
    /// `None` if no peer counts.
    pub(super) letter: Option<Letter>,
    /// The behaviour that limits the letter.
    pub(super) limited_by: Option<Behaviour>,
}

impl Letter {
    /// The letter as a character.
    pub fn as_char(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
            Self::D => 'D',
            Self::F => 'F',
        }
    }

    /// The letter that a text names, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::A, Self::B, Self::C, Self::D, Self::F];
        all.into_iter().find(|letter| text.eq_ignore_ascii_case(&letter.as_char().to_string()))
    }

    fn of_points(points: usize, most: usize) -> Self {
        // In per cent, rounded down.
        match points * 100 / most {
            90.. => Self::A,
            80.. => Self::B,
            65.. => Self::C,
            50.. => Self::D,
            _ => Self::F,
        }
    }

    /// The best letter of a client with this behaviour, however many points it has.
    fn limit_of(behaviour: Behaviour) -> Option<Self> {
        match behaviour {
            Behaviour::LeakedSecret => Some(Self::F),
            Behaviour::ReplayedBody | Behaviour::Desynchronised => Some(Self::D),
            Behaviour::Looped => Some(Self::C),
            _ => None,
        }
    }
}

/// The letter for one peer alone; `None` if the client cannot play it.
pub(crate) fn letter_of(peer: &PeerGrade) -> Option<Letter> {
    score(std::slice::from_ref(peer)).letter
}

/// Adds up the points. Unsupported peers do not count.
pub(super) fn score(peers: &[PeerGrade]) -> Score {
    let mut score = Score { points: 0, most_points: 0, letter: None, limited_by: None };
    let mut limit = Letter::A;
    for peer in peers {
        score.points += match peer.verdict {
            PeerVerdict::Right => 2,
            PeerVerdict::Acceptable => 1,
            PeerVerdict::Wrong => 0,
            PeerVerdict::Unsupported => continue,
        };
        score.most_points += 2;
        for behaviour in &peer.behaviours {
            if let Some(letter) = Letter::limit_of(*behaviour)
                && letter > limit
            {
                limit = letter;
                score.limited_by = Some(*behaviour);
            }
        }
    }
    if score.most_points > 0 {
        let letter = Letter::of_points(score.points, score.most_points);
        score.letter = Some(letter.max(limit));
        if letter >= limit {
            score.limited_by = None;
        }
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(verdict: PeerVerdict, behaviours: &[Behaviour]) -> PeerGrade {
        PeerGrade {
            peer: "p".to_owned(),
            expect: String::new(),
            verdict,
            behaviours: behaviours.to_vec(),
            evidence: Vec::new(),
            requests: 1,
            connections: 1,
            exit: Some(0),
            took_ms: 1,
        }
    }

    #[test]
    fn points_make_a_letter() {
        let right = || peer(PeerVerdict::Right, &[]);
        let acceptable = || peer(PeerVerdict::Acceptable, &[]);
        let wrong = || peer(PeerVerdict::Wrong, &[Behaviour::Swallowed]);
        let unsupported = || peer(PeerVerdict::Unsupported, &[]);
        let rows = [
            (vec![right(), right()], Some(Letter::A)),
            (vec![right(), unsupported()], Some(Letter::A)),
            (vec![right(), acceptable()], Some(Letter::C)),
            (vec![right(), wrong()], Some(Letter::D)),
            (vec![wrong()], Some(Letter::F)),
            (vec![unsupported()], None),
        ];
        for (peers, letter) in rows {
            assert_eq!(score(&peers).letter, letter, "{peers:?}");
        }
    }

    #[test]
    fn grave_faults_limit_the_letter() {
        let mut peers = vec![peer(PeerVerdict::Right, &[]); 99];
        peers.push(peer(PeerVerdict::Wrong, &[Behaviour::ReplayedBody]));
        let limited = score(&peers);
        assert_eq!(limited.letter, Some(Letter::D));
        assert_eq!(limited.limited_by, Some(Behaviour::ReplayedBody));
        peers.push(peer(PeerVerdict::Wrong, &[Behaviour::LeakedSecret]));
        assert_eq!(score(&peers).letter, Some(Letter::F));
    }

    #[test]
    fn a_letter_is_read_in_either_case() {
        assert_eq!(Letter::parse("b"), Some(Letter::B));
        assert_eq!(Letter::parse("E"), None);
    }
}
