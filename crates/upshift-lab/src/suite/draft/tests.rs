#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use upshift_record::Lane;

use super::*;
use crate::suite::model::LaneExpectation;
use crate::suite::{RequestText, SuiteFormat, SuitePlan, TextExpectation, plan_suite};

/// Plans the text of a draft; all variables have the value `v`.
pub(super) fn plan_draft(draft: &SuiteDraft) -> SuitePlan {
    let text = draft.to_toml();
    let own = draft.target.clone();
    let environment = |name: &str| {
        if own.contains(&format!("${{{name}:-")) { None } else { Some("v".to_owned()) }
    };
    plan_suite("a.upshift.toml", &text, SuiteFormat::Toml, &environment)
        .unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

/// Parts that a suite cannot have are left out, and the rest stays.
#[test]
fn cases_that_would_be_mistakes_are_left_out() {
    let hurl = "GET http://a/login\nHost: b\nContent-Length: 7\nHTTP 200\n[Captures]\nt: header \"T\"\n\n\
                GET http://a/{{t}}\nHTTP 200\n\nGET http://a/fine\nHTTP 200\n\nPOST http://a/b c\nHTTP 200\n";
    let mut draft = draft_from_hurl(hurl, "a.hurl").unwrap();
    draft.leave_out_mistakes();
    assert_eq!(plan_draft(&draft).cases.len(), 1, "{}", draft.to_toml());
    let remarks: Vec<String> = draft.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(remarks.len(), 3, "{remarks:#?}");
    assert!(remarks[0].contains("case get-login was left out: over h1.1"), "{remarks:#?}");
    assert!(remarks[1].contains("case post-b-c was left out"), "{remarks:#?}");
    assert!(remarks[2].contains("no earlier case captures `t`"), "{remarks:#?}");
}

/// Lines that a Hurl file may have, and some that it may not.
fn hurl_line() -> impl Strategy<Value = String> {
    let known = [
        "GET http://a/b?c=d",
        "POST {{host}}/x",
        "HTTP 426",
        "HTTP/1.0 *",
        "[Asserts]",
        "[Captures]",
        "[Query]",
        "[Form]",
        "[Options]",
        "http2: true",
        "header \"Upgrade\" contains \"h2c\"",
        "status == 426",
        "jsonpath \"$.a[0]['b']\" == 1",
        "body matches /a\\/b/",
        "token: header \"X\"",
        "X-A: {{token}}",
        "```json",
        "```",
        "{\"a\": 1}",
        "`one`",
        "# a comment",
        "",
        "X: y",
        "Connection: Upgrade",
    ];
    prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    /// No source makes the importers panic, or write a suite that is invalid.
    #[test]
    fn any_hurl_becomes_a_valid_suite_or_an_error(lines in prop::collection::vec(hurl_line(), 0..20)) {
        if let Ok(mut draft) = draft_from_hurl(&lines.join("\n"), "a.hurl") {
            draft.leave_out_mistakes();
            plan_draft(&draft);
        }
    }

    #[test]
    fn any_har_becomes_a_valid_suite_or_an_error(
        method in "[A-Z]{0,4}|.{0,4}", url in "https?://a[a-z/?&=%{} ]{0,12}|.{0,9}", version in "HTTP/1.[01]|h[23]|.{0,3}",
        name in "[A-Za-z-]{0,14}|.{0,5}", value in ".{0,9}", status in -1..700, content in ".{0,20}",
    ) {
        let har = serde_json::json!({"log": {"entries": [{
            "request": {"method": method, "url": url, "httpVersion": version,
                "headers": [{"name": name, "value": value}], "postData": {"text": content}},
            "response": {"status": status, "headers": [{"name": "Upgrade", "value": value}]},
        }]}});
        if let Ok(mut draft) = draft_from_har(har.to_string().as_bytes(), "a.har") {
            draft.leave_out_mistakes();
            plan_draft(&draft);
        }
    }

    #[test]
    fn any_openapi_becomes_a_valid_suite_or_an_error(
        path in "/[a-z{}/]{0,9}|.{0,6}", name in ".{0,6}", place in "path|query|header|cookie", example in ".{0,9}",
        upgrade in ".{0,9}", server in "https?://[a-z/{}]{1,9}|.{0,6}",
    ) {
        let document = serde_json::json!({
            "openapi": "3.1.0", "servers": [{"url": server}],
            "paths": {path: {"post": {
                "parameters": [{"name": name, "in": place, "required": true, "example": example}],
                "requestBody": {"content": {"text/plain": {"example": example}}},
                "responses": {"426": {"description": name, "headers": {"Upgrade": {"example": upgrade}}}},
            }}},
        });
        if let Ok(mut draft) = draft_from_openapi(&document.to_string(), "a.json") {
            draft.leave_out_mistakes();
            // A server that is no URL is a mistake of the whole document.
            if !draft.cases.is_empty() && server.starts_with("http") {
                plan_draft(&draft);
            }
        }
    }
}

const HAR: &str = r#"{"log": {"entries": [
  {"request": {"method": "GET", "url": "https://api.example.com/orders?access_token=geheim&page=1", "httpVersion": "HTTP/1.1",
     "headers": [{"name": "Host", "value": "api.example.com"}, {"name": "Authorization", "value": "Bearer geheim"},
       {"name": "Cookie", "value": "sid=geheim"}, {"name": "X-Api-Version", "value": "1.4"}, {"name": "Accept-Encoding", "value": "br"}]},
   "response": {"status": 426, "httpVersion": "HTTP/1.1", "headers": [{"name": "Upgrade", "value": "TLS/1.3, h2c"},
     {"name": "Connection", "value": "close, Upgrade"}, {"name": "Content-Type", "value": "application/problem+json; charset=utf-8"}]}},
  {"request": {"method": "GET", "url": "https://api.example.com/orders?access_token=geheim&page=1", "httpVersion": "HTTP/1.1", "headers": []},
   "response": {"status": 426, "httpVersion": "HTTP/1.1", "headers": []}},
  {"request": {"method": "POST", "url": "https://api.example.com/login", "httpVersion": "h2",
     "headers": [{"name": ":method", "value": "POST"}, {"name": "Content-Type", "value": "application/json"}],
     "postData": {"text": "{\"user\":\"a\",\"password\":\"geheim\"}"}},
   "response": {"status": 308, "httpVersion": "h2", "headers": [{"name": "location", "value": "/v2/login"}]}},
  {"request": {"method": "GET", "url": "http://other.example/x", "httpVersion": "HTTP/1.0", "headers": []},
   "response": {"status": 0, "headers": []}},
  {"request": {"method": "GET", "url": "http://other.example/x", "httpVersion": "HTTP/1.0", "headers": []},
   "response": {"status": 200, "headers": []}}
]}}"#;

#[test]
fn a_har_becomes_cases_without_its_secrets() {
    let draft = draft_from_har(HAR.as_bytes(), "orders.har").unwrap();
    let plan = plan_draft(&draft);
    let addresses: Vec<String> = plan.cases.iter().map(|case| case.address.to_string()).collect();
    assert_eq!(
        addresses,
        ["a.upshift.toml::get-orders-426[h1.1]", "a.upshift.toml::post-login-308[h2]",]
    );
    let text = draft.to_toml();
    assert!(!text.contains("geheim"), "{text}");
    for line in [
        "#:schema ./upshift-suite.schema.json",
        "target = \"${TARGET:-https://api.example.com}\"",
        "GET /orders?access_token=${ACCESS_TOKEN}&page=1",
        "Authorization: Bearer ${AUTHORIZATION}",
        "Cookie: ${COOKIE}",
        "X-Api-Version: 1.4",
        "expect.\"h1.1\".fields.Upgrade = { token = [\"TLS/1.3\", \"h2c\"] }",
        "expect.\"h1.1\".fields.Connection = { token = \"upgrade\" }",
        "expect.h2 = { status = 308, fields.Location = \"/v2/login\" }",
        "{\"user\":\"a\",\"password\":\"${PASSWORD}\"}",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(!text.contains("Accept-Encoding"), "{text}");
    let remarks: Vec<String> = draft.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        [
            "exchange 4 was left out: it has no response",
            "exchange 5 was left out: it went to another server than most requests, \
             `http://other.example`",
        ]
    );
}

/// Two people, two servers, and a secret in each place that a HAR has for them.
const SECRET_HAR: &str = r##"{"log": {"entries": [
  {"request": {"method": "POST", "url": "https://a.example/1;jsessionid=geheim1?X-Amz-Signature=geheim2&next=https%3A%2F%2Fa%3Ftoken%3Dgeheim3",
     "headers": [{"name": "Authorization", "value": "Bearer geheim-alice"}, {"name": "x-csrf", "value": "geheim4"},
       {"name": "referer", "value": "https://a.example/?token=geheim5"}, {"name": "Content-Type", "value": "text/plain"}],
     "postData": {"text": "{\"pwd\":\"geheim6\",\"otp\":123456,\"passwords\":[\"geheim7\"],\"credentials\":{\"value\":\"geheim8\"},\"query\":\"{ l(pin: \\\"geheim9\\\") }\"}"}},
   "response": {"status": 302, "headers": [{"name": "Location", "value": "https://a.example/cb?code=geheim10&access_token=geheim11"}]}},
  {"request": {"method": "POST", "url": "https://a.example/2",
     "headers": [{"name": "Authorization", "value": "Bearer geheim-bob"}],
     "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "pw", "value": "geheim12"}, {"name": "a", "value": "b"}]}},
   "response": {"status": 302, "headers": [{"name": "Location", "value": "/done#access_token=geheim13"}]}},
  {"request": {"method": "POST", "url": "https://a.example/3", "headers": [],
     "postData": {"mimeType": "multipart/form-data; boundary=x", "params": [{"name": "pw", "value": "geheim14"}]}},
   "response": {"status": 200, "headers": []}},
  {"request": {"method": "GET", "url": "https://b.example/4", "headers": [{"name": "Authorization", "value": "Bearer geheim-bob"}]},
   "response": {"status": 200, "headers": []}},
  {"request": {"method": "GET", "url": "http://user:geheim15@a.example/5", "headers": []},
   "response": {"status": 200, "headers": []}}
]}}"##;

#[test]
fn no_secret_of_a_har_is_in_the_suite() {
    let draft = draft_from_har(SECRET_HAR.as_bytes(), "secret.har").unwrap();
    let plan = plan_draft(&draft);
    let text = draft.to_toml();
    assert_eq!(plan.cases.len(), 3, "{text}");
    assert!(!text.contains("geheim") && !text.contains("123456"), "{text}");
    for line in [
        "POST /1;jsessionid=${JSESSIONID}?X-Amz-Signature=${X_AMZ_SIGNATURE}&next=${NEXT}",
        "Authorization: Bearer ${AUTHORIZATION}",
        "Authorization: Bearer ${AUTHORIZATION_2}",
        "x-csrf: ${X_CSRF}",
        "referer: https://a.example/?token=${TOKEN}",
        r#"{"pwd":"${SUITE_PWD}","otp":${OTP},"passwords":["${PASSWORDS}"],"credentials":{"value":"${CREDENTIALS}"},"query":"{ l(pin: \"${PIN}\") }"}"#,
        "pw=${PW}&a=b",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    let remarks: Vec<String> = draft.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        [
            "exchange 3: the HAR does not have its content as text",
            "exchange 4 was left out: it went to another server than most requests, \
             `https://b.example`",
            "exchange 5 was left out: `http://***@a.example/5` is no URL that can be asked",
        ]
    );
}

#[test]
fn a_source_that_is_no_har_is_an_error_with_its_place() {
    let error = |text: &str| draft_from_har(text.as_bytes(), "a.har").unwrap_err().to_string();
    let cut = error(&HAR[..HAR.len() / 2]);
    assert!(cut.contains("the HAR is cut") && cut.starts_with("line "), "{cut}");
    assert!(error("{\"log\": {\"entries\": []}}").contains("no request with a response"));
    assert!(error("\u{0}\u{1}").contains("help: "));
}

/// Nothing of a source breaks out of its place in the text.
#[test]
fn hostile_texts_stay_texts() {
    let hostile = "a'''\n[[probe]]\nid = \"x\" \u{7f}\u{1b} ${HOME} \"\"\"";
    let mut draft = SuiteDraft { name: hostile.to_owned(), ..SuiteDraft::default() };
    draft.target = "http://127.0.0.1:1".to_owned();
    let expect = LaneExpectation {
        body: Some(TextExpectation::equal_to(hostile)),
        ..LaneExpectation::default()
    };
    draft.cases.push(DraftCase {
        id: UniqueIds::default().make(hostile),
        comment: vec![hostile.to_owned()],
        request: RequestText {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            fields: Vec::new(),
            body: escape_variables(hostile),
        },
        lanes: vec![Lane::Http11],
        expect: vec![(None, expect)],
        capture: BTreeMap::new(),
    });
    let plan = plan_draft(&draft);
    assert_eq!((plan.cases.len(), plan.name.as_str()), (1, hostile));
    let crate::suite::CaseAction::Probe(probe) = &plan.cases[0].action else { unreachable!() };
    assert_eq!(probe.body.expand(&BTreeMap::new()).unwrap(), hostile);
}

const OPENAPI: &str = r##"
openapi: 3.1.0
info: { title: Orders }
servers:
  - url: https://{region}.example.com/api
    variables: { region: { default: eu } }
security: [{ key: [] }]
components:
  securitySchemes: { key: { type: apiKey, in: header, name: X-Api-Key } }
  parameters:
    id: { name: id, in: path, required: true, schema: { type: string } }
  responses:
    Old:
      description: The version is too old.
      headers: { Upgrade: { schema: { const: "orders/2.0" } } }
paths:
  /orders/{id}:
    parameters: [{ $ref: "#/components/parameters/id" }]
    get:
      summary: Read an order
      parameters:
        - { name: expand, in: query, required: true, example: "a b&c" }
        - { name: unused, in: query, schema: { type: string } }
      responses:
        "200": { description: fine, headers: { Sunset: { example: "Tue, 01 Dec 2026 00:00:00 GMT" } } }
        "426": { $ref: "#/components/responses/Old" }
    delete:
      deprecated: true
      responses: { "204": { description: gone } }
  /fine:
    get: { responses: { "200": { description: fine } } }
"##;

#[test]
fn an_openapi_document_becomes_cases_for_refusals_and_deprecations() {
    let draft = draft_from_openapi(OPENAPI, "orders.yaml").unwrap();
    assert_eq!(plan_draft(&draft).cases.len(), 3);
    let text = draft.to_toml();
    for line in [
        "suite  = \"Orders\"",
        "target = \"${TARGET:-https://eu.example.com/api}\"",
        "GET /orders/${ID}?expand=a%20b%26c",
        "X-Api-Key: ${X_API_KEY}",
        "expect.\"h1.1\".fields.Upgrade = { token = \"orders/2.0\" }",
        "expect.\"h1.1\" = { status = 200, fields.Sunset = \"Tue, 01 Dec 2026 00:00:00 GMT\" }",
        "expect.\"h1.1\" = { status = 204 }",
        "# Read an order",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(!text.contains("unused") && !text.contains("/fine"), "{text}");
}

const SECRET_OPENAPI: &str = r##"
openapi: 3.1.0
info: { title: Secrets }
paths:
  /users/{user}/{path}:
    post:
      deprecated: true
      parameters:
        - { name: user, in: path, required: true }
        - { name: path, in: path, required: true, example: [1, 2] }
        - { name: lang, in: query, required: true }
        - { name: tags, in: query, example: [r, g] }
        - { name: f, in: query, style: deepObject, example: { k: v } }
        - { name: session_token, in: query, example: geheim1 }
        - { name: X-Api-Key, in: header, example: geheim2 }
      requestBody:
        content:
          application/json:
            example: { password: geheim3, nested: [{ api_key: geheim4 }], page: 1 }
      responses: { "204": { description: fine } }
  /form:
    post:
      deprecated: true
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              properties:
                name: { type: string, example: a b }
                client_secret: { type: string, example: geheim5 }
      responses: { "204": { description: fine } }
  /parts:
    post:
      deprecated: true
      requestBody:
        content: { multipart/form-data: { example: { name: a } } }
      responses: { "204": { description: fine } }
"##;

#[test]
fn no_secret_of_an_openapi_document_is_in_the_suite() {
    let draft = draft_from_openapi(SECRET_OPENAPI, "a.yaml").unwrap();
    assert_eq!(plan_draft(&draft).cases.len(), 3);
    let text = draft.to_toml();
    assert!(!text.contains("geheim") && !text.contains("multipart"), "{text}");
    assert!(draft.remarks[0].message.starts_with("POST /parts: an example of multipart"));
    for line in [
        "POST /users/${SUITE_USER}/1,2?lang=${SUITE_LANG}&tags=r&tags=g&f%5Bk%5D=v&session_token=${SESSION_TOKEN}",
        "X-Api-Key: ${X_API_KEY}",
        r#"{"password":"${PASSWORD}","nested":[{"api_key":"${API_KEY}"}],"page":1}"#,
        "name=a%20b&client_secret=${CLIENT_SECRET}",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
}

#[test]
fn a_document_that_is_no_openapi_says_what_it_is() {
    let error = |text: &str| draft_from_openapi(text, "a.yaml").unwrap_err().to_string();
    assert!(error("swagger: '2.0'\npaths: {}").contains("this is Swagger 2.0"));
    assert!(error("openapi: 3.0.3\ninfo: {}").contains("no `paths`"));
    assert!(error("{\"openapi\": \"3.0.3\",\n\"paths\": {").starts_with("line 2, column "));
    assert!(error("openapi: 4.0.0\npaths: {}").contains("`openapi: 4.0.0` is not known"));
    assert!(error("just words").contains("it has no `openapi`"));
    assert!(error("a: [1\nb: 2").contains("help: "));
    let none =
        OPENAPI.replace("deprecated: true", "x: 1").replace("426", "427").replace("Sunset", "X");
    assert!(error(&none).contains("no operation has a 426 response"));
}

const HURL: &str = r##"
# Log in first.
POST {{host}}/login
Content-Type: application/json
{ "user": "a", "password": "{{password}}" }
HTTP 200
[Captures]
token: header "X-Token"
id: jsonpath "$.orders[0].id"

# Old clients are refused.
GET {{host}}/orders/{{id}}
Authorization: Bearer {{token}}
[Query]
page: 1
q: a b
[Options]
http1.0: true
delay: 5s
HTTP/1.0 426
Content-Type: application/problem+json
[Asserts]
header "Upgrade" contains "h2c" # the offer
header "Upgrade" not contains "websocket"
header "Connection" matches /(?i)upgrade/
header "Set-Cookie" count == 2
header "X-Old" not exists
header "X-New" exists
jsonpath "$.status" == 426
jsonpath "$..a" count == 1
body startsWith "{"
duration < 1000

GET {{host}}/nothing
HTTP *
"##;

#[test]
fn a_hurl_file_becomes_cases_with_its_asserts() {
    let draft = draft_from_hurl(HURL, "smoke.hurl").unwrap();
    let plan = plan_draft(&draft);
    assert_eq!(plan.cases.len(), 2, "{}", draft.to_toml());
    let text = draft.to_toml();
    for line in [
        "# Log in first.",
        "target = \"${SUITE_HOST:-http://127.0.0.1:8080}\"",
        "{ \"user\": \"a\", \"password\": \"${PASSWORD}\" }",
        "capture.token = { field = \"X-Token\" }",
        "capture.id = { json = \"/orders/0/id\" }",
        "GET /orders/${capture:id}?page=1&q=a%20b",
        "Authorization: Bearer ${capture:token}",
        "expect.\"h1.0\".status = 426",
        "expect.\"h1.0\".version = \"1.0\"",
        "expect.\"h1.0\".fields.Upgrade = { contains = \"h2c\", lacks = \"websocket\" }",
        "expect.\"h1.0\".fields.Connection = { matches = \"(?i)upgrade\" }",
        "expect.\"h1.0\".fields.Set-Cookie = { count = 2 }",
        "expect.\"h1.0\".absent = [\"X-Old\"]",
        "expect.\"h1.0\".json.\"/status\" = 426",
        "# not carried over: line 32: [Asserts] `duration < 1000`",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    let remarks: Vec<String> = draft.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        [
            "line 19: [Options] `delay: 5s`",
            "line 30: [Asserts] `jsonpath \"$..a\" count == 1`",
            "line 32: [Asserts] `duration < 1000`",
            "line 34: GET {{host}}/nothing was left out: it expects nothing that a suite can expect",
        ]
    );
}

/// Secrets of Hurl in each place that it has for them. `geheim` is in no place of the suite, nor in
/// what is said about it.
const SECRET_HURL: &str = r##"
# Use password: geheim1
POST https://a.example/login?access_token=geheim2
Authorization: Bearer geheim3
Cookie: sid={{sid}}; b=geheim4
Referer: https://a.example/?token=geheim5
[Query]
api_key: geheim6
[Options]
user: bob:geheim7
HTTP 302
Set-Cookie: sid=geheim8; Path=/
Location: https://a.example/cb?code=geheim9&x=1
[Asserts]
header "X-Token" == "geheim10"
header "Location" contains "access_token=geheim11"
jsonpath "$.credentials.value" == "geheim12"
body contains "password=geheim13"
cookie "sid" == "geheim14"

POST https://a.example/json
{"password": "geheim15", "deep": [{"pins": ["geheim16"]}]}
HTTP 200

POST https://a.example/fenced
Authorization: Bearer geheim17
```json
{"client_secret": "geheim18"}
```
HTTP 200

POST https://a.example/form
[Form]
password: geheim19
page: 2
[Cookies]
sid: geheim20
[BasicAuth]
bob: geheim21
HTTP 200

POST https://a.example/parts
[Multipart]
password: geheim22
HTTP 200

GET https://bob:geheim23@a.example/user
HTTP 200

GET https://b.example/other?token=geheim24
HTTP 200
"##;

#[test]
fn no_secret_of_a_hurl_file_is_in_the_suite() {
    let draft = draft_from_hurl(SECRET_HURL, "secret.hurl").unwrap();
    let plan = plan_draft(&draft);
    let text = draft.to_toml();
    assert_eq!(plan.cases.len(), 5, "{text}");
    assert!(!text.contains("geheim"), "{text}");
    for line in [
        "POST /login?access_token=${ACCESS_TOKEN}&api_key=${API_KEY}",
        "Authorization: Bearer ${AUTHORIZATION}",
        "Cookie: sid=${SID}; b=${B}",
        "Referer: https://a.example/?token=${TOKEN}",
        "{\"password\": \"${PASSWORD}\", \"deep\": [{\"pins\": [\"${PINS}\"]}]}",
        "Authorization: Bearer ${AUTHORIZATION_2}",
        "{\"client_secret\": \"${CLIENT_SECRET}\"}",
        "password=${PASSWORD_2}&page=2",
        "Cookie: ${COOKIE}",
        "Authorization: Basic ${CREDENTIALS}",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(text.contains(r#"fields.Location = { matches = "#), "{text}");
    let remarks: Vec<String> = draft.remarks.iter().map(ToString::to_string).collect();
    let remarks = remarks.join("\n");
    assert!(!remarks.contains("geheim"), "{remarks}");
    for part in ["[Multipart] `password…`", "in [BasicAuth]", "begins with `https://b.example`"] {
        assert!(remarks.contains(part), "{part}: {remarks}");
    }
}

#[test]
fn a_file_that_is_no_hurl_is_an_error_with_its_line() {
    let error = |text: &str| draft_from_hurl(text, "a.hurl").unwrap_err().to_string();
    assert!(error("\nhello there").starts_with("line 2, column 1: `hello there` is no request"));
    assert!(error("GET http://a/\n```\nopen").starts_with("line 2, column 1: this block"));
    assert!(error("GET http://a/\n").contains("no entry of the file expects a response"));
    assert!(error("").contains("no entry"));
    assert!(!error("password: geheim").contains("geheim"));
}
