//! What origins required, so that the second request goes straight there.
//!
//! Only a step that worked is remembered, so that an answer in clear, which anybody on the way can
//! write, cannot make this client go where nothing is. What is remembered lasts a day (an `Alt-Svc`
//! as long as it says), and is forgotten when the origin answers well to a request that did
//! without. TLS is not forgotten because it fails: that would be a way to talk a client back into
//! the clear.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use upshift_core::follow::{AltSvc, Step};
use upshift_core::{Timestamp, TlsVersion};

/// For how long a requirement is remembered.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// At most so many origins, the soonest to expire going first.
const ORIGINS: usize = 4096;

/// The memory of a client. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    origins: Mutex<HashMap<String, Vec<Known>>>,
    file: Option<PathBuf>,
}

/// One thing known of an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    what: What,
    /// In seconds since 1970.
    expires: i64,
}

impl Known {
    fn holds(&self, now: Timestamp) -> bool {
        self.expires > now.as_second()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Tls {
        port: u16,
        minimum: Option<String>,
    },
    NewerTls {
        minimum: String,
    },
    TlsInBand,
    Http11,
    Http2,
    Http2PriorKnowledge,
    H2c,
    Http3 {
        port: u16,
    },
    /// This path takes no WebSocket.
    FallBack {
        path: String,
    },
    /// HTTP/3 was announced, not required.
    Alternative {
        port: u16,
    },
}

impl Memory {
    /// One that lasts as long as the process.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is read from and kept in a file, which need not exist yet. The file is readable by
    /// its owner only: it names the servers that were asked.
    ///
    /// # Errors
    /// If there is a file that cannot be read, or it is not one of ours.
    pub fn file(path: &Path) -> io::Result<Self> {
        let origins = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self(Arc::new(Shared { origins: Mutex::new(origins), file: Some(path.to_owned()) })))
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        let mut origins = self.origins();
        origins.clear();
        self.save(&origins)
    }

    /// The steps that this origin required, in the order they were taken.
    pub(crate) fn steps(
        &self,
        origin: &str,
        path: &str,
        handshake: bool,
        now: Timestamp,
    ) -> Vec<Step> {
        let origins = self.origins();
        let known = origins.get(origin).map(Vec::as_slice).unwrap_or_default();
        let mine = known.iter().filter(|known| known.holds(now));
        mine.filter_map(|known| known.what.step(path, handshake)).collect()
    }

    /// The port of an HTTP/3 alternative that was announced.
    pub(crate) fn alternative(&self, origin: &str, now: Timestamp) -> Option<u16> {
        let origins = self.origins();
        origins.get(origin)?.iter().filter(|known| known.holds(now)).find_map(|known| {
            match known.what {
                What::Alternative { port } => Some(port),
                _ => None,
            }
        })
    }

    /// Keeps a step that worked.
    pub(crate) fn learn(&self, origin: &str, path: &str, step: &Step, now: Timestamp) {
        if let Some(what) = What::of(step, path) {
            self.keep(origin, what, now + KEPT, now);
        }
    }

    /// Keeps an alternative for HTTP/3.
    pub(crate) fn learn_alternative(&self, origin: &str, service: AltSvc, now: Timestamp) {
        let age = SignedDuration::from_secs(i64::try_from(service.max_age).unwrap_or(i64::MAX))
            .min(KEPT * 30);
        self.keep(origin, What::Alternative { port: service.port }, now + age, now);
    }

    /// Forgets what `which` names of an origin.
    pub(crate) fn forget(&self, origin: &str, which: impl Fn(&Step) -> bool) {
        let mut origins = self.origins();
        let Some(known) = origins.get_mut(origin) else { return };
        let before = known.len();
        known.retain(|known| match &known.what {
            What::Alternative { port } => !which(&Step::Http3 { port: *port }),
            What::FallBack { path } => {
                !known.what.step(path, true).is_some_and(|step| which(&step))
            }
            what => !what.step("", false).is_some_and(|step| which(&step)),
        });
        let changed = known.len() != before;
        if known.is_empty() {
            origins.remove(origin);
        }
        if changed {
            self.save_quietly(&origins);
        }
    }

    fn keep(&self, origin: &str, what: What, expires: Timestamp, now: Timestamp) {
        let mut origins = self.origins();
        if !origins.contains_key(origin) && origins.len() >= ORIGINS {
            make_room(&mut origins, now);
        }
        let known = origins.entry(origin.to_owned()).or_default();
        let changed = !known.iter().any(|known| known.what == what);
        known.retain(|known| known.holds(now) && !known.what.replaces(&what));
        known.push(Known { what, expires: expires.as_second() });
        if changed {
            self.save_quietly(&origins);
        }
    }

    /// A memory that cannot be written is still one until the process ends; the request that taught
    /// it has succeeded.
    fn save_quietly(&self, origins: &HashMap<String, Vec<Known>>) {
        drop(self.save(origins));
    }

    fn save(&self, origins: &HashMap<String, Vec<Known>>) -> io::Result<()> {
        let Some(path) = &self.0.file else { return Ok(()) };
        let text = serde_json::to_vec_pretty(origins).map_err(io::Error::other)?;
        let fresh = path.with_extension("new");
        write_private(&fresh, &text)?;
        // Renaming replaces it in one move, so that a reader never sees half of it.
        std::fs::rename(fresh, path)
    }

    fn origins(&self) -> MutexGuard<'_, HashMap<String, Vec<Known>>> {
        self.0.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl What {
    fn of(step: &Step, path: &str) -> Option<Self> {
        Some(match step {
            Step::Tls { port, minimum } => Self::Tls {
                port: *port,
                minimum: minimum.map(|minimum| minimum.as_str().to_owned()),
            },
            Step::NewerTls { minimum } => Self::NewerTls { minimum: minimum.as_str().to_owned() },
            Step::TlsInBand { .. } => Self::TlsInBand,
            Step::Http11 => Self::Http11,
            Step::Http2 => Self::Http2,
            Step::Http2PriorKnowledge => Self::Http2PriorKnowledge,
            Step::H2c => Self::H2c,
            Step::Http3 { port } => Self::Http3 { port: *port },
            Step::FallBack => Self::FallBack { path: path.to_owned() },
            // What the caller wanted, and what the caller sent, are the caller's to remember.
            Step::WebSocket { .. } | Step::Version { .. } => return None,
        })
    }

    fn step(&self, asked: &str, handshake: bool) -> Option<Step> {
        Some(match self {
            Self::Tls { port, minimum } => {
                Step::Tls { port: *port, minimum: minimum.as_deref().and_then(TlsVersion::parse) }
            }
            Self::NewerTls { minimum } => Step::NewerTls { minimum: TlsVersion::parse(minimum)? },
            Self::TlsInBand => Step::TlsInBand { minimum: None },
            Self::Http11 => Step::Http11,
            Self::Http2 => Step::Http2,
            Self::Http2PriorKnowledge => Step::Http2PriorKnowledge,
            Self::H2c => Step::H2c,
            Self::Http3 { port } => Step::Http3 { port: *port },
            Self::FallBack { path } if handshake && path == asked => Step::FallBack,
            Self::FallBack { .. } | Self::Alternative { .. } => return None,
        })
    }

    /// Whether `new` takes this one's place.
    fn replaces(&self, new: &Self) -> bool {
        match (self, new) {
            (Self::FallBack { path }, Self::FallBack { path: new }) => path == new,
            _ => std::mem::discriminant(self) == std::mem::discriminant(new),
        }
    }
}

fn make_room(origins: &mut HashMap<String, Vec<Known>>, now: Timestamp) {
    origins.retain(|_, known| known.iter().any(|known| known.holds(now)));
    let last = |known: &Vec<Known>| known.iter().map(|known| known.expires).max();
    while origins.len() >= ORIGINS {
        let Some(soonest) =
            origins.iter().min_by_key(|(_, known)| last(known)).map(|(origin, _)| origin.clone())
        else {
            return;
        };
        origins.remove(&soonest);
    }
}

fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    const TLS: Step = Step::Tls { port: 443, minimum: Some(TlsVersion::V1_2) };

    #[test]
    fn what_worked_is_remembered_until_it_expires_or_is_forgotten() {
        let memory = Memory::new();
        let now = Timestamp::UNIX_EPOCH;
        memory.learn("http://h:80", "/", &TLS, now);
        memory.learn("http://h:80", "/chat", &Step::FallBack, now);
        assert_eq!(memory.steps("http://h:80", "/", false, now), [TLS]);
        assert_eq!(memory.steps("http://h:80", "/chat", true, now), [TLS, Step::FallBack]);
        assert_eq!(memory.steps("http://h:81", "/", false, now), []);
        assert_eq!(memory.steps("http://h:80", "/", false, now + KEPT), []);
        memory.forget("http://h:80", |step| matches!(step, Step::FallBack));
        assert_eq!(memory.steps("http://h:80", "/chat", true, now), [TLS]);
    }

    #[test]
    fn an_alternative_lasts_as_long_as_it_says() {
        let memory = Memory::new();
        let now = Timestamp::UNIX_EPOCH;
        memory.learn_alternative("https://h:443", AltSvc { port: 8443, max_age: 60 }, now);
        assert_eq!(memory.alternative("https://h:443", now), Some(8443));
        assert_eq!(memory.alternative("https://h:443", now + SignedDuration::from_secs(60)), None);
        assert_eq!(memory.steps("https://h:443", "/", false, now), []);
    }

    #[test]
    fn a_file_keeps_it_and_a_foreign_file_is_not_overwritten() {
        let path = std::env::temp_dir().join(format!("upshift-memory-{}.json", std::process::id()));
        let now = Timestamp::now();
        Memory::file(&path).unwrap().learn("http://h:80", "/", &TLS, now);
        let again = Memory::file(&path).unwrap();
        assert_eq!(again.steps("http://h:80", "/", false, now), [TLS]);
        std::fs::write(&path, "not ours").unwrap();
        assert!(Memory::file(&path).is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_hostile_number_of_origins_is_bounded() {
        let memory = Memory::new();
        for index in 0..ORIGINS + 10 {
            memory.learn(&format!("http://h{index}:80"), "/", &TLS, Timestamp::UNIX_EPOCH);
        }
        assert!(memory.origins().len() <= ORIGINS);
    }
}
