//! The order of the modules of each crate.

/// The order of a crate's modules, from the top to the bottom. A module may import its own layer
/// and those below it.
pub(super) struct Order {
    pub(super) name: &'static str,
    /// Modules by their path below `src`, each with all modules below it: `"policy"`, or
    /// `"policy/rule"` for one of them alone; the longest path that fits a file places it. Modules
    /// of one layer stand beside each other.
    pub(super) layers: &'static [&'static [&'static str]],
}

/// The crates whose modules have an order. Every module of such a crate has its place in it, but
/// for `lib.rs`, which is above all others.
pub(super) const ORDERS: &[Order] = &[
    Order {
        name: "upshift-core",
        layers: &[
            &["answer", "notice", "follow"],
            &["decision", "client_info"],
            &["policy", "prepared", "offer", "proxy_fields"],
            &["proxy", "verdict"],
            &["network", "field", "version"],
            &["facts"],
            &["protocol_version", "inline_text", "inline_vec"],
        ],
    },
    Order {
        name: "upshift-http1",
        layers: &[
            &["server", "client"],
            &["driver", "body", "write"],
            &["head"],
            &["framing", "send_error"],
            &["field_table", "version"],
            &["field_id", "fault"],
            &["octets", "limits"],
        ],
    },
    Order {
        name: "upshift-gateway",
        layers: &[
            &["gateway"],
            &["reload", "examine"],
            &["worker", "health_checks", "admin", "otlp"],
            &["downstream"],
            &["exchange"],
            &["tunnel"],
            &["forward"],
            &["core_local", "metric_registry"],
            &["shared"],
            &["client_connections", "rollout"],
            &["generation"],
            &["response_body"],
            &["upstream", "sockets"],
            &["body"],
            &["error", "quic"],
            &["settings", "tls"],
            &["telemetry"],
            &["fields", "framing", "http1_client", "local_reply", "progress", "received_request"],
            &["descriptors", "random", "local_executor"],
        ],
    },
];
