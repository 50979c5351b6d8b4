//! `decide` and `explain` against a walk over all rules.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::facts::{HttpVersion, Known, TlsState, TlsVersion};
use crate::field::FieldName;
use crate::policy::{
    ApiReader, ApiRequirement, Case, ClientReader, ClientRequirement, Comparison, Exemption,
    HeaderPattern, HostPattern, Matcher, MatcherValues, PathPattern, PathTemplate, Phase,
    PolicySpec, Requirement, RuleSpec, Uncertain,
};
use crate::version::{ClientVersion, VersionScheme};

const HOSTS: [&str; 7] = ["a.b", "*.b", "**.b", "b", "A.b", "*a*.b", "c.**.b"];
const PATHS: [&str; 12] =
    ["/x", "/x/**", "/*/y", "/**/y", "/x/", "/x*/y", "/**", "/x/**/y/**", "/%78", "/X", "/*", "/"];

/// The decision by a walk over all rules, as the index must not change it. `keeps`: also of rules
/// that do not apply, as `explain` does.
fn walk_rules<'p>(request: &Request<'p, '_>, keeps: bool) -> Decision<'p> {
    let mut decision = Decision::admitted();
    for rule in request.policy.rules() {
        let mut strictest: Option<Ruling<'p>> = None;
        for path in request.paths.iter() {
            let ruling = request.ruling_on_path(rule, path, request.mismatch(rule, path));
            match &strictest {
                Some(earlier) if strictness_of(earlier) >= strictness_of(&ruling) => {}
                _ => strictest = Some(ruling),
            }
        }
        let ruling = strictest.unwrap();
        request.note_fields(&ruling, &mut decision);
        if keeps || ruling.matched() {
            decision.push_ruling(ruling);
        }
    }
    decision
}

/// All that can be seen of a decision.
fn shown(decision: &Decision<'_>) -> String {
    let mut text = format!("{:?} {:?}", decision.verdict, decision.fields());
    text += &format!(" {:?}", decision.top().map(|top| &top.rule.id));
    for ruling in &decision.rulings {
        let exempted = ruling.exempted.as_ref().map(ExemptedBy::id);
        text += &format!("\n{} {:?} {:?}", ruling.rule.id, ruling.mismatch, ruling.verdict);
        text += &format!(" {:?} {:?} {:?}", ruling.kind, ruling.reason, ruling.cause);
        text += &format!(" {:?} {exempted:?} {}", ruling.observed, ruling.without_identity);
        text += &format!(" {:?} {}", ruling.rollout, ruling.why());
    }
    text
}

fn values<T>(
    texts: &'static [&'static str],
    parse: fn(&str) -> T,
) -> impl Strategy<Value = MatcherValues<T>>
where
    T: std::fmt::Debug,
{
    let some = move |most| {
        subsequence(texts, 0..=texts.len().min(most))
            .prop_map(move |texts| texts.into_iter().map(parse).collect::<Vec<T>>())
    };
    (some(3), some(1)).prop_map(|(include, exclude)| MatcherValues { include, exclude })
}

fn any_matcher() -> impl Strategy<Value = Matcher> {
    (
        values(&HOSTS, |text| HostPattern::parse(text).unwrap()),
        values(&PATHS, |text| PathPattern::parse(text).unwrap()),
        values(&["GET", "POST", "HEAD"], |text| text.into()),
        values(&["x-a", "x-b: 1*"], |text| HeaderPattern::parse(text).unwrap()),
    )
        .prop_map(|(hosts, paths, methods, headers)| Matcher {
            hosts,
            paths,
            methods,
            headers,
            ..Matcher::default()
        })
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    let api = ApiRequirement {
        scheme: VersionScheme::Numeric,
        minimum: VersionScheme::Numeric.parse("2").unwrap(),
        supported: vec![],
        assume: None,
        read: vec![
            ApiReader::Header(FieldName::parse("X-A").unwrap()),
            ApiReader::Path(PathTemplate::parse("/x{version}/**").unwrap()),
            ApiReader::Query("v".into()),
        ],
    };
    let client = ClientRequirement {
        read: vec![ClientReader::UserAgent],
        minimum: [("Acme".into(), ClientVersion::parse("2").unwrap())].into(),
        blocked: vec![],
    };
    select(vec![
        Requirement::Tls(TlsVersion::V1_2),
        Requirement::Http(HttpVersion::V2),
        Requirement::NoWebSocket,
        Requirement::Api(api),
        Requirement::Client(client),
    ])
}

fn any_rule() -> impl Strategy<Value = RuleSpec> {
    let requirements = proptest::collection::vec(any_requirement(), 1..3);
    let phase = proptest::option::of(select(Phase::PINNABLE.to_vec()));
    (any_matcher(), requirements, phase, any::<bool>()).prop_map(
        |(matcher, require, phase, strict)| {
            let reasons = if strict { &Uncertain::REASONS[..] } else { &[] };
            let on = Uncertain::refusing(reasons.iter().copied());
            RuleSpec { matcher, phase, on, ..RuleSpec::new("", require) }
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let rules = proptest::collection::vec(any_rule(), 1..9);
    let exempt = proptest::option::of(any_matcher());
    let case = select(vec![Case::Exact, Case::Ignore]);
    (rules, exempt, case, any::<bool>()).prop_map(
        |(mut rules, exempt, case, ignore_trailing_slash)| {
            for (index, rule) in rules.iter_mut().enumerate() {
                rule.id = format!("rule-{index}").into();
            }
            let exemptions = exempt.into_iter().map(|matcher| Exemption {
                id: "exempt".into(),
                rules: vec![],
                matcher,
                reason: String::new(),
                owner: String::new(),
                expires: Timestamp::MAX,
            });
            Policy::new(PolicySpec {
                rules,
                exemptions: exemptions.collect(),
                comparison: Comparison { case, ignore_trailing_slash },
                ..PolicySpec::default()
            })
            .unwrap()
        },
    )
}

fn any_lines() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let names = select(vec!["x-a", "x-b", "user-agent", "upgrade", "connection"]);
    let texts = select(vec!["1", "12", "3", "", "Acme/1", "Acme/2", "websocket", "upgrade"]);
    proptest::collection::vec((names, texts), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_index_changes_no_decision(
        policy in any_policy(),
        lines in any_lines(),
        host in select(vec!["a.b", "b", "c.a.b", "A.B.", "other", "", "ca.b"]),
        path in "(/|/x|/X|/y|/x1|//|/\\.\\.|%2f|;v|\\.|/\\.well-known|/healthz){1,4}",
        method in select(vec!["GET", "POST", "HEAD", "OPTIONS", "get"]),
    ) {
        let facts = Facts {
            method,
            host,
            path: &path,
            query: Some("v=1"),
            hop: HttpVersion::V1_1,
            http: Known::Is(HttpVersion::V1_1),
            tls: Known::Is(TlsState::Cleartext),
            client_ip: None,
            fields: &lines,
            has_content: false,
            protocol: None,
        };
        let paths = PathReadings::of_path(&path, policy.comparison());
        let now = Timestamp::UNIX_EPOCH;
        let request = Request { policy: &policy, facts: &facts, paths: &paths, now };
        let decided = policy.decide(&facts, now);
        prop_assert_eq!(shown(&decided), shown(&walk_rules(&request, false)));
        let explained = policy.explain(&facts, now);
        prop_assert_eq!(shown(&explained), shown(&walk_rules(&request, true)));
        prop_assert_eq!(decided.verdict, explained.verdict);
        prop_assert_eq!(decided.fields(), explained.fields());
    }
}
