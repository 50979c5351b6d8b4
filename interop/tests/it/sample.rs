//! One rule of each kind, each on a path of its own.

/// The rules.
pub(crate) const RULES: &str = r#"
[[rule]]
id      = "accounts-need-tls"
paths   = ["/account/**"]
require = { tls = "1.2" }

[[rule]]
id      = "vault-needs-tls13"
paths   = ["/vault/**"]
require = { tls = "1.3" }

[[rule]]
id      = "modern"
paths   = ["/modern/**"]
require = { http = "1.1" }

[[rule]]
id      = "feeds-need-http2"
paths   = ["/feeds/**"]
require = { http = "2" }

[[rule]]
id      = "video-needs-http3"
paths   = ["/video/**"]
require = { http = "3" }

[[rule]]
id      = "chat-is-websocket"
paths   = ["/chat"]
require = { websocket = { version = 13, subprotocols = ["chat.v2"] } }

[[rule]]
id      = "relay"
paths   = ["/derp"]
require = { protocol = "derp/2" }

[[rule]]
id        = "orders-v2"
paths     = ["/api/**"]
require   = { api = { minimum = "2.0", supported = ["2.0", "2.1"], read = ["header:X-Api-Version", "path:/api/v{version}/**", "query:api-version"] } }
message   = "Orders API v1 is going away."
docs      = "https://docs.example.com/orders/v2"
successor = "https://api.example.com/v2"

[[rule]]
id          = "old-apps"
paths       = ["/app/**"]
require     = { client = { read = ["header:X-Client-Version", "user-agent"], minimum = { AcmeApp = "5.1", Chrome = "109" }, blocked = ["AcmeApp/5.3.0"] } }
message     = "This version of the app is too old."
upgrade-url = { AcmeApp = "https://acme.example/update", default = "https://acme.example/browsers" }
"#;

/// The fields of a good WebSocket handshake, as curl's arguments.
pub(crate) const HANDSHAKE: &[&str] = &[
    "-H",
    "Connection: Upgrade",
    "-H",
    "Upgrade: websocket",
    "-H",
    "Sec-WebSocket-Version: 13",
    "-H",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
