//! What is allowed and will surprise somebody: the warnings of `check`. One function each.

use std::net::SocketAddr;

use jiff::Timestamp;
use upshift_core::HttpVersion;
use upshift_core::policy::{
    AnswerStyle, Exemption, HostPattern, IdentityReader, Phase, RampPlan, RefusedShare,
    Requirement, RuleSpec,
};

use crate::diagnostic::Finding;
use crate::document::Section;
use crate::policy::Read;
use crate::settings::{GatewaySettings, PathMode};

/// Reports every surprise at `now`. `serves` says whether the file sets up a gateway that serves.
pub(crate) fn report(
    read: &Read<'_>,
    gateway: Option<(&GatewaySettings, &Section<'_>)>,
    now: Timestamp,
) {
    for rule in &read.rules {
        let (spec, section) = (&rule.read, &rule.section);
        let found = [
            first_visit(spec, section),
            cliff(spec, section),
            sunset_first(spec, section),
            early_enforcement(spec, section),
            pinned_rollout(spec, section),
            unverified(spec, section),
            unwatched(spec, section),
            useless_breaker(spec, section),
            refuses_already(spec, section, now),
            sunset_over(spec, section, now),
            gateway.and_then(|(gateway, _)| unreachable_transport(spec, section, gateway)),
            gateway.and_then(|(gateway, _)| redirect_nowhere(spec, section, gateway)),
            gateway.and_then(|(gateway, _)| no_address(spec, section, gateway)),
        ];
        let strict = gateway.is_some_and(|(gateway, _)| gateway.paths == PathMode::Strict);
        dead_patterns(spec, section, strict)
            .into_iter()
            .for_each(|finding| section.out.report(finding));
        found.into_iter().flatten().for_each(|finding| section.out.report(finding));
    }
    for exemption in &read.exemptions {
        let section = &exemption.section;
        let found = [expired(&exemption.read, section, now), everybody(&exemption.read, section)];
        found.into_iter().flatten().for_each(|finding| section.out.report(finding));
    }
    if let Some((gateway, section)) = gateway {
        no_certificate(gateway, section)
            .into_iter()
            .for_each(|finding| section.out.report(finding));
    }
}

/// Patterns of `paths` that no request can match.
fn dead_patterns(spec: &RuleSpec, section: &Section<'_>, strict: bool) -> Vec<Finding> {
    let paths = &spec.matcher.paths;
    let mut findings = Vec::new();
    for pattern in &paths.include {
        let text = pattern.text();
        let why = match pattern.never_matches(strict) {
            Some(why) => why.to_owned(),
            None => match paths.exclude.iter().find(|exclude| exclude.covers(pattern)) {
                Some(exclude) => format!("`!{}` takes all of it away", exclude.text()),
                None => continue,
            },
        };
        let finding =
            Finding::warning(section.value_span("paths"), format!("no request can match `{text}`"));
        findings.push(finding.label(why));
    }
    findings
}

fn first_visit(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let only =
        |requirement: &Requirement| matches!(requirement, Requirement::Http(HttpVersion::V3));
    (!spec.require.is_empty() && spec.require.iter().all(only)).then(|| {
        Finding::warning(section.value_span("require"), "this refuses every browser's first visit")
            .label("a browser speaks HTTP/3 only after it has seen Alt-Svc over HTTP/2 or 1.1")
            .help("require = [{ http = \"3\" }, { http = \"2\" }] admits the first visit too")
    })
}

fn cliff(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let plan = spec.rollout.as_ref()?.plan();
    let (ramp, enforce) = (plan.ramp.as_ref()?, plan.enforce?);
    let at = section.value_span("rollout");
    if let RampPlan::Steps(steps) = ramp
        && let Some((_, share)) =
            steps.last().filter(|(_, share)| *share < RefusedShare::from_basis_points(5_000))
    {
        let left = 100.0 - share.fraction() * 100.0;
        return Some(
            Finding::warning(
                at,
                format!("a cliff: {left:.0} % of the callers are refused at once at `enforce`"),
            )
            .label(format!("the last step reaches {:.0} %", share.fraction() * 100.0))
            .help(format!("add steps between there and {enforce}")),
        );
    }
    (!spec.identity.contains(&IdentityReader::Peer)).then(|| {
        let readers: Vec<_> = spec.identity.iter().map(ToString::to_string).collect();
        Finding::warning(at, "a cliff: requests without an identity are refused all at once at `enforce`")
            .label(format!("without {} a request is in no ramp", readers.join(" and ")))
            .help(format!(
                "until {enforce} they are only warned; \"peer\" at the end of `identity` takes the address instead"
            ))
    })
}

fn sunset_first(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let (deprecated, sunset) = (spec.deprecated()?, spec.sunset()?);
    let key = if section.has("sunset") { "sunset" } else { "deprecated" };
    (sunset < deprecated).then(|| {
        Finding::warning(section.value_span(key), "the sunset is before the deprecation")
            .label(format!("deprecated {deprecated}, gone {sunset}"))
            .help("people are told of both; the sunset comes last")
    })
}

fn early_enforcement(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let (sunset, enforce) = (spec.sunset?, spec.rollout.as_ref()?.plan().enforce?);
    (enforce < sunset).then(|| {
        Finding::warning(
            section.value_span("sunset"),
            "everybody is refused before the sunset that they are told of",
        )
        .label(format!("`enforce` is at {enforce}"))
        .help("leave `sunset` out: it is then `rollout.enforce`")
    })
}

fn pinned_rollout(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let phase = spec.phase.filter(|_| spec.rollout.is_some())?;
    Some(
        Finding::warning(section.value_span("phase"), "the rollout of this rule has no effect")
            .label(format!("pinned to `{phase}`, whatever the dates say"))
            .help("leave `phase` out to follow the rollout"),
    )
}

fn unverified(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let jwt = |reader: &IdentityReader| matches!(reader, IdentityReader::JwtUnverified(_));
    spec.identity.iter().any(jwt).then(|| {
        Finding::warning(section.value_span("rollout"), "the identity is taken from a token that nobody verified")
            .label("a caller can write any claim")
            .help("good for a ramp, if something behind the gateway verifies the token; not for exemptions")
    })
}

fn unwatched(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let rollout = spec.rollout.as_ref()?.plan();
    let refuses =
        rollout.enforce.is_some() || rollout.ramp.is_some() || !rollout.brownout.is_empty();
    (refuses && spec.breaker.is_some() && spec.identity.is_empty()).then(|| {
        Finding::warning(section.value_span("rollout"), "the breaker of this rollout counts addresses")
            .label("`identity` is missing here, and many callers may share an address")
            .help("add identity = [\"header:X-Api-Key\"], or \"peer\" for the address; or write breaker = false")
    })
}

fn useless_breaker(spec: &RuleSpec, section: &Section<'_>) -> Option<Finding> {
    let given = section.value("breaker").filter(|given| given.is_table())?;
    let phase = spec.phase.filter(|phase| !phase.refuses())?;
    Some(
        Finding::warning(given.span(), "this breaker watches nothing")
            .label(format!("the rule is pinned to `{phase}`, which refuses no caller"))
            .help("leave it out, or leave `phase` out"),
    )
}

/// A phase that has begun and refuses callers: a rule that is deployed for the first time refuses
/// them at once.
fn refuses_already(spec: &RuleSpec, section: &Section<'_>, now: Timestamp) -> Option<Finding> {
    let rollout = spec.rollout.as_ref().filter(|_| spec.phase.is_none())?;
    let moment = rollout.state_at(now);
    let stage = rollout
        .stages()
        .iter()
        .rfind(|stage| stage.from <= now && moment.share > RefusedShare::NONE)?;
    let (since, percent) = (stage.from, f64::from(moment.share.basis_points()) / 100.0);
    let at = section.value_span("rollout");
    let first =
        "if this rule was not deployed before, give it dates to come: without them it refuses";
    Some(match moment.phase {
        Phase::Enforce => Finding::warning(at, "`enforce` lies in the past")
            .label(format!("since {since} the rule refuses 100 % of the callers who fall short"))
            .help(format!(
                "{first} everybody at once; if its rollout is over, leave `rollout` out"
            )),
        phase => Finding::warning(at, format!("its {phase} has begun"))
            .label(format!(
                "since {since}; now the rule refuses {percent} % of the callers who fall short"
            ))
            .help(format!("{first} that share at once")),
    })
}

fn sunset_over(spec: &RuleSpec, section: &Section<'_>, now: Timestamp) -> Option<Finding> {
    let sunset = spec.sunset.filter(|sunset| *sunset <= now)?;
    let refuses_all = match (spec.phase, &spec.rollout) {
        (Some(phase), _) => phase == Phase::Enforce,
        (None, Some(rollout)) => rollout.state_at(now).phase == Phase::Enforce,
        (None, None) => true,
    };
    (!refuses_all).then(|| {
        Finding::warning(section.value_span("sunset"), "`sunset` lies in the past")
            .label(format!("callers are told that it was gone at {sunset}, and they are served"))
            .help("give it a date to come, or leave it out: it is then `rollout.enforce`")
    })
}

fn unreachable_transport(
    spec: &RuleSpec,
    section: &Section<'_>,
    gateway: &GatewaySettings,
) -> Option<Finding> {
    if !gateway.proxies.is_empty() {
        return None;
    }
    let reachable = |requirement: &Requirement| match requirement {
        Requirement::Tls(_) => gateway.https.is_some() || gateway.in_band_tls,
        Requirement::Http(HttpVersion::V3) => gateway.http3,
        _ => true,
    };
    (!spec.require.is_empty() && !spec.require.iter().any(reachable)).then(|| {
        Finding::warning(section.value_span("require"), "nobody can comply with this at this gateway")
            .label("no listener offers it")
            .help("add https = \"127.0.0.1:8443\" (and http3 = true for HTTP/3), or declare the proxy that does")
    })
}

fn redirect_nowhere(
    spec: &RuleSpec,
    section: &Section<'_>,
    gateway: &GatewaySettings,
) -> Option<Finding> {
    (spec.answer == AnswerStyle::Redirect && !knows_address(spec, gateway)).then(|| {
        Finding::warning(
            section.value_span("answer"),
            "nobody is redirected: the https address is not known",
        )
        .label("an address is never built from a Host that nobody knows")
        .help("add public = \"https://…\" to [gateway], or the names to `hosts` of this rule")
    })
}

/// A redirect without an address is warned about by itself, and so is TLS that no listener offers.
fn no_address(
    spec: &RuleSpec,
    section: &Section<'_>,
    gateway: &GatewaySettings,
) -> Option<Finding> {
    let by_tls = |requirement: &Requirement| matches!(requirement, Requirement::Tls(_));
    let offered = gateway.https.is_some() || !gateway.proxies.is_empty();
    let cleartext = gateway.http.is_some() && offered && !gateway.in_band_tls;
    let wanting = spec.require.iter().any(by_tls) && spec.answer != AnswerStyle::Redirect;
    (wanting && cleartext && !knows_address(spec, gateway)).then(|| {
        Finding::warning(
            section.value_span("require"),
            "a refusal cannot say where TLS is: the https address is not known",
        )
        .label("clients are told to use TLS, and not at which address")
        .help("add public = \"https://…\" to [gateway], or the names to `hosts` of this rule")
    })
}

/// Tells whether an answer can name the https address: by `public`, by `hosts`, or by listeners on
/// loopback.
fn knows_address(spec: &RuleSpec, gateway: &GatewaySettings) -> bool {
    let on_loopback =
        |listener: Option<SocketAddr>| listener.is_some_and(|address| address.ip().is_loopback());
    let reached = gateway
        .https
        .is_some_and(|address| address.ip().is_loopback() || address.ip().is_unspecified());
    spec.matcher.hosts.include.iter().any(HostPattern::is_literal)
        || gateway.public.as_ref().is_some_and(|public| public.starts_with("https://"))
        || (on_loopback(gateway.http) && reached && gateway.proxies.is_empty())
}

fn no_certificate(gateway: &GatewaySettings, section: &Section<'_>) -> Option<Finding> {
    let exposed =
        gateway.https.filter(|address| !address.ip().is_loopback() && gateway.tls.is_none())?;
    Some(
        Finding::warning(section.value_span("https"), "https without a certificate of your own")
            .label(format!("a self-signed one is served at {exposed}, which clients refuse"))
            .help("add [gateway.tls] with certificate and key"),
    )
}

fn expired(exemption: &Exemption, section: &Section<'_>, now: Timestamp) -> Option<Finding> {
    (exemption.expires <= now).then(|| {
        Finding::warning(
            section.value_span("expires"),
            format!("exemption `{}` has expired", exemption.id),
        )
        .label("it lets nobody through any more")
        .help(format!("remove it, or ask {} for a new date", exemption.owner))
    })
}

fn everybody(exemption: &Exemption, section: &Section<'_>) -> Option<Finding> {
    const KEYS: [&str; 8] =
        ["rules", "hosts", "paths", "methods", "headers", "peers", "clients", "identities"];
    (!KEYS.iter().any(|key| section.has(key))).then(|| {
        Finding::warning(
            section.span(),
            format!("exemption `{}` lets everybody through every rule", exemption.id),
        )
        .label("it says neither who nor from which rules")
        .help("add rules = [\"…\"], or a key of the matcher such as clients = [\"…\"]")
    })
}
