//! Policies of one to three rules, of every kind and style.

use upshift_core::field::{FieldName, Protocol};
use upshift_core::policy::{
    AnswerStyle, ApiReader, ApiRequirement, ClientReader, ClientRequirement, HostPattern,
    IdentityReader, PathTemplate, PolicySpec, RampPlan, RefusedShare, Requirement, Rollout,
    RolloutPlan, RuleSpec, Uncertain, UpgradeUrl, WebSocketRequirement,
};
use upshift_core::version::{ClientVersion, VersionScheme};
use upshift_core::{HttpVersion, Phase, Policy, Timestamp, TlsVersion};

use super::Choices;

/// Chooses up to three rules.
pub(crate) fn policy_of(choices: &mut Choices) -> Policy {
    let number = choices.one_of(&[1, 1, 1, 2, 3]);
    let mut rules: Vec<RuleSpec> = Vec::new();
    for index in 0..number {
        let mut rule = choose_rule(choices);
        rule.id = format!("{}-{index}", rule.id).into();
        rule.on = Uncertain::refusing(Uncertain::REASONS);
        choose_phase(choices, &mut rule);
        choose_texts(choices, &mut rule);
        rules.push(rule);
    }
    Policy::new(PolicySpec { rules, ..PolicySpec::default() }).unwrap()
}

fn choose_rule(choices: &mut Choices) -> RuleSpec {
    let wanted = [
        ("tls", vec![Requirement::Tls(TlsVersion::V1_2)]),
        ("tls-1.3", vec![Requirement::Tls(TlsVersion::V1_3)]),
        ("http-1.1", vec![Requirement::Http(HttpVersion::V1_1)]),
        ("http-2", vec![Requirement::Http(HttpVersion::V2)]),
        ("http-3", vec![Requirement::Http(HttpVersion::V3)]),
        ("socket", vec![Requirement::WebSocket(WebSocketRequirement::default())]),
        ("chat", vec![chat()]),
        ("no-socket", vec![Requirement::NoWebSocket]),
        ("api", vec![api()]),
        ("api-by-type", vec![api_by_type()]),
        ("api", vec![api()]),
        ("client", vec![client()]),
        ("client", vec![client()]),
        ("derp", vec![Requirement::Protocol(Protocol::parse("derp/2").unwrap())]),
        (
            "modern",
            vec![
                Requirement::Http(HttpVersion::V3),
                Requirement::Http(HttpVersion::V2),
                Requirement::Tls(TlsVersion::V1_3),
            ],
        ),
        ("either", vec![client(), kiosk(), Requirement::Protocol(acme_protocol()), chat()]),
    ];
    let (id, require) = &wanted[choices.one_of(&std::array::from_fn::<usize, 16, _>(|i| i))];
    let mut rule = RuleSpec::new(id, require.clone());
    if choices.is_one_in(2) {
        rule.matcher.hosts.include.push(HostPattern::parse("api.example.com").unwrap());
        rule.matcher.hosts.include.push(HostPattern::parse("**").unwrap());
    }
    let is_tls = matches!(rule.require.first(), Some(Requirement::Tls(_)));
    rule.answer = choices.one_of(&[
        AnswerStyle::Upgrade,
        AnswerStyle::Upgrade,
        if is_tls { AnswerStyle::Redirect } else { AnswerStyle::Strict },
        AnswerStyle::Status(403),
        AnswerStyle::Status(426),
    ]);
    rule
}

fn choose_phase(choices: &mut Choices, rule: &mut RuleSpec) {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let plan = RolloutPlan {
        warn: Some(at("2026-02-01T00:00:00Z")),
        brownout: vec![(at("2026-03-01T10:00:00Z"), at("2026-03-01T11:00:00Z"))],
        enforce: Some(at("2026-06-01T00:00:00Z")),
        ..RolloutPlan::default()
    };
    let share = RefusedShare::ALL;
    let ramp = RampPlan::Steps(vec![(at("2026-02-01T00:00:00Z"), share)]);
    let ramping = RolloutPlan { ramp: Some(ramp), ..RolloutPlan::default() };
    match choices.next() % 8 {
        0 | 1 => rule.rollout = Some(Rollout::new(plan).unwrap()),
        2 => rule.phase = Some(Phase::Brownout),
        3 => {
            rule.rollout = Some(Rollout::new(ramping).unwrap());
            rule.identity = vec![IdentityReader::Header(FieldName::parse("User-Agent").unwrap())];
        }
        _ => {}
    }
}

fn choose_texts(choices: &mut Choices, rule: &mut RuleSpec) {
    let own = |text: &str| Some(text.to_owned());
    if choices.is_one_in(2) {
        rule.docs = own("https://docs.example/upgrade?a=1&b=2");
    }
    if choices.is_one_in(3) {
        rule.successor = own("https://docs.example/v2");
    }
    if choices.is_one_in(3) {
        rule.message = own("Caf\u{e9} & \"friends\" <b>moved</b>\\ 100 %.");
    }
    if choices.is_one_in(4) {
        rule.token = Some("orders".into());
    }
    if choices.is_one_in(4) {
        rule.sunset = Some("2026-12-31T23:59:59Z".parse().unwrap());
        rule.deprecated = Some("2026-01-01T00:00:00Z".parse().unwrap());
    }
    if choices.is_one_in(2) {
        rule.upgrade_url = UpgradeUrl {
            clients: [("ACMEAPP".into(), "https://get.example/acme".to_owned())].into(),
            default: choices
                .one_of(&[None, Some("https://docs.example/upgrade?a=1&b=2")])
                .map(str::to_owned),
        };
    }
}

fn chat() -> Requirement {
    let subprotocols = vec!["chat.v2".into(), "chat.v3".into()];
    Requirement::WebSocket(WebSocketRequirement { version: 13, subprotocols })
}

fn acme_protocol() -> Protocol {
    Protocol::parse("acmeapp").unwrap()
}

fn api() -> Requirement {
    let version = |text| VersionScheme::Semver.parse(text).unwrap();
    Requirement::Api(ApiRequirement {
        scheme: VersionScheme::Semver,
        minimum: version("2.0"),
        supported: ["1.5", "2.1", "1.0", "2.0"].map(version).into(),
        assume: None,
        read: vec![
            ApiReader::Header(FieldName::parse("X-Api-Version").unwrap()),
            ApiReader::Path(PathTemplate::parse("/api/v{version}/**").unwrap()),
            ApiReader::Query("api-version".into()),
        ],
    })
}

fn api_by_type() -> Requirement {
    let version = |text| VersionScheme::Semver.parse(text).unwrap();
    Requirement::Api(ApiRequirement {
        scheme: VersionScheme::Semver,
        minimum: version("3.0"),
        supported: Vec::new(),
        assume: Some(version("1.0")),
        read: vec![
            ApiReader::MediaTypeParameter("v".into()),
            ApiReader::Header(FieldName::parse("X-Api-Version").unwrap()),
        ],
    })
}

fn client() -> Requirement {
    let version = |text| ClientVersion::parse(text).unwrap();
    Requirement::Client(ClientRequirement {
        read: vec![
            ClientReader::Header(FieldName::parse("X-Client-Version").unwrap()),
            ClientReader::UserAgent,
        ],
        minimum: [("AcmeApp".into(), version("5.1")), ("Chrome".into(), version("109"))].into(),
        blocked: vec![("AcmeApp".into(), version("5.3.0"))],
    })
}

fn kiosk() -> Requirement {
    let version = |text| ClientVersion::parse(text).unwrap();
    Requirement::Client(ClientRequirement {
        read: vec![ClientReader::Header(FieldName::parse("X-Client-Version").unwrap())],
        minimum: [("acmeapp".into(), version("6")), ("Kiosk+Bar".into(), version("2"))].into(),
        blocked: vec![("Kiosk+Bar".into(), version("2.0.1"))],
    })
}
