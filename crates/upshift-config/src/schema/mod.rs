//! The policy file, key by key: what the JSON Schema is generated from.
//!
//! The walker in the rest of this crate reads the file itself, because it reports every error with
//! its place. A test holds the two together: whatever has a place here is read there, and the other
//! way round.

mod gateway;
mod matching;
mod requirement;
mod rollout;
mod rule;
mod upstream;
mod values;

use schemars::JsonSchema;
use serde_json::Value;

use gateway::{GatewayTable, LimitsTable};
use rollout::BreakerTable;
use rule::{ExemptionTable, NeverRefusedTable, RuleTable};
use upstream::UpstreamTable;
use values::OrFalse;

/// The JSON Schema of the policy file, as text that ends in a newline.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(FileTable);
    schema.insert("title".to_owned(), Value::from("Upshift policy file"));
    schema.insert("$id".to_owned(), Value::from("upshift.schema.json"));
    let mut value = schema.to_value();
    join_description_lines(&mut value);
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text + "\n"
}

/// Joins the lines of every description. Descriptions are doc comments, whose lines break where the
/// source file is wide enough, which would show in an editor.
fn join_description_lines(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, member) in map {
                match member {
                    Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                    member => join_description_lines(member),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(join_description_lines),
        _ => {}
    }
}

/// The place of a key, as a person would write it; empty if it has none.
pub(crate) fn places_of(key: &str) -> Vec<&'static str> {
    const WRITTEN: [(&str, &str); 12] = [
        ("Gateway", "[gateway]"),
        ("Tls", "[gateway.tls]"),
        ("Proxy", "[[gateway.proxy]]"),
        ("Limits", "[limits]"),
        ("Upstream", "[[upstream]]"),
        ("Rule", "[[rule]]"),
        ("Api", "require = { api = { … } }"),
        ("Client", "require = { client = { … } }"),
        ("Websocket", "require = { websocket = { … } }"),
        ("Rollout", "[rule.rollout]"),
        ("Exemption", "[[exemption]]"),
        ("Breaker", "[breaker]"),
    ];
    let schema = schemars::schema_for!(FileTable).to_value();
    let has = |name: &str| {
        schema
            .pointer(&format!("/$defs/{name}/properties"))
            .is_some_and(|properties| properties.get(key).is_some())
    };
    WRITTEN.iter().filter(|(name, _)| has(name)).map(|(_, written)| *written).collect()
}

/// The whole file.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "File")]
pub(super) struct FileTable {
    /// Listeners, and what is believed of the hops in front of them.
    gateway: Option<GatewayTable>,
    /// Bounds on what peers can make the gateway hold or wait for.
    limits: Option<LimitsTable>,
    /// Destinations of requests; the first that matches is taken, and `gateway.upstream` takes what
    /// is left.
    #[serde(default)]
    upstream: Vec<UpstreamTable>,
    /// Requirements for requests. Every rule that matches is decided, and the strictest verdict
    /// wins.
    #[serde(default)]
    rule: Vec<RuleTable>,
    /// Requests that are admitted in spite of a rule, until a date.
    #[serde(default)]
    exemption: Vec<ExemptionTable>,
    /// Stops a rollout that refuses more people than was thought; false: none does.
    breaker: Option<OrFalse<BreakerTable>>,
    /// Requests that no rule refuses unless its paths name them.
    never_refused: Option<NeverRefusedTable>,
}
