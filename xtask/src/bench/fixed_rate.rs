//! Requests at a fixed rate, and the time that each waits for its response.
//!
//! A request is due at its time, even if the ones before it are not answered yet, and its wait
//! begins when it is due: so a server that stalls is charged for the requests that could not be
//! sent meanwhile.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::set_current_timer_slack;

use super::http1::ResponseReader;

/// The longest wait for any response.
const PATIENCE: Duration = Duration::from_secs(5);

/// A number of equal requests at a fixed rate.
#[derive(Clone, Debug)]
pub(crate) struct FixedRate {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
    /// The status that every response must have.
    pub(crate) status: u16,
    pub(crate) connections: usize,
    pub(crate) per_second: u32,
    pub(crate) requests: u32,
}

impl FixedRate {
    /// Sends the requests, and returns their waits in microseconds, in order.
    ///
    /// # Errors
    /// If a connection fails, or a response has another status.
    pub(crate) fn run(&self) -> io::Result<Vec<f64>> {
        // A wait would otherwise end up to 50 µs late, which is a third of a usual response.
        set_current_timer_slack(NonZeroU64::new(1))?;
        let mut schedule = Schedule::open(self)?;
        while schedule.waits.len() < self.requests as usize {
            schedule.send_due()?;
            schedule.await_event()?;
        }
        schedule.waits.sort_by(f64::total_cmp);
        Ok(schedule.waits)
    }

    /// The time at which a request is due.
    fn due_time(&self, number: u32) -> Duration {
        Duration::from_secs(1) * number / self.per_second
    }
}

/// A connection with a request that is not answered.
struct BusyConnection {
    connection: Connection,
    due: Duration,
}

struct Connection {
    stream: TcpStream,
    reader: ResponseReader,
}

/// The state of a run.
struct Schedule<'r> {
    rate: &'r FixedRate,
    free: Vec<Connection>,
    busy: Vec<BusyConnection>,
    begun: Instant,
    sent: u32,
    waits: Vec<f64>,
}

impl<'r> Schedule<'r> {
    fn open(rate: &'r FixedRate) -> io::Result<Self> {
        let mut free = Vec::new();
        for _ in 0..rate.connections {
            let stream = TcpStream::connect(rate.address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            free.push(Connection { stream, reader: ResponseReader::default() });
        }
        let begun = Instant::now();
        Ok(Self { rate, free, busy: Vec::new(), begun, sent: 0, waits: Vec::new() })
    }

    /// Sends the requests that are due, as long as there is a connection for them.
    fn send_due(&mut self) -> io::Result<()> {
        while self.sent < self.rate.requests {
            let due = self.rate.due_time(self.sent);
            if due > self.begun.elapsed() {
                break;
            }
            let Some(mut connection) = self.free.pop() else { break };
            connection.stream.write_all(&self.rate.request)?;
            self.busy.push(BusyConnection { connection, due });
            self.sent += 1;
        }
        Ok(())
    }

    /// Waits until a response arrives or the next request is due, and reads what has arrived.
    fn await_event(&mut self) -> io::Result<()> {
        let mut waited_for = Vec::with_capacity(self.busy.len());
        for busy in &self.busy {
            waited_for.push(PollFd::new(&busy.connection.stream, PollFlags::IN));
        }
        let timeout = Timespec::try_from(self.longest_wait());
        let ready = poll(&mut waited_for, Some(&timeout.map_err(io::Error::other)?))?;
        let is_ready: Vec<bool> =
            waited_for.iter().map(|descriptor| !descriptor.revents().is_empty()).collect();
        if ready == 0 && self.longest_wait() == PATIENCE {
            return Err(io::Error::other(format!("no response for {} s", PATIENCE.as_secs())));
        }
        // From the back, because a connection that is done gives its place to the last one.
        for place in (0..is_ready.len()).rev() {
            if is_ready[place] {
                self.read_response(place)?;
            }
        }
        Ok(())
    }

    /// The time until the next request is due and can be sent.
    fn longest_wait(&self) -> Duration {
        if self.sent == self.rate.requests || self.free.is_empty() {
            return PATIENCE;
        }
        self.rate.due_time(self.sent).saturating_sub(self.begun.elapsed())
    }

    fn read_response(&mut self, place: usize) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let connection = &mut self.busy[place].connection;
        let count = connection.stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(status) = connection.reader.add_bytes(&buffer[..count])? else { return Ok(()) };
        if status != self.rate.status {
            return Err(io::Error::other(format!(
                "a response has the status {status}, not {}",
                self.rate.status
            )));
        }
        let busy = self.busy.swap_remove(place);
        let wait = self.begun.elapsed().saturating_sub(busy.due);
        self.waits.push(wait.as_secs_f64() * 1e6);
        self.free.push(busy.connection);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::net::TcpListener;

    use super::*;

    /// Answers every request of one connection; the first one only after the second is due.
    fn stall_once(listener: &TcpListener, stall: Duration) {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 256];
        let begun = Instant::now();
        let mut is_first = true;
        while let Ok(count) = stream.read(&mut buffer)
            && count > 0
        {
            while is_first && begun.elapsed() < stall {
                std::thread::yield_now();
            }
            is_first = false;
            stream.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    }

    /// A stall is charged to all requests that were due in the meantime, and not to a single slow
    /// one.
    #[test]
    fn a_stall_is_charged_to_all_requests_that_were_due() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stall = Duration::from_millis(100);
        std::thread::spawn(move || stall_once(&listener, stall));
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
        let rate = FixedRate {
            address,
            request,
            status: 204,
            connections: 1,
            per_second: 100,
            requests: 10,
        };
        let waits = rate.run().unwrap();
        assert_eq!(waits.len(), 10);
        // Due every 10 ms: half of them waited for more than half of the 100 ms.
        assert!(waits[5] >= 50_000.0, "{waits:?}");
    }
}
