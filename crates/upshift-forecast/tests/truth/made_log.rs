//! A log in the Combined format, and the numbers that were counted while it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The numbers that are counted while a log is made.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Truth {
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) callers: BTreeSet<String>,
    pub(crate) refused_callers: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Expected {
    NotMatched,
    Passes,
    Unknown,
    Refused,
}

impl Truth {
    fn count(&mut self, expected: Expected, caller: &str) {
        if expected == Expected::NotMatched {
            return;
        }
        self.requests += 1;
        self.callers.insert(caller.to_owned());
        self.unknown += u64::from(expected == Expected::Unknown);
        if expected == Expected::Refused {
            self.refused += 1;
            self.refused_callers.insert(caller.to_owned());
        }
    }
}

/// The properties of the requests that one rule refuses, and their numbers.
#[derive(Default)]
pub(crate) struct RefusedLists {
    pub(crate) clients: BTreeMap<String, u64>,
    pub(crate) networks: BTreeMap<String, u64>,
    pub(crate) paths: BTreeMap<String, u64>,
    pub(crate) agents: BTreeMap<String, u64>,
}

impl RefusedLists {
    fn count(&mut self, caller: &str, path: &str, agent: &str) {
        // Both `/account/7?x=%20` and `/api/orders/1234` have a number in their path.
        let shape = match path {
            "/account/7?x=%20" => "/account/*",
            "/api/orders/1234" => "/api/orders/*",
            _ => path,
        };
        let (network, _) = caller.rsplit_once(['.', ':']).unwrap();
        let network = match network.strip_suffix(':') {
            Some(prefix) => format!("{prefix}::/48"),
            None => format!("{network}.0/24"),
        };
        for (list, item) in [
            (&mut self.clients, caller),
            (&mut self.networks, &network),
            (&mut self.paths, shape),
            (&mut self.agents, agent),
        ] {
            if item != "-" {
                *list.entry(item.to_owned()).or_default() += 1;
            }
        }
    }
}

/// A log in the Combined format, and the truth about it.
#[derive(Default)]
pub(crate) struct MadeLog {
    pub(crate) text: String,
    pub(crate) total: Truth,
    pub(crate) rules: BTreeMap<&'static str, Truth>,
    pub(crate) days: BTreeMap<String, Truth>,
    /// By rule and day.
    pub(crate) rule_days: BTreeMap<(&'static str, String), Truth>,
    pub(crate) refused: BTreeMap<&'static str, RefusedLists>,
}

/// A linear congruential generator: the same log each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const AGENTS: [(&str, &str, Expected); 7] = [
    ("AcmeApp/5.0", "AcmeApp/5.0", Expected::Refused),
    ("AcmeApp/4.12 (10\\\" tablet)", "AcmeApp/4.12 (10\" tablet)", Expected::Refused),
    ("AcmeApp/5.1", "AcmeApp/5.1", Expected::Passes),
    ("AcmeApp/6.0 \\x22beta\\x22 \\xC3\\xA9", "AcmeApp/6.0 \"beta\" é", Expected::Passes),
    ("curl/8.5.0", "curl/8.5.0", Expected::Passes),
    ("-", "-", Expected::Passes),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
        Expected::Passes,
    ),
];

pub(crate) fn make_log(lines: u64) -> MadeLog {
    let mut random = Random(42);
    let mut log = MadeLog::default();
    for number in 0..lines {
        let caller = match random.below(5) {
            0 => format!("2001:db8:{}::{}", 1 + random.below(4), 1 + random.below(9)),
            network => format!("198.51.{network}.{}", 1 + random.below(60)),
        };
        let (written, agent, app) = AGENTS[random.below(7) as usize];
        let http = ["1.0", "1.1", "2.0"][random.below(3) as usize];
        let path =
            ["/feeds/news", "/account/7?x=%20", "/api/orders/1234", "/download/app", "/", "/feeds"]
                [random.below(6) as usize];
        let day = 10 + number * 9 / lines;
        let time =
            format!("{day}/Nov/2026:{:02}:{:02}:07 +0000", random.below(24), random.below(60));
        let user = if random.below(50) == 0 { "j doe" } else { "-" };
        writeln!(
            log.text,
            "{caller} - {user} [{time}] \"GET {path} HTTP/{http}\" 200 12 \"-\" \"{written}\""
        )
        .unwrap();
        let app = if path == "/download/app" { Expected::NotMatched } else { app };
        let feeds = match (path.starts_with("/feeds"), http) {
            (false, _) => Expected::NotMatched,
            (true, "2.0") => Expected::Passes,
            (true, _) => Expected::Refused,
        };
        let unknown_on = |prefix: &str| {
            if path.starts_with(prefix) { Expected::Unknown } else { Expected::NotMatched }
        };
        let outcomes = [
            ("feeds", feeds),
            ("apps", app),
            ("account", unknown_on("/account")),
            ("api", unknown_on("/api")),
        ];
        let has = |wanted| outcomes.iter().any(|(_, outcome)| *outcome == wanted);
        let total = match (has(Expected::Refused), has(Expected::Unknown)) {
            (true, _) => Expected::Refused,
            (false, true) => Expected::Unknown,
            (false, false) => Expected::Passes,
        };
        log.total.count(total, &caller);
        let date = format!("2026-11-{day}");
        for (id, outcome) in outcomes {
            log.rules.entry(id).or_default().count(outcome, &caller);
            log.rule_days.entry((id, date.clone())).or_default().count(outcome, &caller);
            if outcome == Expected::Refused {
                log.refused.entry(id).or_default().count(&caller, path, agent);
            }
        }
        log.days.entry(date).or_default().count(total, &caller);
    }
    log
}
