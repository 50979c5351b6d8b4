//! The gateways that are compared: they differ only in `record` and in the rollout of one rule.

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::bench::test_bed::TestBed;

/// The policy, without the lines that differ.
const POLICY: &str = include_str!("policy.toml");

/// The requests that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MeasuredCase {
    /// All are refused.
    Refusal,
    /// Half of the callers are in a ramp and are refused. The requests of the others are proxied.
    Ramp,
}

impl MeasuredCase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Ramp => "ramp",
        }
    }

    fn rollout(self) -> &'static str {
        match self {
            Self::Refusal => "enforce = 2026-01-01",
            Self::Ramp => "ramp = [{ at = 2026-01-01, share = 0.5 }]",
        }
    }
}

/// A gateway, which is stopped when it is dropped.
pub(super) struct RunningGateway {
    child: Child,
    pub(super) address: SocketAddr,
}

impl RunningGateway {
    /// Starts a gateway on CPU 0, and waits until it listens. `wrapper` are the words before its
    /// command line.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(
        bed: &TestBed,
        case: MeasuredCase,
        record: bool,
        wrapper: &[String],
    ) -> io::Result<Self> {
        let name = format!("{}-{record}-{}", case.name(), wrapper.len());
        let policy = bed.folder().join(format!("{name}.toml"));
        let store = bed.folder().join(format!("{name}.db"));
        let text = POLICY
            .replace("UPSTREAM", &bed.upstream().to_string())
            .replace("STORE", &store.to_string_lossy())
            .replace("RECORD", &record.to_string())
            .replace("ROLLOUT", case.rollout());
        std::fs::write(&policy, text)?;
        let mut child = Command::new("taskset")
            .args(["--cpu-list", "0"])
            .args(wrapper)
            .arg(bed.gateway())
            .args(["serve", "--config"])
            .arg(&policy)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let address = listening_address(&mut child)?;
        Ok(Self { child, address })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The address of the HTTP listener, which a gateway prints when it is ready.
fn listening_address(gateway: &mut Child) -> io::Result<SocketAddr> {
    let Some(stderr) = gateway.stderr.take() else {
        return Err(io::Error::other("the gateway has no stderr"));
    };
    let mut lines = BufReader::new(stderr).lines();
    for line in &mut lines {
        let line = line?;
        if let Some((_, rest)) = line.split_once("listening on http://") {
            let address = rest.split_whitespace().next().unwrap_or_default().parse();
            // A pipe that is not read would fill, and stop the gateway.
            std::thread::spawn(move || lines.for_each(drop));
            return address.map_err(io::Error::other);
        }
    }
    Err(io::Error::other("the gateway ended before it was ready"))
}
