//! The index against the patterns, one by one.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::facts::HttpVersion;
use crate::policy::{Policy, PolicySpec, Requirement, RuleSpec};

const HOST: &str = "(a|b|ab|\\*|\\*\\*|a\\*)(\\.(a|b|\\*|\\*\\*|\\*b)){0,3}";
const PATH: &str = "(/(a|b|A|ab|\\*|\\*\\*|a\\*|\\*b\\*|%61|\\.\\.|)){1,5}";

fn policy_of(rules: &[(Vec<String>, Vec<String>)], comparison: Comparison) -> Policy {
    let mut specs = Vec::new();
    for (index, (hosts, paths)) in rules.iter().enumerate() {
        let requirement = Requirement::Http(HttpVersion::V2);
        let mut spec = RuleSpec::new(&format!("rule-{index}"), vec![requirement]);
        for host in hosts {
            spec.matcher.hosts.include.push(HostPattern::parse(host).unwrap());
        }
        for path in paths {
            spec.matcher.paths.include.push(PathPattern::parse(path).unwrap());
        }
        specs.push(spec);
    }
    Policy::new(PolicySpec { rules: specs, comparison, ..PolicySpec::default() }).unwrap()
}

/// The rules whose patterns fit, compared one by one.
fn compared(policy: &Policy, host: &str, paths: &PathReadings<'_>) -> Vec<u32> {
    let mut found = Vec::new();
    for (position, rule) in policy.rules().iter().enumerate() {
        let (hosts, patterns) = (&rule.matcher.hosts.include, &rule.matcher.paths.include);
        let fits_host = hosts.is_empty() || hosts.iter().any(|pattern| pattern.fits(host));
        let fits_path = |pattern: &PathPattern| paths.iter().any(|path| pattern.matches(path));
        if fits_host && (patterns.is_empty() || patterns.iter().any(fits_path)) {
            found.push(position as u32);
        }
    }
    found
}

fn found(policy: &Policy, host: &str, path: &str) -> Vec<u32> {
    let paths = PathReadings::of_path(path, policy.comparison());
    policy.index().candidates(host, &paths).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn what_the_index_finds_is_what_fits(
        rules in vec((vec(HOST, 0..3), vec(PATH, 0..4)), 0..12),
        requests in vec(("[ab.A]{1,6}", "(/(a|b|A|ab|bb|)|%2f|/\\.\\.|;x){1,8}"), 8),
        case in select(vec![Case::Exact, Case::Ignore]),
        ignore_trailing_slash in any::<bool>(),
    ) {
        let comparison = Comparison { case, ignore_trailing_slash };
        let policy = policy_of(&rules, comparison);
        for (host, path) in &requests {
            let paths = PathReadings::of_path(path, comparison);
            let wanted = compared(&policy, host, &paths);
            prop_assert_eq!(found(&policy, host, path), wanted, "{} {}", host, path);
        }
    }
}

/// A rule for many hosts and many paths is entered under a root of its own.
#[test]
fn a_rule_with_many_hosts_and_paths_is_found_under_each() {
    let hosts: Vec<String> = (0..20).map(|host| format!("h{host}.example")).collect();
    let paths: Vec<String> = (0..20).map(|path| format!("/p{path}/**")).collect();
    let one = (vec!["h1.example".to_owned()], vec!["/p1/**".to_owned()]);
    let policy = policy_of(&[(hosts, paths), one], Comparison::default());
    assert_eq!(found(&policy, "h1.example", "/p1/x"), [0, 1]);
    assert_eq!(found(&policy, "h19.example", "/p19"), [0]);
    assert!(found(&policy, "h20.example", "/p1").is_empty());
    assert!(found(&policy, "h1.example", "/p20").is_empty());
}

/// The nodes of `**` are entered again and again on such a path.
#[test]
fn a_long_path_under_many_stars_is_walked_in_bounded_work() {
    let stars: Vec<String> = (1..9).map(|depth| "/**/a".repeat(depth) + "/**/b").collect();
    let policy = policy_of(&[(vec![], stars)], Comparison::default());
    let path = "/a".repeat(30_000);
    assert!(found(&policy, "h", &path).is_empty());
    assert_eq!(found(&policy, "h", &(path + "/b")), [0]);
}
