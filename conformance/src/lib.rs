//! The conformance vectors as Rust values. `conformance/README.md` describes the format.

mod cases;
mod expectations;
mod files;

pub use cases::{
    BytesCase, CaseRequest, ExchangeCase, ForwardCase, ListCase, RequirementLevel, SwitchCase,
    SwitchingUpstream, UpstreamResponse, Vectors,
};
pub use expectations::{ExpectedAnswer, ExpectedRequest, joined_lines};
pub use files::{load_vectors, skipped_cases};

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
        let titles = lists.chain(exchanges).chain(forwards).chain(bytes).chain(switches);
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
