//! The sessions of browsers that logged in with the admin token.
//!
//! 1. A session's id is random, and only its digest is kept.
//! 2. A session ends after twelve hours, when the user logs out, and when the token changes.
//! 3. Sessions are in memory only: a restart ends all of them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;

/// The life of a session.
const LIFETIME: Duration = Duration::from_secs(12 * 3_600);
/// The most sessions at a time. A new one beyond it ends the oldest.
const MAX_SESSIONS: usize = 64;

type Digest = [u8; 32];

/// The sessions that are open.
#[derive(Default)]
pub(crate) struct Sessions {
    /// The oldest first.
    open: Mutex<VecDeque<OpenSession>>,
}

/// A browser that is logged in.
#[derive(Clone)]
pub(crate) struct Session {
    /// The secret that its forms contain, and that other sites do not know.
    pub(crate) form_key: String,
    /// The name that the user gave, for the history of changes; it may be empty.
    pub(crate) user: String,
}

struct OpenSession {
    id: Digest,
    /// The token that it was opened with.
    token: Digest,
    ends: Instant,
    session: Session,
}

impl Sessions {
    /// Opens a session for a user who knows `token`, and returns its id; `None` if the system has no
    /// random numbers.
    pub(crate) fn open_session(&self, token: &str, user: String) -> Option<String> {
        let (id, form_key) = (random_text()?, random_text()?);
        let opened = OpenSession {
            id: digest_of(&id),
            token: digest_of(token),
            ends: Instant::now() + LIFETIME,
            session: Session { form_key, user },
        };
        let mut open = self.lock();
        if open.len() >= MAX_SESSIONS {
            open.pop_front();
        }
        open.push_back(opened);
        Some(id)
    }

    /// The session that the request belongs to, if it is open under this token.
    pub(crate) fn find_session(&self, headers: &HeaderMap, token: &str) -> Option<Session> {
        let id = digest_of(session_id(headers)?);
        let token = digest_of(token);
        let mut open = self.lock();
        let now = Instant::now();
        // A token that changed may have leaked: its sessions end with it.
        open.retain(|session| session.ends > now && session.token == token);
        let found = open.iter().find(|session| session.id == id)?;
        Some(found.session.clone())
    }

    /// Closes the session that the request belongs to.
    pub(crate) fn close_session(&self, headers: &HeaderMap) {
        if let Some(id) = session_id(headers) {
            let id = digest_of(id);
            self.lock().retain(|session| session.id != id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<OpenSession>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value of `Set-Cookie` that gives the browser its session, or takes it (`id` is empty).
///
/// It is not `Secure`, because the admin listener speaks cleartext HTTP.
pub(crate) fn session_cookie(headers: &HeaderMap, id: &str) -> Option<HeaderValue> {
    let name = cookie_name(headers);
    let seconds = if id.is_empty() { 0 } else { LIFETIME.as_secs() };
    let cookie = format!("{name}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&cookie).ok()
}

/// The name of the cookie. Browsers send a cookie to every port of a host, so that a second gateway
/// on this machine would overwrite it: the port is part of the name.
fn cookie_name(headers: &HeaderMap) -> String {
    let host = match headers.get(header::HOST).map(HeaderValue::to_str) {
        Some(Ok(host)) => host,
        _ => "",
    };
    match host.rsplit(':').next().map(str::parse::<u16>) {
        Some(Ok(port)) => format!("upshift-session-{port}"),
        _ => "upshift-session".to_owned(),
    }
}

/// The id in the request's cookie.
fn session_id(headers: &HeaderMap) -> Option<&str> {
    let name = cookie_name(headers);
    for line in headers.get_all(header::COOKIE) {
        let Ok(line) = line.to_str() else { continue };
        for pair in line.split(';') {
            if let Some((key, value)) = pair.trim().split_once('=')
                && key == name
            {
                return Some(value);
            }
        }
    }
    None
}

fn digest_of(text: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

/// 256 random bits as hexadecimal digits.
fn random_text() -> Option<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// The fields of a request of the browser that was given this session.
    fn request(id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:9426"));
        let cookie = format!("theme=dark; upshift-session-9426={id}");
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_with_its_time_its_token_or_by_its_user() {
        let sessions = Sessions::default();
        let id = sessions.open_session("secret", "ada".into()).unwrap();
        assert_eq!(sessions.find_session(&request(&id), "secret").unwrap().user, "ada");
        assert!(sessions.find_session(&request("another"), "secret").is_none());
        assert!(sessions.find_session(&HeaderMap::new(), "secret").is_none());
        sessions.close_session(&request(&id));
        assert!(sessions.find_session(&request(&id), "secret").is_none(), "logged out");

        let id = sessions.open_session("secret", String::new()).unwrap();
        assert!(sessions.find_session(&request(&id), "changed").is_none());
        assert!(sessions.find_session(&request(&id), "secret").is_none(), "it does not come back");

        let id = sessions.open_session("secret", String::new()).unwrap();
        tokio::time::advance(LIFETIME).await;
        assert!(sessions.find_session(&request(&id), "secret").is_none(), "expired");
    }

    #[tokio::test]
    async fn the_number_of_sessions_has_a_limit() {
        let sessions = Sessions::default();
        let first = sessions.open_session("secret", String::new()).unwrap();
        let second = sessions.open_session("secret", String::new()).unwrap();
        for _ in 2..=MAX_SESSIONS {
            sessions.open_session("secret", String::new()).unwrap();
        }
        assert!(sessions.find_session(&request(&first), "secret").is_none());
        assert!(sessions.find_session(&request(&second), "secret").is_some());
        assert_eq!(sessions.lock().len(), MAX_SESSIONS);
    }

    #[test]
    fn each_port_has_a_cookie_of_its_own() {
        let named = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            cookie_name(&headers)
        };
        assert_eq!(named("127.0.0.1:9426"), "upshift-session-9426");
        assert_eq!(named("[::1]:80"), "upshift-session-80");
        assert_eq!(named("gateway.example"), "upshift-session");
        let cookie = session_cookie(&request(""), "abc").unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("upshift-session-9426=abc; Path=/; "), "{cookie}");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict"), "{cookie}");
    }
}
