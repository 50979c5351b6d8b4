//! The conformance vectors as Rust values, and a generator of odd messages. `conformance/README.md`
//! describes the format of the vectors.

mod cases;
mod expectations;
mod files;
mod framing_classes;
mod message_cases;
mod odd_framing;
mod odd_messages;

pub use cases::{
    BytesCase, CaseRequest, ExchangeCase, ForwardCase, ListCase, RequirementLevel, SwitchCase,
    SwitchingUpstream, UpstreamResponse, Vectors,
};
pub use expectations::{ExpectedAnswer, ExpectedRequest, joined_lines};
pub use files::{load_vectors, skipped_cases};
pub use framing_classes::{FramingClass, load_framing_classes};
pub use message_cases::{ReadRequestsCase, ReadResponsesCase, SentCase, message_bytes};
pub use odd_messages::OddMessages;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    fn names_of(vectors: &Vectors) -> Vec<String> {
        let lists = vectors.lists.iter().map(|case| &case.title);
        let exchanges = vectors.exchanges.iter().map(|case| &case.title);
        let forwards = vectors.forwards.iter().map(|case| &case.title);
        let bytes = vectors.bytes.iter().map(|case| &case.title);
        let switches = vectors.switches.iter().map(|case| &case.title);
        let requests = vectors.requests.iter().map(|case| &case.title);
        let responses = vectors.responses.iter().map(|case| &case.title);
        let sent = vectors.sent.iter().map(|case| &case.title);
        let over_the_wire = lists.chain(exchanges).chain(forwards).chain(bytes).chain(switches);
        let titles = over_the_wire.chain(requests).chain(responses).chain(sent);
        titles.map(|title| format!("{}: {title}", vectors.section)).collect()
    }

    #[test]
    fn every_file_is_valid_and_its_cases_have_unique_names() {
        let mut seen = std::collections::BTreeSet::new();
        let all = load_vectors().unwrap();
        assert!(all.len() >= 10, "vectors are missing: {}", all.len());
        for (file, vectors) in &all {
            let names = names_of(vectors);
            assert!(!names.is_empty(), "{} has no case", file.display());
            assert!(!vectors.says.is_empty(), "{} quotes nothing", file.display());
            for name in names {
                assert!(seen.insert(name.clone()), "{name} is there twice");
            }
        }
        for skipped in skipped_cases("core")
            .unwrap()
            .into_keys()
            .chain(skipped_cases("wire").unwrap().into_keys())
        {
            assert!(seen.contains(&skipped), "{skipped} is skipped, but there is no such case");
        }
    }

    /// Catches a class of framing faults without a case.
    #[test]
    fn every_framing_class_has_a_case_or_a_reason() {
        let mut used = std::collections::BTreeSet::new();
        for (_, vectors) in load_vectors().unwrap() {
            used.extend(vectors.requests.into_iter().filter_map(|case| case.class));
            used.extend(vectors.responses.into_iter().filter_map(|case| case.class));
            used.extend(vectors.sent.into_iter().filter_map(|case| case.class));
        }
        let mut known = std::collections::BTreeSet::new();
        for class in load_framing_classes().unwrap() {
            let has_case = used.contains(&class.name);
            assert_ne!(has_case, class.no_case.is_some(), "{}: a case or a reason", class.name);
            assert!(known.insert(class.name.clone()), "{} is there twice", class.name);
        }
        let unknown: Vec<&String> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "not in framing-classes.toml: {unknown:?}");
    }

    #[test]
    fn faults_are_named() {
        let answer: ExpectedAnswer = toml::from_str(
            r#"
            status = 426
            fields = { Upgrade = "websocket" }
            connection = ["upgrade"]
            lacks = ["server"]
            body = ["why"]
            "#,
        )
        .unwrap();
        let good = [
            ("upgrade".to_owned(), "websocket".to_owned()),
            ("Connection".to_owned(), "Upgrade".to_owned()),
        ];
        assert!(answer.find_faults(426, &good, b"this is why").is_empty());
        let bad = [("Server".to_owned(), "x".to_owned())];
        assert_eq!(answer.find_faults(400, &bad, b"").len(), 5);
    }
}
