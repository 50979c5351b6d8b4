//! The keys of the matcher, which rules, exemptions and upstreams have beside their own.

/// Declares a table with the keys of the matcher. Keys are ANDed, the values of a key are ORed, and
/// `!` excludes.
macro_rules! matching {
    ($(#[$meta:meta])* pub(super) struct $name:ident { $($(#[$field:meta])* $key:ident: $type:ty,)* }) => {
        #[derive(JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        $(#[$meta])*
        pub(super) struct $name {
            /// Hosts: `api.example.com`, `*.example.com`. `!` excludes.
            hosts: Option<OneOrMore<String>>,
            /// Paths: `*` is one segment, `**` any number, `/a/**` also matches `/a`. `!`
            /// excludes.
            paths: Option<OneOrMore<String>>,
            /// Methods. GET includes HEAD and extended CONNECT. `!` excludes.
            methods: Option<OneOrMore<String>>,
            /// Fields: `Name` (is present) or `Name: value` with `*`. `!` excludes.
            headers: Option<OneOrMore<String>>,
            /// Addresses of clients: networks such as `10.0.0.0/8`. `!` excludes.
            peers: Option<OneOrMore<String>>,
            /// Clients by name, `AcmeApp`, or one build, `AcmeApp/5.1`. `!` excludes.
            clients: Option<OneOrMore<String>>,
            /// Identities, as `rollout.identity` reads them. `!` excludes.
            identities: Option<OneOrMore<String>>,
            $($(#[$field])* $key: $type,)*
        }
    };
}

pub(super) use matching;
