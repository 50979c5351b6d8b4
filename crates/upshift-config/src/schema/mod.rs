//! The tables of the policy file, from which the JSON Schema is generated.
//!
//! The walker in the rest of this crate reads the file, because it reports every error with its
//! place. A test checks that both know the same keys.

mod gateway;
mod matching;
mod requirement;
mod rollout;
mod rule;
mod telemetry;
mod upstream;
mod values;

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use gateway::{AdoptionTable, GatewayTable, LimitsTable};
use rollout::BreakerTable;
use rule::{ExemptionTable, NeverRefusedTable, RuleTable};
use telemetry::TelemetryTable;
use upstream::UpstreamTable;
use values::OrFalse;

/// The JSON Schema of the policy file, as text that ends in a newline.
pub fn json_schema() -> String {
    let mut schema = schemars::schema_for!(FileTable);
    schema.insert("title".to_owned(), Value::from("Upshift policy file"));
    schema.insert("$id".to_owned(), Value::from("upshift.schema.json"));
    RecursiveTransform(join_description_lines).transform(&mut schema);
    // A schema is JSON already, so that writing it cannot fail.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}

/// Joins the lines of a description. It is a doc comment, whose line breaks mean nothing to an editor
/// that shows it.
fn join_description_lines(schema: &mut Schema) {
    let Some(Value::String(text)) = schema.get("description") else { return };
    let joined = text.replace('\n', " ");
    schema.insert("description".to_owned(), Value::from(joined));
}

/// The tables that have `key`, as the file writes them.
pub(crate) fn places_of(key: &str) -> Vec<&'static str> {
    const WRITTEN: [(&str, &str); 15] = [
        ("Gateway", "[gateway]"),
        ("Tls", "[gateway.tls]"),
        ("Proxy", "[[gateway.proxy]]"),
        ("Limits", "[limits]"),
        ("Adoption", "[adoption]"),
        ("Telemetry", "[telemetry]"),
        ("Otlp", "[telemetry.otlp]"),
        ("Upstream", "[[upstream]]"),
        ("Rule", "[[rule]]"),
        ("Api", "require = { api = { … } }"),
        ("Client", "require = { client = { … } }"),
        ("Websocket", "require = { websocket = { … } }"),
        ("Rollout", "[rule.rollout]"),
        ("Exemption", "[[exemption]]"),
        ("Breaker", "[breaker]"),
    ];
    // Generated for each unknown key: a table of keys would have to be kept up to date by hand.
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
    /// Listeners, trusted proxies and settings of the whole gateway.
    gateway: Option<GatewayTable>,
    /// Bounds on the memory and the time that peers can make the gateway spend.
    limits: Option<LimitsTable>,
    /// Recording of adoption, and its retention.
    adoption: Option<AdoptionTable>,
    /// Traces, and the export of metrics and traces.
    telemetry: Option<TelemetryTable>,
    /// Destinations of requests. The first that matches is used; `gateway.upstream` takes the other
    /// requests.
    #[serde(default)]
    upstream: Vec<UpstreamTable>,
    /// Requirements for requests. Every rule that matches is evaluated, and the strictest verdict
    /// wins.
    #[serde(default)]
    rule: Vec<RuleTable>,
    /// Requests that are admitted in spite of a rule, until a date.
    #[serde(default)]
    exemption: Vec<ExemptionTable>,
    /// Stops a rollout that refuses too many callers; false: no breaker.
    breaker: Option<OrFalse<BreakerTable>>,
    /// Requests that a rule refuses only if its paths name them.
    never_refused: Option<NeverRefusedTable>,
}
