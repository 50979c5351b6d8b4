//! When to reload: at SIGHUP, and when a watched file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use upshift_config::TlsFiles;

use crate::failure::Failure;
use crate::terminal::say;

/// Editors write a file in several steps; it is read when none came for so long.
const SETTLED: Duration = Duration::from_millis(200);

/// The files that decide what the gateway does. They change with a reload, which may name another certificate.
#[derive(Clone)]
pub(super) struct Watched {
    policy: PathBuf,
    watcher: Option<Arc<Mutex<Watching>>>,
}

struct Watching {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
}

impl Watched {
    /// The policy file at `policy`; `watches` says whether changes of files are watched at all.
    pub(super) fn new(policy: &Path, watches: bool) -> Self {
        let watching = Watching { files: vec![policy.to_owned()], folders: Vec::new(), watcher: None };
        Self { policy: policy.to_owned(), watcher: watches.then(|| Arc::new(Mutex::new(watching))) }
    }

    /// Watches the policy file and these files, and no other.
    pub(super) fn set(&self, tls: Option<&TlsFiles>) {
        let Some(watching) = &self.watcher else { return };
        let tls = tls.into_iter().flat_map(|files| [files.certificate.clone(), files.key.clone()]);
        let mut watching = watching.lock().unwrap_or_else(PoisonError::into_inner);
        watching.files = [self.policy.clone()].into_iter().chain(tls).collect();
        if let Err(error) = watching.watch_folders() {
            say(format_args!("warning: a file is not watched: {error}"));
        }
    }

    /// Yields once for each wish to reload, as long as the runtime lives.
    pub(super) fn wishes(&self) -> Result<Receiver<()>, Failure> {
        let (wish, wishes) = channel(1);
        let mut hangups = signal(SignalKind::hangup()).map_err(Failure::environment)?;
        let by_signal = wish.clone();
        tokio::spawn(async move { while hangups.recv().await.is_some() && by_signal.send(()).await.is_ok() {} });
        if let Some(watching) = &self.watcher {
            watch(watching, wish)
                .map_err(|error| Failure::environment(format_args!("cannot watch the policy file: {error}")))?;
        }
        Ok(wishes)
    }
}

impl Watching {
    /// Watches the folders, because editors and configuration managers replace files instead of writing to them.
    fn watch_folders(&mut self) -> notify::Result<()> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        let mut folders: Vec<PathBuf> = self.files.iter().map(|file| folder(file)).collect();
        folders.sort();
        folders.dedup();
        for gone in self.folders.iter().filter(|folder| !folders.contains(folder)) {
            // It may be gone from the disk, too.
            let _ = watcher.unwatch(gone);
        }
        for new in folders.iter().filter(|folder| !self.folders.contains(folder)) {
            watcher.watch(new, RecursiveMode::NonRecursive)?;
        }
        self.folders = folders;
        Ok(())
    }

    fn is_watched(&self, path: &Path) -> bool {
        let mut names = self.files.iter().filter_map(|file| file.file_name());
        names.any(|name| path.ends_with(name)) || is_mounted(path)
    }
}

fn watch(watching: &Arc<Mutex<Watching>>, wish: Sender<()>) -> notify::Result<()> {
    let (touched, mut touches) = channel(64);
    let files = Arc::downgrade(watching);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let (Ok(event), Some(files)) = (event, files.upgrade()) else { return };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if event.paths.iter().any(|path| files.is_watched(path)) {
            // A full queue already says that something changed.
            let _ = touched.try_send(());
        }
    })?;
    let mut watching = watching.lock().unwrap_or_else(PoisonError::into_inner);
    watching.watcher = Some(watcher);
    watching.watch_folders()?;
    drop(watching);
    tokio::spawn(async move {
        while touches.recv().await.is_some() {
            while tokio::time::timeout(SETTLED, touches.recv()).await.is_ok_and(|touch| touch.is_some()) {}
            if wish.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Kubernetes swaps a link called `..data` when a mounted ConfigMap or Secret changes.
fn is_mounted(path: &Path) -> bool {
    path.ends_with("..data")
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
