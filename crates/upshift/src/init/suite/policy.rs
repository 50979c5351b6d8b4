//! A policy file → a suite: what each rule answers over each lane, in the phase of today.
//!
//! Nothing is guessed: the expectations are those of `upshift explain`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use upshift_core::policy::{Phase, Requirement, Rule};
use upshift_core::{Timestamp, VerdictReason};
use upshift_gateway::{ExplainQuery, ExplainTarget, Settings};
use upshift_lab::probe::Target;
use upshift_lab::suite::RequestText;
use upshift_lab::suite::draft::{DraftCase, DraftRemark, SuiteDraft, UniqueIds, escape_variables};
use upshift_record::{DecisionRecord, Lane};

use super::answers::{Decisions, group_expectations};
use super::lanes::{AskedLane, lanes_of, reachable};
use super::sample::{SampleRequest, VersionSample, plain_samples, version_samples, with_identity};

/// The number of identities that are tried to find one that a ramp refuses.
const MOST_IDENTITIES: usize = 500;

/// A policy file, and the time of the suite.
pub(super) struct PolicySource<'s> {
    pub(super) name: String,
    pub(super) settings: &'s Settings,
    pub(super) now: Timestamp,
    /// The URL of the server, in place of the listener of its scheme.
    pub(super) target: Option<&'s Target>,
}

impl PolicySource<'_> {
    /// The suite.
    ///
    /// # Errors
    /// If the file has no rule, or none can be asked.
    pub(super) fn draft(&self) -> Result<SuiteDraft, String> {
        let mut draft = SuiteDraft {
            name: self.name.clone(),
            target: self.target_url(),
            tls_target: self.tls_target_url(),
            comment: self.head_comment(),
            ..SuiteDraft::default()
        };
        let mut ids = UniqueIds::default();
        for rule in self.settings.file.policy.rules() {
            let cases = self.cases_of(rule, &mut ids);
            if cases.is_empty() {
                let message =
                    format!("rule {}: no request from this machine comes under it", rule.id);
                draft.remarks.push(DraftRemark::new(None, message));
            }
            draft.cases.extend(cases);
        }
        if draft.cases.is_empty() {
            return Err("there is no rule to write a case for\n  help: `upshift init` writes a file with rules".to_owned());
        }
        Ok(draft)
    }

    fn head_comment(&self) -> Vec<String> {
        let date = self.now.strftime("%Y-%m-%d");
        vec![
            format!("From {}: what each rule answers over each lane, as of {date}.", self.name),
            "The phases of a rollout change by its dates: write this file again after each of them.".to_owned(),
            "HTTP and HTTPS in the environment name other listeners than those of the file.".to_owned(),
        ]
    }

    /// The URL of the cleartext listener, or of the only one there is.
    fn target_url(&self) -> String {
        let gateway = &self.settings.file.gateway;
        if gateway.http.is_none() {
            return self.tls_url();
        }
        let named = self.target.filter(|target| !target.is_tls).map(Target::host_and_port);
        let host = named.unwrap_or_else(|| reachable(gateway.http));
        format!("http://${{HTTP:-{host}}}")
    }

    /// The URL of the TLS listener beside a cleartext one; empty: there is none.
    fn tls_target_url(&self) -> String {
        let gateway = &self.settings.file.gateway;
        if gateway.http.is_some() && gateway.https.is_some() {
            self.tls_url()
        } else {
            String::new()
        }
    }

    fn tls_url(&self) -> String {
        let named = self.target.filter(|target| target.is_tls).map(Target::host_and_port);
        let host = named.unwrap_or_else(|| reachable(self.settings.file.gateway.https));
        format!("https://${{HTTPS:-{host}}}")
    }

    fn cases_of(&self, rule: &Rule, ids: &mut UniqueIds) -> Vec<DraftCase> {
        let mut cases = Vec::new();
        let Some(plain) = self.plain_request(rule) else { return cases };
        let mut samples = vec![VersionSample {
            subject: String::new(),
            name: "plain".to_owned(),
            words: if reads_versions(rule) { "no version" } else { "no further fields" }.to_owned(),
            request: plain.clone(),
            lane: None,
        }];
        samples.extend(self.telling_versions(rule, &plain));
        if rule.rollout_state(self.now).phase == Phase::Ramp {
            samples = self.with_ramped_callers(rule, samples);
        }
        for sample in &samples {
            let decisions = self.decide_over(rule, sample);
            if !decisions.is_empty() {
                cases.push(self.draft_case(rule, sample, &decisions, ids));
            }
        }
        cases
    }

    /// The first sample that the rule applies to.
    fn plain_request(&self, rule: &Rule) -> Option<SampleRequest> {
        let lanes = lanes_of(&self.settings.file.gateway);
        plain_samples(rule)
            .into_iter()
            .find(|sample| lanes.iter().any(|lane| rules_on(rule, &self.decide(sample, *lane))))
    }

    /// One sample for each subject and reason: an old version, the minimum, a blocked one.
    fn telling_versions(&self, rule: &Rule, plain: &SampleRequest) -> Vec<VersionSample> {
        const TELLING: [VerdictReason; 4] = [
            VerdictReason::Meets,
            VerdictReason::TooOld,
            VerdictReason::Blocked,
            VerdictReason::NotInRamp,
        ];
        let mut seen = BTreeSet::new();
        let mut telling = Vec::new();
        for sample in version_samples(rule, plain) {
            let mut reasons = Vec::new();
            for (_, record) in self.decide_over(rule, &sample) {
                let ruling = record.rules.iter().find(|ruling| *ruling.rule == *rule.id);
                reasons.extend(ruling.map(|ruling| ruling.reason.to_string()));
            }
            let is_telling =
                TELLING.iter().any(|one| reasons.iter().any(|own| own == one.as_str()));
            // A second old version, or a second reader, tells nothing new.
            if is_telling && seen.insert((sample.subject.clone(), reasons)) {
                telling.push(sample);
            }
        }
        telling
    }

    /// Each sample for a caller that the ramp refuses, and for one that it does not.
    fn with_ramped_callers(&self, rule: &Rule, samples: Vec<VersionSample>) -> Vec<VersionSample> {
        let mut callers = Vec::new();
        for sample in samples {
            let mut verdicts = BTreeSet::new();
            for number in 1..=MOST_IDENTITIES {
                let caller = format!("caller-{number}");
                let Some(request) = with_identity(rule, &sample.request, &caller) else { break };
                let words = format!("{}, {caller}", sample.words);
                let name = format!("{}-{caller}", sample.name);
                let one = VersionSample { name, words, request, ..sample.clone() };
                let mut over = Vec::new();
                for (_, record) in self.decide_over(rule, &one) {
                    over.push(record.verdict.to_string());
                }
                if verdicts.insert(over) {
                    callers.push(one);
                }
            }
            if verdicts.is_empty() {
                callers.push(sample);
            }
        }
        callers
    }

    fn decide_over(&self, rule: &Rule, sample: &VersionSample) -> Decisions {
        let mut decisions = Vec::new();
        for lane in lanes_of(&self.settings.file.gateway) {
            let is_left_out = sample.lane.is_some_and(|only| only != lane.lane);
            if is_left_out || (lane.lane == Lane::WebSocket && !speaks_of_websocket(rule)) {
                continue;
            }
            let record = self.decide(&sample.request, lane);
            if rules_on(rule, &record) {
                decisions.push((lane, record));
            }
        }
        decisions
    }

    /// The decision of the gateway, as `upshift explain` shows it.
    fn decide(&self, request: &SampleRequest, lane: AskedLane) -> DecisionRecord {
        let gateway = &self.settings.file.gateway;
        let listener = if lane.tls.is_some() { gateway.https } else { gateway.http };
        let mut fields = request.fields.clone();
        for (name, value) in [("User-Agent", "upshift-probe/0"), ("Accept", "*/*")] {
            if !fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                fields.push((name.to_owned(), value.to_owned()));
            }
        }
        if lane.lane == Lane::WebSocket {
            fields.extend(handshake_fields());
        }
        let query = ExplainQuery {
            method: request.method.clone(),
            target: ExplainTarget {
                https: lane.tls.is_some(),
                authority: request.host.clone().unwrap_or_else(|| reachable(listener)),
                path: request.target.clone(),
            },
            http: lane.http,
            tls: lane.tls,
            // The suite runs on this machine.
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            fields,
            at: self.now,
        };
        query.answer(&self.settings.file.policy, self.settings)
    }

    fn draft_case(
        &self,
        rule: &Rule,
        sample: &VersionSample,
        decisions: &Decisions,
        ids: &mut UniqueIds,
    ) -> DraftCase {
        let SampleRequest { method, host, target, fields } = &sample.request;
        let mut request = RequestText {
            method: method.clone(),
            target: escape_variables(target),
            fields: Vec::new(),
            body: String::new(),
        };
        if let Some(host) = host {
            request.fields.push(("Host".to_owned(), host.clone()));
        }
        for (name, value) in fields {
            request.fields.push((name.clone(), escape_variables(value)));
        }
        let id = ids.make(&format!("{}-{}", rule.id, sample.name));
        let comment = self.case_comment(rule, sample, decisions);
        let (lanes, expect) = group_expectations(decisions);
        DraftCase { id, comment, request, lanes, expect, capture: BTreeMap::new() }
    }

    fn case_comment(
        &self,
        rule: &Rule,
        sample: &VersionSample,
        decisions: &Decisions,
    ) -> Vec<String> {
        let state = rule.rollout_state(self.now);
        let until = match state.until {
            Some(until) => format!(" until {}", until.strftime("%Y-%m-%d %H:%M UTC")),
            None => String::new(),
        };
        let mut comment = vec![format!(
            "Rule {}, phase {}{until}: a request with {}.",
            rule.id,
            state.phase.as_str(),
            sample.words
        )];
        let mut said = BTreeSet::new();
        for (_, record) in decisions {
            let ruling = record.rules.iter().find(|ruling| *ruling.rule == *rule.id);
            let Some(ruling) = ruling else { continue };
            let line = format!("{}: {}", ruling.verdict, ruling.why);
            if said.insert(line.clone()) {
                comment.push(line);
            }
        }
        comment
    }
}

/// Returns true if the rule applies to the request of this decision, and no exemption lifts it.
fn rules_on(rule: &Rule, record: &DecisionRecord) -> bool {
    record.rules.iter().any(|ruling| *ruling.rule == *rule.id && ruling.matched)
}

fn reads_versions(rule: &Rule) -> bool {
    rule.require.iter().any(|one| !one.kind().is_transport())
}

fn speaks_of_websocket(rule: &Rule) -> bool {
    rule.require
        .iter()
        .any(|one| matches!(one, Requirement::WebSocket(_) | Requirement::NoWebSocket))
}

/// The fields of the lane `ws` (RFC 6455 §4.1).
fn handshake_fields() -> [(String, String); 4] {
    [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}
