//! The keys of the one matcher, which rules, exemptions and upstreams have beside their own.

/// Declares a struct with the keys of the one matcher, ANDed; the values of each are ORed, and `!`
/// takes away.
macro_rules! matching {
    ($(#[$meta:meta])* pub(super) struct $name:ident { $($(#[$field:meta])* $key:ident: $type:ty,)* }) => {
        #[derive(JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        $(#[$meta])*
        pub(super) struct $name {
            /// Hosts: `api.example.com`, `*.example.com`. `!` takes away.
            hosts: Option<OneOrMore<String>>,
            /// Paths: `*` is one segment, `**` any number, `/a/**` also matches `/a`. `!` takes
            /// away.
            paths: Option<OneOrMore<String>>,
            /// Methods. GET includes HEAD and extended CONNECT. `!` takes away.
            methods: Option<OneOrMore<String>>,
            /// Fields: `Name` (is there) or `Name: value` with `*`. `!` takes away.
            headers: Option<OneOrMore<String>>,
            /// Addresses of clients: networks such as `10.0.0.0/8`. `!` takes away.
            peers: Option<OneOrMore<String>>,
            /// Clients by name, `AcmeApp`, or one build, `AcmeApp/5.1`. `!` takes away.
            clients: Option<OneOrMore<String>>,
            /// Identities, as `rollout.identity` reads them. `!` takes away.
            identities: Option<OneOrMore<String>>,
            $($(#[$field])* $key: $type,)*
        }
    };
}

pub(super) use matching;
