//! `upshift explain`: shows what happens to one request, and why.

mod report;

use std::net::IpAddr;

use clap::Args;
use upshift_core::{HttpVersion, Timestamp, TlsVersion};
use upshift_gateway::{ExplainQuery, ExplainTarget, Settings};
use upshift_record::{DecisionRecord, Exit};

use crate::arguments;
use crate::control::{self, RemoteGateway};
use crate::policy_file::PolicyFile;
use crate::terminal::{Palette, print_json, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

/// Show what happens to one request, and why
///
/// Nothing is sent. Shows every rule, why it applies or not and what it found in the request, and
/// the answer that would go out.
///
/// Unless flags say otherwise, the request arrives now, over HTTP/1.1, in cleartext for http: and
/// over TLS 1.3 for https:, from a public address that is not a declared [[gateway.proxy]].
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift explain http://api.example.com/account
  upshift explain --http 2 https://api.example.com/feeds/news
  upshift explain -H 'X-Api-Version: 1.4' --at 2026-12-01 https://api.example.com/api/orders
  upshift explain --peer 10.0.0.7 -H 'X-Forwarded-Proto: https' http://localhost/account
  upshift explain --admin http://127.0.0.1:9426 https://api.example.com/api/orders
  upshift explain --json --fail -X POST https://api.example.com/api/orders | jq .answer.fields

Exit codes: 0 it was explained, 1 it is refused and --fail was given, 2 wrong usage or an invalid file.")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    file: PolicyFile,
    /// Decide as of this time instead of now: 2026-12-01 or 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = arguments::parse_time)]
    at: Option<Timestamp>,
    /// The version of HTTP: 1.0, 1.1, 2 or 3
    #[arg(
        long,
        value_name = "VERSION",
        value_parser = arguments::parse_http_version,
        default_value = "1.1"
    )]
    http: HttpVersion,
    /// The version of TLS, for https: 1.0, 1.1, 1.2 or 1.3
    #[arg(long, value_name = "VERSION", value_parser = arguments::parse_tls_version)]
    tls: Option<TlsVersion>,
    /// The address that the connection comes from
    #[arg(long, value_name = "IP", default_value = "192.0.2.1")]
    peer: IpAddr,
    /// The method
    #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
    method: String,
    /// A header field: 'Name: value' (':protocol: websocket' for an extended CONNECT); repeat it
    /// for more
    #[arg(
        short = 'H',
        long = "header",
        value_name = "FIELD",
        value_parser = arguments::parse_field_line
    )]
    fields: Vec<(String, String)>,
    /// Ask the gateway with this admin listener, which knows what was paused or set, instead of
    /// reading the policy file
    #[arg(long, value_name = "URL", value_parser = control::parse_admin_url)]
    admin: Option<http::Uri>,
    /// The admin token, if the gateway asks for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Exit with 1 if the request is refused
    #[arg(long)]
    fail: bool,
    /// Print the decision record as JSON
    #[arg(long)]
    json: bool,
    /// The URL of the request: http://host/path or https://host/path
    #[arg(value_parser = ExplainTarget::parse)]
    target: ExplainTarget,
}

impl ExplainArgs {
    pub(crate) fn run(self) -> VerbResult {
        if self.tls.is_some() && !self.target.https {
            return Err(VerbError::usage("--tls is for https: targets"));
        }
        let query = ExplainQuery {
            method: self.method,
            target: self.target,
            http: self.http,
            tls: self.tls,
            peer: self.peer,
            fields: self.fields,
            at: self.at.unwrap_or_else(Timestamp::now),
        };
        let record = match self.admin {
            Some(url) => {
                let lookup = RemoteGateway::at_first_address(url, self.token);
                control::block_on_gateways(decide_on_gateway(&query, lookup))?
            }
            None => decide_by_file(&query, &self.file)?,
        };
        if self.json {
            print_json(&record)?;
        } else {
            print_stdout(&report::render_explanation(&query, &record, Palette::of_stdout())?)?;
        }
        Ok(if self.fail && record.verdict == "refuse" { Exit::FellShort } else { Exit::Fine })
    }
}

/// Decides by the policy file, without a gateway.
fn decide_by_file(query: &ExplainQuery, file: &PolicyFile) -> Result<DecisionRecord, VerbError> {
    // Only the policy is loaded: a copy of it can be explained where its certificates are not.
    let settings = Settings { file: file.load_and_report()?.file, ..Settings::default() };
    Ok(query.answer(&settings.file.policy, &settings))
}

/// Asks a running gateway for its decision.
async fn decide_on_gateway(
    query: &ExplainQuery,
    lookup: impl Future<Output = Result<RemoteGateway, VerbError>>,
) -> Result<DecisionRecord, VerbError> {
    let gateway = lookup.await?;
    match gateway.post_api("explain", &query.to_request()).await {
        Ok(record) => Ok(record),
        Err(error) => Err(gateway.verb_error(&error)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// What a person sees who asks the example policy.
    fn shown(target: &str, http: HttpVersion, fields: &[(&str, &str)]) -> String {
        let text = include_str!("../../../../examples/everything.toml");
        let file = upshift_config::load(text, "everything.toml").unwrap().file;
        let settings = Settings { file, ..Settings::default() };
        let query = ExplainQuery {
            method: "GET".to_owned(),
            target: ExplainTarget::parse(target).unwrap(),
            http,
            tls: None,
            peer: IpAddr::from([192, 0, 2, 1]),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            at: "2026-10-06T09:05:00Z".parse().unwrap(),
        };
        let record = query.answer(&settings.file.policy, &settings);
        report::render_explanation(&query, &record, Palette::colourless()).unwrap()
    }

    #[test]
    fn a_refusal_in_a_brownout() {
        let fields = [("X-Api-Version", "1.4"), ("X-Client-Version", "AcmeApp/5.4")];
        insta::assert_snapshot!(shown(
            "https://api.example.com/api/orders",
            HttpVersion::V1_1,
            &fields
        ));
    }

    #[test]
    fn an_exemption() {
        let fields = [("User-Agent", "AcmeApp/4.0")];
        insta::assert_snapshot!(shown("http://localhost/healthz", HttpVersion::V1_0, &fields));
    }

    #[test]
    fn what_no_rule_refuses() {
        insta::assert_snapshot!(shown("https://localhost/feeds/a", HttpVersion::V2, &[]));
    }

    /// Two `Host` fields were explained as admitted, and are 400 on the wire.
    #[test]
    fn a_malformed_request() {
        let fields = [("Host", "localhost"), ("Host", "api.example.com")];
        insta::assert_snapshot!(shown("http://localhost/", HttpVersion::V1_1, &fields));
    }

    #[test]
    fn what_a_gateway_decides_cannot_act_on_a_terminal() {
        let hostile = "x\u{1b}[2J\rfake\u{202e}";
        let query = ExplainQuery {
            method: "GET".to_owned(),
            target: ExplainTarget::parse("https://localhost/a").unwrap(),
            http: HttpVersion::V1_1,
            tls: None,
            peer: IpAddr::from([192, 0, 2, 1]),
            fields: vec![("x-note".to_owned(), "\u{202e}".to_owned())],
            at: Timestamp::UNIX_EPOCH,
        };
        let record: DecisionRecord = serde_json::from_value(serde_json::json!({
            "verdict": "refuse", "rule": hostile, "kind": "http", "phase": hostile, "reason": hostile, "status": 426,
            "observed": [], "required": [], "also": [hostile], "revision": hostile,
            "answer": { "status": 426, "fields": [["x-a", hostile]], "body": format!("{hostile}\nsecond\n") },
            "notice": [["link", hostile]],
            "rules": [{ "rule": hostile, "verdict": "refuse", "phase": hostile, "matched": true, "why": hostile,
                "reason": hostile }],
        }))
        .unwrap();
        let text = report::render_explanation(&query, &record, Palette::colourless()).unwrap();
        assert!(text.lines().flat_map(str::chars).all(upshift_config::is_visible), "{text}");
        assert!(text.contains("\n  second\n"), "the lines of a body stay lines: {text}");
    }
}
