//! A plain reverse proxy: `reverse_proxy LISTEN UPSTREAM [TLS-LISTEN]`, with an admin listener on a
//! free port.

use upshift_gateway::{Gateway, Settings, Upstream};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info").init();
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (arguments.next(), arguments.next()) else {
        return Err("usage: reverse_proxy LISTEN UPSTREAM [TLS-LISTEN]".into());
    };
    let mut settings = Settings::default();
    let file = &mut settings.file;
    file.gateway.http = Some(listen.parse()?);
    file.gateway.https = arguments.next().map(|address| address.parse()).transpose()?;
    file.gateway.admin = Some(([127, 0, 0, 1], 0).into());
    file.upstreams = vec![Upstream::at(upstream.parse::<std::net::SocketAddr>()?)];
    let gateway = Gateway::bind(settings)?;
    eprintln!("{:?}", gateway.addresses());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(gateway.run(async {
        // Without a signal handler it runs until it is interrupted.
        let _ = tokio::signal::ctrl_c().await;
    }))?;
    Ok(())
}
