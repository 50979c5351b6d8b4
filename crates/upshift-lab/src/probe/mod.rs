//! The probe: asks one URL over every lane, dials what the answers promise, and names what the hops
//! between do.
//!
//! Each question has a connection of its own, and the connections of a round run side by side:
//!
//! 1. The URL itself, and whatever else has a port that is known.
//! 2. The lanes of the other channel (TLS for an `http` URL), whose port the answers of the first
//!    round may have told, and HTTP/3.
//! 3. What the answers promise and no lane has shown.
//!
//! No question has content unless [`ProbeSettings::content`] has some. The most that is sent is one request for each lane and each further
//! question, and [`MOST_DIALS`] requests for promises.

mod alternatives;
mod asking;
mod dialling;
mod hops;
mod http09_bait;
mod http1_exchange;
mod http1_lanes;
mod http1_request;
mod http2_frames;
mod http2_lanes;
mod http2_session;
mod http2_upload;
mod http3_lane;
mod in_band_lane;
mod inquiry;
mod lane_answer;
mod lane_evidence;
mod lane_fields;
mod loose_head;
mod note_findings;
mod old_tls;
mod ports;
mod prober;
mod promises;
mod question;
mod settings;
mod switching;
mod target;
mod tls_setup;
mod websocket_lane;

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;
use upshift_record::Lane;
use upshift_record::probe::{CertificateFacts, PROBE_SCHEMA, ProbeReport, ProbeRow};

use self::asking::{Answer, row_not_asked};
use self::hops::find_hops;
use self::note_findings::collect_notes;
use self::ports::OtherChannel;
use self::prober::Prober;
use self::question::{Extra, Question};

use crate::wire_log::milliseconds;

pub use self::dialling::MOST_DIALS;
pub use self::lane_answer::{LaneAnswer, ask_lane};
pub use self::lane_fields::{FieldError, check_lane_field, check_own_field};
pub use self::question::Channel;
pub use self::settings::ProbeSettings;
pub use self::target::{Target, TargetError};

/// Probes a URL. It ends for every server, because each question has a time limit.
pub async fn probe(settings: ProbeSettings) -> ProbeReport {
    let started = Instant::now();
    let url = settings.target.clone();
    let mut round = Round::new(Arc::new(Prober::new(settings)));
    let questions = wanted_questions(&round.prober.settings);
    let mut later = Vec::new();
    let other = OtherChannel::before_answers(&round.prober.settings);
    for question in questions {
        match question.channel() {
            // Alt-Svc may name another port for it.
            _ if question == Question::Lane(Lane::Http3) => later.push(question),
            Channel::AsUrl => round.begin(question, url.clone()),
            Channel::Cleartext if !url.is_tls => round.begin(question, url.clone()),
            Channel::Tls if url.is_tls => round.begin(question, url.clone()),
            _ => match &other {
                OtherChannel::At(target) => round.begin(question, target.clone()),
                OtherChannel::Unknown(_) => later.push(question),
            },
        }
    }
    round.finish().await;
    let other = other.after_answers(&round.prober.settings, &round.rows);
    for question in later {
        match other.target_of(question, &url, &round.rows) {
            Ok(target) => round.begin(question, target),
            Err(reason) => round.rows.push(row_not_asked(question, reason)),
        }
    }
    round.finish().await;
    round.into_report(&other, started).await
}

fn wanted_questions(settings: &ProbeSettings) -> Vec<Question> {
    let mut questions = Vec::new();
    for lane in Lane::ALL {
        if settings.lanes.contains(&lane) {
            questions.push(Question::Lane(lane));
        }
    }
    if settings.asks_extras {
        questions.extend(Extra::ALL.map(Question::Extra));
    }
    questions
}

/// Questions that are asked side by side, and the answers so far.
struct Round {
    prober: Arc<Prober>,
    asking: JoinSet<Answer>,
    rows: Vec<ProbeRow>,
    certificate: Option<CertificateFacts>,
}

impl Round {
    fn new(prober: Arc<Prober>) -> Self {
        Self { prober, asking: JoinSet::new(), rows: Vec::new(), certificate: None }
    }

    fn begin(&mut self, question: Question, to: Target) {
        let prober = Arc::clone(&self.prober);
        self.asking.spawn(async move { prober.ask(question, &to).await });
    }

    /// Waits for all answers.
    async fn finish(&mut self) {
        while let Some(joined) = self.asking.join_next().await {
            // A question that panicked is a row that is missing, and a bug.
            let Ok(answer) = joined else { continue };
            self.certificate = self.certificate.take().or(answer.certificate);
            self.rows.push(answer.row);
        }
    }

    /// Puts the answers in order, checks what they promise, and compares them.
    async fn into_report(self, other: &OtherChannel, started: Instant) -> ProbeReport {
        let Self { prober, rows, certificate, .. } = self;
        let url = prober.settings.target.clone();
        let named_lane = |row: &ProbeRow| row.question.parse::<Lane>().is_ok();
        let (mut lanes, mut extras): (Vec<_>, Vec<_>) = rows.into_iter().partition(named_lane);
        lanes.sort_by_key(|row| row.question.parse::<Lane>().ok());
        extras
            .sort_by_key(|row| Extra::ALL.iter().position(|extra| extra.as_str() == row.question));
        let all = [lanes.clone(), extras.clone()].concat();
        let promises = prober.check_promises(&all).await;
        let (own, others) = (Some(url.host_and_port()), other.target().map(Target::host_and_port));
        let (cleartext, tls) = if url.is_tls { (others, own) } else { (own, others) };
        ProbeReport {
            schema: PROBE_SCHEMA.to_owned(),
            url: url.to_string(),
            cleartext,
            tls,
            connections: prober.connections(),
            elapsed_ms: milliseconds(started.elapsed()),
            hops: find_hops(&all),
            notes: collect_notes(&all),
            promises,
            certificate,
            lanes,
            extras,
        }
    }
}
