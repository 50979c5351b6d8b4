//! A real nginx in front of real files.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use crate::program::until;
use crate::{Program, Scratch};

/// An nginx that serves a folder, as long as this value.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    folder: Scratch,
    _program: Program,
}

impl Nginx {
    /// Serves `index.html` ("real files"), `/account/`, `/feeds/` … as the same file, takes uploads
    /// at `/upload`, to the last byte, and says in `X-Length` how long the request was.
    pub fn start() -> Self {
        Self::with("")
    }

    /// The same, with more lines in its `server` block.
    ///
    /// # Panics
    /// If nginx does not start.
    pub fn with(server: &str) -> Self {
        let folder = Scratch::new();
        folder.file("index.html", "<!doctype html><title>real files</title><p>real files\n");
        let address = free_port();
        let root = folder.path().display();
        let configuration = folder.file(
            "nginx.conf",
            format!(
                "daemon off; master_process off; pid {root}/pid; error_log stderr warn;\n\
                 events {{ worker_connections 1024; }}\n\
                 http {{\n  access_log off; client_max_body_size 0; client_body_temp_path {root}/bodies; \
                 proxy_temp_path {root}/proxied; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; \
                 scgi_temp_path {root}/s; types {{ text/html html; }}\n  server {{\n    listen {address};\n    root {root};\n    \
                 location = /upload {{ add_header X-Length $request_length; proxy_pass http://{address}/sink; }}\n    \
                 location = /sink {{ return 204; }}\n    location / {{ try_files $uri /index.html; }}\n    {server}\n  }}\n}}\n"
            ),
        );
        let mut command =
            Command::new(crate::peer::find("nginx").unwrap_or_else(|| "nginx".into()));
        command.args([
            "-p",
            &root.to_string(),
            "-e",
            "stderr",
            "-c",
            &configuration.to_string_lossy(),
        ]);
        let program = Program::start(command);
        until("nginx", || TcpStream::connect(address).ok());
        Self { address, folder, _program: program }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that it serves.
    pub fn folder(&self) -> &Scratch {
        &self.folder
    }
}

/// A free address, for programs that cannot choose one themselves and report it.
///
/// # Panics
/// If there is none.
pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no free port: {error}"))
}
