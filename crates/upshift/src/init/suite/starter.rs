//! The suite for those who have no source: one case to change.

use std::collections::BTreeMap;

use upshift_lab::suite::draft::{DraftCase, SuiteDraft};
use upshift_lab::suite::model::LaneExpectation;
use upshift_lab::suite::{Predicate, RequestText, StatusExpectation, TextExpectation};
use upshift_record::Lane;

/// A suite with one case.
pub(super) fn starter_suite() -> SuiteDraft {
    SuiteDraft {
        name: "first suite".to_owned(),
        comment: vec![
            "A case for each id and lane. Change the request and what is expected, and run it with"
                .to_owned(),
            "`upshift test FILE`.".to_owned(),
        ],
        target: "${TARGET:-http://127.0.0.1:8080}".to_owned(),
        cases: vec![starter_case()],
        ..SuiteDraft::default()
    }
}

fn starter_case() -> DraftCase {
    let status = Some(StatusExpectation::code(426));
    let mut refused = LaneExpectation { status, ..LaneExpectation::default() };
    for (name, token) in [("Upgrade", "TLS/1.2"), ("Connection", "upgrade")] {
        let token = Predicate::Token(token.to_owned());
        refused.fields.insert(name.to_owned(), TextExpectation::of(token));
    }
    let comment = "A request in cleartext gets 426, with the protocol that is required.";
    DraftCase {
        id: "cleartext-is-refused".to_owned(),
        comment: vec![comment.to_owned()],
        request: RequestText {
            method: "GET".to_owned(),
            target: "/account".to_owned(),
            fields: Vec::new(),
            body: String::new(),
        },
        lanes: vec![Lane::Http10, Lane::Http11],
        expect: vec![(None, refused)],
        capture: BTreeMap::new(),
    }
}
