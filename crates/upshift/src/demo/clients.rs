//! A dozen simulated clients, old and new, and a tally of their answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::terminal::{Hue, Palette};

/// The number of requests with each kind of answer.
#[derive(Clone, Default)]
pub(super) struct RequestTally(Arc<RequestCounts>);

#[derive(Default)]
struct RequestCounts {
    admitted: AtomicU64,
    warned: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

/// A kind of client: its path, its header fields and the pause between its requests.
struct ClientKind {
    path: &'static str,
    fields: &'static str,
    pause: Duration,
}

const CLIENT_KINDS: [ClientKind; 12] = [
    ClientKind {
        path: "/",
        fields: "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/131.0.0.0 Safari/537.36\r\nAccept: text/html\r\n",
        pause: Duration::from_millis(310),
    },
    ClientKind {
        path: "/",
        fields: "User-Agent: Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/94.0.4606.61 Safari/537.36\r\nAccept: text/html\r\n",
        pause: Duration::from_millis(1_130),
    },
    ClientKind {
        path: "/inbox",
        fields: "User-Agent: AcmeApp/5.4 (Android 15)\r\n",
        pause: Duration::from_millis(230),
    },
    ClientKind {
        path: "/inbox",
        fields: "User-Agent: AcmeApp/4.9 (Android 9)\r\n",
        pause: Duration::from_millis(1_370),
    },
    ClientKind {
        path: "/inbox",
        fields: "User-Agent: AcmeApp/5.3.0 (iOS 18.1)\r\n",
        pause: Duration::from_millis(2_110),
    },
    ClientKind {
        path: "/menu",
        fields: "User-Agent: AcmeKiosk/2.0\r\n",
        pause: Duration::from_millis(890),
    },
    ClientKind {
        path: "/api/orders",
        fields: "User-Agent: orders-sdk/2.3\r\nX-Api-Version: 2.1\r\nX-Api-Key: k-7\r\n",
        pause: Duration::from_millis(170),
    },
    ClientKind {
        path: "/api/orders",
        fields: "User-Agent: orders-sdk/1.9\r\nX-Api-Version: 1.4\r\nX-Api-Key: k-17\r\n",
        pause: Duration::from_millis(530),
    },
    ClientKind {
        path: "/api/orders",
        fields: "User-Agent: orders-sdk/1.2\r\nX-Api-Version: 1.0\r\nX-Api-Key: k-42\r\n",
        pause: Duration::from_millis(610),
    },
    ClientKind {
        path: "/reports/daily",
        fields: "User-Agent: report-bot/1.0\r\nX-Api-Version: 2\r\n",
        pause: Duration::from_millis(470),
    },
    ClientKind {
        path: "/account",
        fields: "User-Agent: curl/7.68.0\r\n",
        pause: Duration::from_millis(1_490),
    },
    ClientKind {
        path: "/healthz",
        fields: "User-Agent: kube-probe/1.31\r\n",
        pause: Duration::from_millis(1_000),
    },
];

/// The time limit for an answer, which comes from this machine.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Starts all clients. They end when the set is dropped.
pub(super) fn start_clients(gateway: SocketAddr, tally: &RequestTally) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for kind in &CLIENT_KINDS {
        let tally = tally.clone();
        clients.spawn(async move {
            loop {
                // The pause comes first, so that the clients do not all start at the same moment.
                tokio::time::sleep(kind.pause).await;
                tally.count_answer(&send_request(gateway, kind).await);
            }
        });
    }
    clients
}

/// The kind of an answer.
enum AnswerKind {
    Admitted,
    Warned,
    Refused,
    Failed,
}

async fn send_request(gateway: SocketAddr, kind: &ClientKind) -> AnswerKind {
    // With `Connection: close` the end of the stream is the end of the answer.
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {gateway}\r\n{}Connection: close\r\n\r\n",
        kind.path, kind.fields
    );
    let exchange = async {
        let mut stream = TcpStream::connect(gateway).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    match timeout(TIME_LIMIT, exchange).await {
        Ok(Ok(answer)) => classify_answer(&answer),
        _ => AnswerKind::Failed,
    }
}

fn classify_answer(answer: &[u8]) -> AnswerKind {
    let text = String::from_utf8_lossy(answer);
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap_or_default();
    // These two fields are how a rule in phase `warn` shows (RFC 9745, RFC 8594).
    let is_warned = head.contains("\r\ndeprecation:") || head.contains("\r\nsunset:");
    match status.as_bytes().first() {
        Some(b'2') if is_warned => AnswerKind::Warned,
        Some(b'2') => AnswerKind::Admitted,
        Some(b'4') => AnswerKind::Refused,
        _ => AnswerKind::Failed,
    }
}

impl RequestTally {
    fn count_answer(&self, met: &AnswerKind) {
        let count = match met {
            AnswerKind::Admitted => &self.0.admitted,
            AnswerKind::Warned => &self.0.warned,
            AnswerKind::Refused => &self.0.refused,
            AnswerKind::Failed => &self.0.failed,
        };
        // Nothing else is ordered by the counts.
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Renders the line of counts.
    pub(super) fn render_line(&self, palette: Palette) -> String {
        let [admitted, warned, refused, failed] =
            [&self.0.admitted, &self.0.warned, &self.0.refused, &self.0.failed]
                .map(|count| count.load(Ordering::Relaxed));
        let failed = if failed > 0 { format!("   {failed} failed") } else { String::new() };
        format!(
            "  {}   {}   {}{failed}",
            palette.paint(Hue::Good, format!("{admitted:>6} admitted")),
            palette.paint(Hue::Warning, format!("{warned:>6} warned")),
            palette.paint(Hue::Bad, format!("{refused:>6} refused")),
        )
    }
}
