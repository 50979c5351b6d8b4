//! The requirements of origins, remembered so that the next request meets them at once.
//!
//! Only a step that worked is remembered: an attacker on the path can forge a cleartext
//! response, and must not direct this client to a place where nothing answers. A requirement is
//! remembered for a day (an `Alt-Svc` as long as it says), and forgotten when the origin answers
//! well to a request that did not meet it. TLS is not forgotten because it fails: otherwise an
//! attacker could force the client back to cleartext.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use upshift_core::Timestamp;
use upshift_core::follow::{AltSvc, Step};

use crate::origin_fact::{KnownFact, OriginFact};

/// The limit on origins. The ones that expire first make room.
const ORIGINS: usize = 4096;

/// The facts by origin.
type OriginFacts = HashMap<String, Vec<KnownFact>>;

/// The memory of a client. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<MemoryStore>);

#[derive(Debug, Default)]
struct MemoryStore {
    origins: Mutex<OriginFacts>,
    file: Option<PathBuf>,
}

impl Memory {
    /// A memory that lasts as long as the process.
    pub fn new() -> Self {
        Self::default()
    }

    /// A memory that is kept in a file, which need not exist yet. The file is readable by its owner
    /// only, because it names the servers that were contacted.
    ///
    /// # Errors
    /// If there is a file that cannot be read, or that no memory was kept in.
    pub fn file(path: &Path) -> io::Result<Self> {
        let origins = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self(Arc::new(MemoryStore {
            origins: Mutex::new(origins),
            file: Some(path.to_owned()),
        })))
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        let mut origins = self.lock_origins();
        origins.clear();
        self.save_file(&origins)
    }

    /// The steps that an origin required, in the order in which they were taken.
    pub(crate) fn steps_for(
        &self,
        origin: &str,
        path: &str,
        handshake: bool,
        now: Timestamp,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(facts) = self.lock_origins().get(origin) {
            for known in facts {
                if known.is_current(now) {
                    steps.extend(known.fact.to_step(path, handshake));
                }
            }
        }
        steps
    }

    /// The port of an HTTP/3 alternative that the origin announced.
    pub(crate) fn alternative_port(&self, origin: &str, now: Timestamp) -> Option<u16> {
        for known in self.lock_origins().get(origin)? {
            if let OriginFact::Alternative { port } = known.fact
                && known.is_current(now)
            {
                return Some(port);
            }
        }
        None
    }

    /// Remembers a step that worked.
    pub(crate) fn learn_step(&self, origin: &str, path: &str, step: &Step, now: Timestamp) {
        if let Some(known) = KnownFact::from_step(step, path, now) {
            self.insert_fact(origin, known, now);
        }
    }

    /// Remembers an alternative for HTTP/3.
    pub(crate) fn learn_alternative(&self, origin: &str, service: AltSvc, now: Timestamp) {
        self.insert_fact(origin, KnownFact::from_alternative(service, now), now);
    }

    /// Forgets the facts about an origin that lead to a step for which `matches` returns true.
    pub(crate) fn forget_steps(&self, origin: &str, matches: impl Fn(&Step) -> bool) {
        let mut origins = self.lock_origins();
        let Some(facts) = origins.get_mut(origin) else { return };
        let before = facts.len();
        facts.retain(|known| !known.fact.leads_to(&matches));
        let has_changed = facts.len() != before;
        if facts.is_empty() {
            origins.remove(origin);
        }
        if has_changed {
            self.save_or_ignore(&origins);
        }
    }

    fn insert_fact(&self, origin: &str, new: KnownFact, now: Timestamp) {
        let mut origins = self.lock_origins();
        // A server can lead a client to any number of origins, so they are limited.
        if !origins.contains_key(origin) && origins.len() >= ORIGINS {
            make_room(&mut origins, now);
        }
        let facts = origins.entry(origin.to_owned()).or_default();
        // A fact whose end alone moves is not written to the file each time.
        let is_new = !facts.iter().any(|known| known.fact == new.fact);
        facts.retain(|known| known.is_current(now) && !known.fact.is_replaced_by(&new.fact));
        facts.push(new);
        if is_new {
            // Still under the lock, so that an older state cannot replace a newer one in the file.
            self.save_or_ignore(&origins);
        }
    }

    /// Saves the memory and ignores a failure: the memory still works until the process ends, and
    /// the request behind the change has succeeded.
    fn save_or_ignore(&self, origins: &OriginFacts) {
        drop(self.save_file(origins));
    }

    fn save_file(&self, origins: &OriginFacts) -> io::Result<()> {
        let Some(path) = &self.0.file else { return Ok(()) };
        let text = serde_json::to_vec_pretty(origins).map_err(io::Error::other)?;
        let fresh = path.with_extension("new");
        write_private(&fresh, &text)?;
        // Renaming replaces the file atomically, so that a reader never sees half of it.
        std::fs::rename(fresh, path)
    }

    fn lock_origins(&self) -> MutexGuard<'_, OriginFacts> {
        // A panic in another thread leaves the map usable.
        self.0.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(origins: &mut OriginFacts, now: Timestamp) {
    origins.retain(|_, facts| facts.iter().any(|known| known.is_current(now)));
    while origins.len() >= ORIGINS {
        let soonest = origins.iter().min_by_key(|(_, facts)| last_expiry(facts));
        let Some(origin) = soonest.map(|(origin, _)| origin.clone()) else { return };
        origins.remove(&origin);
    }
}

/// The time at which nothing is known any more.
fn last_expiry(facts: &[KnownFact]) -> Option<i64> {
    facts.iter().map(|known| known.expires).max()
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
    use jiff::SignedDuration;
    use upshift_core::TlsVersion;

    use super::*;
    use crate::origin_fact::LIFETIME;

    const TLS: Step = Step::Tls { port: 443, minimum: Some(TlsVersion::V1_2) };

    #[test]
    fn what_worked_is_remembered_until_it_expires_or_is_forgotten() {
        let memory = Memory::new();
        let now = Timestamp::UNIX_EPOCH;
        memory.learn_step("http://h:80", "/", &TLS, now);
        memory.learn_step("http://h:80", "/chat", &Step::FallBack, now);
        assert_eq!(memory.steps_for("http://h:80", "/", false, now), [TLS]);
        assert_eq!(memory.steps_for("http://h:80", "/chat", true, now), [TLS, Step::FallBack]);
        assert_eq!(memory.steps_for("http://h:81", "/", false, now), []);
        assert_eq!(memory.steps_for("http://h:80", "/", false, now + LIFETIME), []);
        memory.forget_steps("http://h:80", |step| matches!(step, Step::FallBack));
        assert_eq!(memory.steps_for("http://h:80", "/chat", true, now), [TLS]);
    }

    #[test]
    fn an_alternative_lasts_as_long_as_it_says() {
        let memory = Memory::new();
        let now = Timestamp::UNIX_EPOCH;
        memory.learn_alternative("https://h:443", AltSvc { port: 8443, max_age: 60 }, now);
        assert_eq!(memory.alternative_port("https://h:443", now), Some(8443));
        assert_eq!(
            memory.alternative_port("https://h:443", now + SignedDuration::from_secs(60)),
            None
        );
        assert_eq!(memory.steps_for("https://h:443", "/", false, now), []);
    }

    #[test]
    fn a_file_keeps_it_and_a_foreign_file_is_not_overwritten() {
        let path = std::env::temp_dir().join(format!("upshift-memory-{}.json", std::process::id()));
        let now = Timestamp::now();
        Memory::file(&path).unwrap().learn_step("http://h:80", "/", &TLS, now);
        let again = Memory::file(&path).unwrap();
        assert_eq!(again.steps_for("http://h:80", "/", false, now), [TLS]);
        std::fs::write(&path, "not ours").unwrap();
        assert!(Memory::file(&path).is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_hostile_number_of_origins_is_bounded() {
        let memory = Memory::new();
        for index in 0..ORIGINS + 10 {
            memory.learn_step(&format!("http://h{index}:80"), "/", &TLS, Timestamp::UNIX_EPOCH);
        }
        assert!(memory.lock_origins().len() <= ORIGINS);
    }
}
