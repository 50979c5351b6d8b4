//! The JSON that known programs write.

use super::clock::TimeFormat;
use super::json::JsonFormat;
use super::nginx::field_slot;
use super::slot::Slot;
use crate::line::WantedFields;

const TIME: Slot = Slot::Time(TimeFormat::Any);

/// Caddy's access log.
pub(super) fn caddy() -> JsonFormat {
    let mut format = JsonFormat::default();
    format.map("ts", TIME);
    // Newer versions also write `client_ip`, which follows their own trusted proxies.
    format.map("request.remote_ip", Slot::Peer);
    format.map("request.host", Slot::Host);
    format.map("request.method", Slot::Method);
    format.map("request.uri", Slot::Target);
    format.map("request.proto", Slot::Http);
    format.map("request.tls.version", Slot::Tls);
    format.map("status", Slot::Status);
    format.map_headers("request.headers");
    format.omits_cleartext = true;
    // Kong and Caddy share some keys.
    format.needs_status = true;
    format
}

/// Traefik's access log in JSON.
pub(super) fn traefik(wanted: &WantedFields) -> JsonFormat {
    let mut format = JsonFormat::default();
    format.map("StartUTC", TIME);
    format.map("ClientHost", Slot::Peer);
    format.map("RequestHost", Slot::Host);
    format.map("RequestMethod", Slot::Method);
    format.map("RequestPath", Slot::Target);
    format.map("RequestProtocol", Slot::Http);
    format.map("RequestScheme", Slot::Scheme);
    format.map("TLSVersion", Slot::Tls);
    format.map("DownstreamStatus", Slot::Status);
    format.map("request_User-Agent", field_slot("user-agent", wanted));
    format.map_field_prefix("request_");
    format
}

/// The HTTP requests of Cloudflare's Logpush.
pub(super) fn cloudflare(wanted: &WantedFields) -> JsonFormat {
    let mut format = JsonFormat::default();
    format.map("EdgeStartTimestamp", TIME);
    format.map("ClientIP", Slot::Peer);
    format.map("ClientRequestHost", Slot::Host);
    format.map("ClientRequestMethod", Slot::Method);
    format.map("ClientRequestURI", Slot::Target);
    format.map("ClientRequestPath", Slot::Path);
    format.map("ClientRequestProtocol", Slot::Http);
    format.map("ClientRequestScheme", Slot::Scheme);
    format.map("ClientSSLProtocol", Slot::Tls);
    format.map("EdgeResponseStatus", Slot::Status);
    format.map("ClientRequestUserAgent", field_slot("user-agent", wanted));
    format.map("ClientRequestReferer", field_slot("referer", wanted));
    // Which fields it has is configured, and so none of them is known to be absent.
    for field in 0..wanted.len() {
        let name = wanted.name(field).to_owned();
        format.map(&format!("RequestHeaders.{name}"), Slot::Field(field));
    }
    format
}

/// Requests in the log entries of Google Cloud.
pub(super) fn google_cloud(wanted: &WantedFields) -> JsonFormat {
    let mut format = JsonFormat::default();
    format.map("timestamp", TIME);
    format.map("httpRequest.remoteIp", Slot::Peer);
    format.map("httpRequest.requestMethod", Slot::Method);
    format.map("httpRequest.requestUrl", Slot::Url);
    format.map("httpRequest.protocol", Slot::Http);
    format.map("httpRequest.status", Slot::Status);
    format.map("httpRequest.userAgent", field_slot("user-agent", wanted));
    format.map("tls.protocol", Slot::Tls);
    format
}

/// The access logs of Azure's Front Door and Application Gateway.
pub(super) fn azure(wanted: &WantedFields) -> JsonFormat {
    let mut format = JsonFormat::default();
    for key in ["time", "timeStamp"] {
        format.map(key, TIME);
    }
    for (keys, slot) in [
        (&["clientIp", "clientIP"][..], Slot::Peer),
        (&["httpMethod"], Slot::Method),
        // The one writes URLs, and the other paths, perhaps with the target beside them.
        (&["requestUri"], Slot::Url),
        (&["originalRequestUriWithArgs"], Slot::Target),
        (&["host", "originalHost"], Slot::Host),
        (&["httpVersion"], Slot::Http),
        (&["securityProtocol", "sslProtocol"], Slot::Tls),
        (&["httpStatusCode", "httpStatus"], Slot::Status),
        (&["userAgent"], field_slot("user-agent", wanted)),
        (&["referer"], field_slot("referer", wanted)),
    ] {
        for key in keys {
            format.map(&format!("properties.{key}"), slot);
        }
    }
    // The logs of firewalls and health probes have none.
    format.needs_status = true;
    format.has_dashes = true;
    format
}

/// The log of Kong's plugins.
pub(super) fn kong() -> JsonFormat {
    let mut format = JsonFormat::default();
    format.map("started_at", TIME);
    format.map("client_ip", Slot::Peer);
    format.map("request.method", Slot::Method);
    format.map("request.uri", Slot::Target);
    format.map("request.tls.version", Slot::Tls);
    format.map("response.status", Slot::Status);
    format.map_headers("request.headers");
    format.omits_cleartext = true;
    // Kong and Caddy share some keys.
    format.needs_status = true;
    format
}

/// Upshift's own access record.
pub(super) fn upshift(wanted: &WantedFields) -> JsonFormat {
    let mut format = JsonFormat::default();
    format.map("time", TIME);
    format.map("peer", Slot::Peer);
    format.map("host", Slot::Host);
    format.map("method", Slot::Method);
    format.map("path", Slot::Path);
    format.map("http", Slot::ResolvedHttp);
    format.map("tls", Slot::ResolvedTls);
    format.map("sent_status", Slot::Status);
    format.map("user_agent", field_slot("user-agent", wanted));
    // Only the part that the policy read is here, so without any it is not known what there was.
    format.map("query", Slot::QueryPart);
    format.map("protocol", Slot::Protocol);
    format.map_recorded_fields("fields");
    format.map("rule", Slot::DecidingRule);
    format.map("caller", Slot::Caller);
    format.map("revision", Slot::Revision);
    format.map_rulings("rules");
    format.is_resolved = true;
    format.has_decisions = true;
    // The other names are those that many people give.
    format.needs_status = true;
    format
}

/// JSON with the names that most people give: nginx's variables, and Envoy's and other usual keys.
pub(super) fn usual(wanted: &WantedFields) -> JsonFormat {
    let mut format = JsonFormat::default();
    for (keys, slot) in usual_keys() {
        for key in *keys {
            format.map(key, *slot);
        }
    }
    for key in ["user_agent", "http_user_agent", "agent", "userAgent", "user-agent", "ua"] {
        format.map(key, field_slot("user-agent", wanted));
    }
    for key in ["x_forwarded_for", "xff", "forwarded_for", "x-forwarded-for"] {
        format.map(key, field_slot("x-forwarded-for", wanted));
    }
    format.map_field_prefix("http_");
    format.map_headers("headers");
    format.map_headers("request_headers");
    format
}

fn usual_keys() -> &'static [(&'static [&'static str], Slot)] {
    &[
        (
            &[
                "time",
                "timestamp",
                "@timestamp",
                "ts",
                "time_iso8601",
                "time_local",
                "msec",
                "start_time",
            ],
            TIME,
        ),
        (
            &[
                "remote_addr",
                "client_ip",
                "clientip",
                "remote_ip",
                "client",
                "remote_address",
                "downstream_remote_address",
                "ip",
            ],
            Slot::Peer,
        ),
        (&["request"], Slot::Request),
        (&["method", "request_method", "http_method", "verb"], Slot::Method),
        (&["request_uri", "target", "url"], Slot::Target),
        (&["uri", "path", "request_path"], Slot::Path),
        (&["args", "query_string", "query"], Slot::Query),
        (&["protocol", "server_protocol", "http_version", "proto"], Slot::Http),
        (
            &["ssl_protocol", "tls", "tls_version", "tls_protocol", "downstream_tls_version"],
            Slot::Tls,
        ),
        (&["scheme"], Slot::Scheme),
        (&["host", "http_host", "authority", ":authority", "vhost", "server_name"], Slot::Host),
        (&["status", "response_code", "status_code", "code"], Slot::Status),
    ]
}
