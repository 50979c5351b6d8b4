//! A limit of failed attempts to log in.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The failures of one client after which it has to wait.
const MAX_FAILURES: u32 = 5;
/// The time after the first of them in which it has to wait.
const PERIOD: Duration = Duration::from_secs(60);
/// The clients that are remembered.
const MAX_CLIENTS: usize = 1_024;

/// The clients that failed to log in lately.
#[derive(Default)]
pub(crate) struct LoginAttempts {
    /// The oldest first.
    clients: Mutex<VecDeque<FailedClient>>,
}

struct FailedClient {
    network: IpAddr,
    failures: u32,
    since: Instant,
}

impl LoginAttempts {
    /// The time that the client has to wait before it may try again.
    pub(crate) fn waiting_time(&self, client: IpAddr) -> Option<Duration> {
        let network = network_of(client);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.since.elapsed() < PERIOD);
        let known = clients.iter().find(|client| client.network == network)?;
        let is_over = known.failures >= MAX_FAILURES;
        if is_over { Some(PERIOD - known.since.elapsed()) } else { None }
    }

    /// Counts a failure.
    pub(crate) fn count_failure(&self, client: IpAddr) {
        let network = network_of(client);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.iter_mut().find(|client| client.network == network) {
            known.failures += 1;
            return;
        }
        if clients.len() >= MAX_CLIENTS {
            clients.pop_front();
        }
        clients.push_back(FailedClient { network, failures: 1, since: Instant::now() });
    }
}

/// The address of an IPv4 client, or the /64 of an IPv6 client, which has all addresses in it.
fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_fails_has_to_wait_and_others_do_not() {
        let attempts = LoginAttempts::default();
        let guesser = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..MAX_FAILURES {
            assert_eq!(attempts.waiting_time(guesser), None);
            attempts.count_failure(guesser);
        }
        assert_eq!(attempts.waiting_time(guesser), Some(PERIOD));
        assert_eq!(attempts.waiting_time(IpAddr::from([192, 0, 2, 2])), None);
        tokio::time::advance(PERIOD).await;
        assert_eq!(attempts.waiting_time(guesser), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_one_network_count_together() {
        let attempts = LoginAttempts::default();
        for host in 0..MAX_FAILURES {
            attempts.count_failure(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host as u16]));
        }
        assert!(attempts.waiting_time(IpAddr::from([0x2001, 0xdb8, 0, 0, 9, 9, 9, 9])).is_some());
        assert!(attempts.waiting_time(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1])).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn many_clients_do_not_fill_the_memory() {
        let attempts = LoginAttempts::default();
        for client in 0..5_000_u32 {
            attempts.count_failure(IpAddr::V4(client.into()));
        }
        let clients = attempts.clients.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(clients.len(), MAX_CLIENTS);
    }
}
