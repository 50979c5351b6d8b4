//! The conformance vectors that need a policy, without a socket: file → policy → decision → answer.
//! Over the wire they are run by `interop`.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::collections::BTreeMap;

use conformance::{CaseRequest, ExchangeCase};
use upshift_core::answer::{AnswerContext, refusal_for};
use upshift_core::notice::{FieldChange, changes};
use upshift_core::{Facts, HttpVersion, Known, Timestamp, TlsState, TlsVersion, Verdict};

#[test]
fn exchanges_go_as_the_vectors_say() {
    let skips = conformance::skipped_cases("core").unwrap();
    let mut wrong = BTreeMap::new();
    for (_, vectors) in conformance::load_vectors().unwrap() {
        for case in &vectors.exchanges {
            let name = format!("{}: {}", vectors.section, case.title);
            let faults = faults(case);
            if !faults.is_empty() && !skips.contains_key(&name) {
                wrong.insert(name, faults);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn faults(case: &ExchangeCase) -> Vec<String> {
    let file = match upshift_config::load(&case.policy, "vector.toml") {
        Ok(loaded) => loaded.file,
        Err(errors) => return errors.iter().map(ToString::to_string).collect(),
    };
    let fields = case.request.fields_with_host();
    let facts = facts(&case.request, &fields);
    let decision = file.policy.decide(&facts, Timestamp::UNIX_EPOCH);
    let mut faults = Vec::new();
    if case.verdict.as_ref().is_some_and(|wanted| wanted != decision.verdict.as_str()) {
        faults.push(format!("verdict is {}, wanted {:?}", decision.verdict.as_str(), case.verdict));
    }
    let around = AnswerContext { request_id: "vector", ..AnswerContext::default() };
    match refusal_for(&decision, &facts, &around) {
        Some(answer) => {
            let mut fields = Vec::new();
            for (name, value) in answer.fields() {
                fields.push((name.to_owned(), value.to_owned()));
            }
            faults.extend(case.answer.find_faults(answer.status(), &fields, answer.body()));
        }
        // What an upstream would answer is the wire's affair; what is added to it is not.
        None if case.answer.status == Some(200) || decision.verdict != Verdict::Refuse => {
            let upstream: Vec<(&str, &str)> = Vec::new();
            let added: Vec<_> = changes(&decision, &upstream)
                .iter()
                .map(|change| match change {
                    FieldChange::Set(name, value) | FieldChange::Append(name, value) => {
                        ((*name).to_owned(), value.clone().into_owned())
                    }
                })
                .collect();
            faults.extend(case.answer.find_faults(case.answer.status.unwrap_or(200), &added, b""));
        }
        None => faults.push("refused without an answer".to_owned()),
    }
    faults
}

fn facts<'a>(request: &'a CaseRequest, fields: &'a Vec<(String, String)>) -> Facts<'a> {
    let (path, query) = Facts::split_target(&request.target);
    let tls = request
        .tls
        .as_deref()
        .map(|version| TlsState::Version(TlsVersion::parse(version).unwrap()));
    let http = HttpVersion::parse(&request.http).unwrap();
    Facts {
        method: &request.method,
        host: "example.com",
        path,
        query,
        hop: http,
        http: Known::Is(http),
        tls: Known::Is(tls.unwrap_or(TlsState::Cleartext)),
        client_ip: Some([203, 0, 113, 9].into()),
        fields,
        has_content: request.body > 0,
        protocol: None,
    }
}
