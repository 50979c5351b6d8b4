//! When to reload: at SIGHUP, and when a watched file changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use upshift_config::TlsFiles;

use crate::failure::Failure;

/// Editors write a file in several steps; it is read when none came for so long.
const SETTLED: Duration = Duration::from_millis(200);

/// The files that decide what the gateway does.
pub(super) fn paths(policy: &Path, tls: Option<&TlsFiles>) -> Vec<PathBuf> {
    let tls = tls.into_iter().flat_map(|files| [files.certificate.clone(), files.key.clone()]);
    [policy.to_owned()].into_iter().chain(tls).collect()
}

/// Yields once for each wish to reload, as long as the runtime lives.
pub(super) fn wishes(watched: Option<Vec<PathBuf>>) -> Result<Receiver<()>, Failure> {
    let (wish, wishes) = channel(1);
    let mut hangups = signal(SignalKind::hangup()).map_err(Failure::environment)?;
    let by_signal = wish.clone();
    tokio::spawn(async move { while hangups.recv().await.is_some() && by_signal.send(()).await.is_ok() {} });
    if let Some(watched) = watched {
        watch(watched, wish)
            .map_err(|error| Failure::environment(format_args!("cannot watch the policy file: {error}")))?;
    }
    Ok(wishes)
}

/// Watches the folders, because editors and configuration managers replace files instead of writing to them.
fn watch(files: Vec<PathBuf>, wish: Sender<()>) -> notify::Result<()> {
    let (touched, mut touches) = channel(64);
    let names: Vec<PathBuf> = files.iter().filter_map(|file| Some(PathBuf::from(file.file_name()?))).collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let ours = |path: &PathBuf| names.iter().any(|name| path.ends_with(name) || is_mounted(path));
        if !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(ours) {
            // A full queue already says that something changed.
            let _ = touched.try_send(());
        }
    })?;
    let mut folders: Vec<PathBuf> = files.iter().map(|file| folder(file)).collect();
    folders.sort();
    folders.dedup();
    for folder in &folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    tokio::spawn(async move {
        let _watcher = watcher;
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
