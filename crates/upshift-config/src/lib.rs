//! Upshift's policy file: TOML in; a compiled policy and the gateway's settings out.
//!
//! 1. [`load`] returns either the settings or every error of the file.
//! 2. An error has its place in the file, the expected value, and the nearest valid spelling.
//! 3. Unknown keys are errors.
//! 4. Dates are resolved here, so that the core needs no time zones.
//!
//! A file is walked by hand rather than deserialised, because a deserialiser stops at the first
//! error. The JSON Schema is generated from types of its own, and a test checks that the walker and
//! the schema know the same keys.
//!
//! ```
//! let text = "
//!     [gateway]
//!     upstream = 'http://127.0.0.1:3000'
//!     [[rule]]
//!     id = 'accounts-need-tls'
//!     paths = ['/account/**']
//!     require = { tls = '1.2' }
//! ";
//! let loaded = upshift_config::load(text, "upshift.toml").unwrap_or_default();
//! assert_eq!(loaded.file.policy.rules().len(), 1);
//! assert_eq!(loaded.file.gateway.http.map(|address| address.port()), Some(8080));
//! // No https listener is configured, so that no client could meet the rule.
//! assert_eq!(loaded.warnings.len(), 1);
//!
//! let errors = upshift_config::load("[gatway]\nhttp3 = 'yes'", "upshift.toml").unwrap_err();
//! assert_eq!(errors[0].message, "unknown key `gatway`");
//! assert_eq!(errors[0].help, ["did you mean `gateway`?"]);
//! assert_eq!((errors[0].line, errors[0].column), (1, 2));
//! ```

mod access_log;
mod admin_token;
mod adoption;
mod api;
mod breaker;
mod client;
mod collector;
mod contradictions;
mod date;
mod diagnostic;
mod exemption;
mod file;
mod file_settings;
mod gateway;
mod health_check;
mod hsts;
mod key_diagnostic;
mod limits;
mod line_format;
mod line_index;
mod matcher;
mod notes;
mod origin;
mod policy;
mod proxy;
mod quantity;
mod reader;
mod regular;
mod requirement;
mod rollout;
mod rollout_warnings;
mod rule;
mod rule_warnings;
#[expect(dead_code, reason = "its types are never built: the schema is made of their definitions")]
mod schema;
mod span_diagnostic;
mod spelling;
mod telemetry;
mod toml_table;
mod toml_value;
mod transport_warnings;
mod upstream;
mod visible;
mod warnings;

pub use access_log::{AccessLog, RecordDestination, RecordFormat, RecordedRequests};
pub use admin_token::AdminToken;
pub use adoption::AdoptionSettings;
pub use date::parse_moment;
pub use diagnostic::{Diagnostic, Severity};
pub use file::{Loaded, load, load_at};
pub use file_settings::FileSettings;
pub use gateway::{GatewaySettings, PathMode, TlsFiles};
pub use health_check::HealthCheck;
pub use hsts::Hsts;
pub use key_diagnostic::KeyDiagnostic;
pub use limits::Limits;
pub use line_format::{LineFormat, LinePart, LineValue};
pub use origin::Address;
pub use quantity::parse_duration;
pub use regular::{read_regular_file, require_regular_file};
pub use schema::json_schema;
pub use telemetry::{OtlpExport, OtlpSettings, TelemetrySettings, check_otlp_endpoint};
pub use upshift_core::proxy::{Proxy, ProxyReads, UndeclaredProxy};
pub use upstream::{Endpoint, Upstream, UpstreamHttp};
pub use visible::{is_visible, make_visible};
