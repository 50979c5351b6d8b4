//! `[[rule]]`, `[[exemption]]` and `[breaker]`.

use std::collections::BTreeMap;

use ipnet::IpNet;
use toml::de::DeValue;
use upshift_core::VerdictReason;
use upshift_core::policy::{
    AnswerStyle, BreakerLimits, Builtin, Counted, Exemption, Phase, RuleSpec, Uncertain, UpgradeUrl,
};

use crate::diagnostic::Finding;
use crate::document::{Item, Section};
use crate::{matcher, requirement, rollout};

/// Something read, and the section it was read from.
pub(crate) struct Placed<'d, T> {
    pub(crate) read: T,
    pub(crate) section: Section<'d>,
}

const ACTIONS: [(&str, bool); 2] = [("admit", false), ("refuse", true)];

/// Reads one rule; `None` if it has no id or no requirement, which has then been reported.
pub(crate) fn rule<'d>(
    mut section: Section<'d>,
    default: Option<BreakerLimits>,
) -> Option<Placed<'d, RuleSpec>> {
    let id = section.required("id", "a name that does not change").and_then(|item| id(&item));
    let matcher = matcher::matcher(&mut section);
    let require = section.required("require", "what requests must meet, such as { tls = \"1.2\" }");
    let require = require.map(|item| requirement::requirements(&item)).unwrap_or_default();
    let mut rollout_section = section.get("rollout").and_then(|item| item.section("Rollout"));
    let plan = rollout_section.as_mut().map(rollout::rollout);
    let zone = plan.as_ref().and_then(|plan| plan.zone.as_ref());
    let spec = RuleSpec {
        matcher,
        on: section.get("on").map(|item| on(&item)).unwrap_or_default(),
        answer: section.get("answer").and_then(|item| answer(&item)).unwrap_or_default(),
        message: section.get("message").and_then(|item| item.text()).map(str::to_owned),
        docs: section.get("docs").and_then(|item| item.link()),
        successor: section.get("successor").and_then(|item| item.link()),
        upgrade_url: section.get("upgrade-url").map(|item| upgrade_url(&item)).unwrap_or_default(),
        token: section.get("token").and_then(|item| item.token()).map(Box::from),
        deprecated: section.get("deprecated").and_then(|item| item.moment(zone)),
        sunset: section.get("sunset").and_then(|item| item.moment(zone)),
        phase: section.get("phase").and_then(|item| phase(&item)),
        breaker: match section.get("breaker") {
            None => default,
            Some(item) => rule_breaker(&item, default),
        },
        rollout: None,
        identity: Vec::new(),
        ..RuleSpec::new(id.unwrap_or_default(), require)
    };
    section.close();
    let spec = match plan {
        Some(plan) => RuleSpec { rollout: plan.rollout, identity: plan.identity, ..spec },
        None => spec,
    };
    let whole = id.is_some() && !spec.require.is_empty();
    whole.then_some(Placed { read: spec, section })
}

/// A rule's id stands in commands, metrics and `Upgrade`.
fn id<'d>(item: &Item<'d>) -> Option<&'d str> {
    let id = item.string("a string such as \"orders-v2\"")?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id.bytes().all(legal)
        && id.len() <= 64
    {
        return Some(id);
    }
    item.wrong(
        format!("`{id}` is not an id"),
        "expected up to 64 letters, digits and - . _, a letter or digit first",
    );
    None
}

fn phase(item: &Item<'_>) -> Option<Phase> {
    if item.value().as_str() == Some(Phase::Ramp.as_str()) {
        item.wrong("a ramp cannot be pinned", "its share comes from `rollout.ramp`");
        return None;
    }
    item.word("phase", &Phase::PINNABLE.map(|phase| (phase.as_str(), phase)))
}

fn on(item: &Item<'_>) -> Uncertain {
    let Some(mut section) = item.section("On") else { return Uncertain::default() };
    let refused: Vec<VerdictReason> = Uncertain::REASONS
        .into_iter()
        .filter(|reason| {
            section.get(reason.as_str()).and_then(|item| item.word("action", &ACTIONS))
                == Some(true)
        })
        .collect();
    section.close();
    Uncertain::refusing(refused)
}

fn answer(item: &Item<'_>) -> Option<AnswerStyle> {
    const WORDS: [(&str, AnswerStyle); 3] = [
        ("upgrade", AnswerStyle::Upgrade),
        ("strict", AnswerStyle::Strict),
        ("redirect", AnswerStyle::Redirect),
    ];
    match item.value() {
        DeValue::Integer(_) => item
            .integer(400..=599)
            .and_then(|status| u16::try_from(status).ok())
            .map(AnswerStyle::Status),
        DeValue::String(_) => item.word("answer", &WORDS),
        _ => item.unexpected("`upgrade`, `strict`, `redirect` or a status from 400 to 599"),
    }
}

fn upgrade_url(item: &Item<'_>) -> UpgradeUrl {
    if !item.is_table() {
        return UpgradeUrl { clients: BTreeMap::new(), default: item.link() };
    }
    let mut urls = UpgradeUrl::default();
    for (name, item) in item.entries("a table").unwrap_or_default() {
        match *name.get_ref() {
            "default" => urls.default = item.link(),
            name => urls.clients.extend(item.link().map(|link| (name.into(), link))),
        }
    }
    urls
}

/// Reads `[breaker]` or `breaker = false`, and the address that is told of a trip.
pub(crate) fn breaker(item: Option<Item<'_>>) -> (Option<BreakerLimits>, Option<String>) {
    let Some(item) = item else { return (Some(BREAKER), None) };
    if is_false(&item) {
        return (None, None);
    }
    let Some(mut section) = item.section("Breaker") else { return (Some(BREAKER), None) };
    let webhook = section.get("webhook").and_then(|item| item.webhook());
    let breaker = thresholds(&mut section, BREAKER);
    section.close();
    (Some(breaker), webhook)
}

/// What a breaker is when nothing is said.
const BREAKER: BreakerLimits = BreakerLimits {
    refused_share: 0.05,
    window: 60,
    minimum: 200,
    counts: Counted::Seen,
    per_network: 50,
};
const COUNTS: [(&str, Counted); 2] = [("seen", Counted::Seen), ("accepted", Counted::Accepted)];

fn rule_breaker(item: &Item<'_>, default: Option<BreakerLimits>) -> Option<BreakerLimits> {
    if is_false(item) {
        return None;
    }
    let mut section = item.section("RuleBreaker")?;
    let breaker = thresholds(&mut section, default.unwrap_or(BREAKER));
    section.close();
    Some(breaker)
}

fn thresholds(section: &mut Section<'_>, default: BreakerLimits) -> BreakerLimits {
    let small = |number: u64| u32::try_from(number).ok();
    let window = section.get("window").and_then(|item| {
        let seconds = item.duration()?.as_secs();
        if !(1..=86_400).contains(&seconds) {
            item.wrong("this window is out of range", "expected from 1s to 24h");
            return None;
        }
        small(seconds)
    });
    BreakerLimits {
        refused_share: section
            .get("refused-share")
            .and_then(|item| refused_share(&item))
            .unwrap_or(default.refused_share),
        window: window.unwrap_or(default.window),
        minimum: section
            .get("minimum")
            .and_then(|item| item.integer(1..=u64::from(u32::MAX)))
            .and_then(small)
            .unwrap_or(default.minimum),
        counts: section
            .get("counts")
            .and_then(|item| item.word("kind of identities", &COUNTS))
            .unwrap_or(default.counts),
        per_network: section
            .get("per-network")
            .and_then(|item| item.integer(1..=10_000))
            .and_then(small)
            .unwrap_or(default.per_network),
    }
}

fn refused_share(item: &Item<'_>) -> Option<f64> {
    let share = item.share()?;
    if share >= 1.0 {
        let finding = Finding::warning(item.span(), "this breaker can never trip")
            .label("no share is greater than 1");
        item.out.report(finding.help(
            "breaker = false says so; a share such as 0.05 stops a rule that locks callers out",
        ));
    }
    Some(share)
}

fn is_false(item: &Item<'_>) -> bool {
    matches!(item.value(), DeValue::Boolean(false))
}

/// Reads one exemption; `number` is its place in the file, from 1.
pub(crate) fn exemption(mut section: Section<'_>, number: usize) -> Option<Placed<'_, Exemption>> {
    let id = match section.get("id") {
        Some(item) => id(&item).map(Box::from),
        None => Some(format!("exemption-{number}").into()),
    };
    let matcher = matcher::matcher(&mut section);
    let rules = section.get("rules").map(|item| item.one_or_more()).unwrap_or_default();
    let rules = rules.iter().filter_map(Item::text).map(Box::from).collect();
    let mut text =
        |key, why| section.required(key, why).and_then(|item| item.text()).map(str::to_owned);
    let reason = text("reason", "why they are let through, in a few words");
    let owner = text("owner", "who answers for it");
    let expires = section.required("expires", "until when; there is no exemption for ever");
    let expires = expires.and_then(|item| item.moment(None));
    section.close();
    let read =
        Exemption { id: id?, rules, matcher, reason: reason?, owner: owner?, expires: expires? };
    Some(Placed { read, section })
}

/// `[never-refused]`.
#[derive(Default)]
pub(crate) struct NeverRefused {
    /// The built-in exemptions that do not hold.
    pub(crate) removed: Vec<Builtin>,
    /// Where health checks come from.
    pub(crate) health_networks: Option<Vec<IpNet>>,
}

/// Reads `[never-refused]`.
pub(crate) fn never_refused(item: &Item<'_>) -> NeverRefused {
    let Some(mut section) = item.section("NeverRefused") else { return NeverRefused::default() };
    let words = Builtin::ALL.map(|builtin| (builtin.as_str(), builtin));
    let removed = section.get("remove").map(|item| item.one_or_more()).unwrap_or_default();
    let networks = section.get("health-networks").map(|item| item.one_or_more());
    section.close();
    NeverRefused {
        removed: removed
            .iter()
            .filter_map(|item| item.word("built-in exemption", &words))
            .collect(),
        health_networks: networks.map(|items| items.iter().filter_map(Item::network).collect()),
    }
}

impl Item<'_> {
    /// An address that people are sent to: `http://…`, `https://…`, or a path on this site.
    fn link(&self) -> Option<String> {
        self.parsed("a link such as \"https://docs.example.com/\"", |text| {
            let known = ["https://", "http://"]
                .iter()
                .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
            let local = text.starts_with('/') && !text.starts_with("//");
            if text.contains(|c: char| {
                c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c)
            }) {
                return Err("a link has no white space and no <>\"\\^`{|}".to_owned());
            }
            match known || local {
                true => Ok(text.to_owned()),
                false => Err("it starts with https://, http:// or /".to_owned()),
            }
        })
    }

    /// An address that is told of something by POST.
    fn webhook(&self) -> Option<String> {
        self.parsed("an address such as \"https://hooks.example.com/upshift\"", |text| {
            let (scheme, rest) =
                text.split_once("://").ok_or("it starts with https:// or http://")?;
            let authority = rest.split('/').next().unwrap_or_default();
            crate::gateway::parse_origin(&format!("{scheme}://{authority}"))
                .map(|_| text.to_owned())
        })
    }
}
