//! An HTTP server of WasmEdge's tokio and hyper, on one thread, over sockets that it opens itself.

use std::convert::Infallible;

use wasmedge_hyper::body::HttpBody as _;
use wasmedge_hyper::server::conn::Http;
use wasmedge_hyper::service::service_fn;
use wasmedge_hyper::{Body, Method, Request, Response};
use wasmedge_tokio::net::TcpListener;
use wasmedge_tokio::runtime::Builder;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve());
}

async fn serve() {
    let listener = TcpListener::bind("0.0.0.0:8080").await.unwrap();
    println!("listening");
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        wasmedge_tokio::spawn(async move {
            let connection = Http::new().serve_connection(stream, service_fn(answer));
            // Whoever leaves in the middle is nobody's failure.
            let _ = connection.await;
        });
    }
}

async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = match (request.method(), &path[1..]) {
        (&Method::POST, "hash") => hash(request.into_body()).await.into(),
        (_, "stop") => std::process::exit(0),
        (_, path) => match path.strip_prefix("bytes/").and_then(|number| number.parse().ok()) {
            Some(count) => (0..count)
                .map(|at: usize| (at * 31 + at / 251) as u8)
                .collect::<Vec<u8>>()
                .into(),
            None => format!("hello {}\n", path).into(),
        },
    };
    Ok(Response::new(body))
}

/// Length and FNV-1a of a body.
async fn hash(mut body: Body) -> String {
    let (mut len, mut hash) = (0, 0xcbf2_9ce4_8422_2325_u64);
    while let Some(Ok(data)) = body.data().await {
        for byte in data {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            len += 1;
        }
    }
    format!("{} {:016x}\n", len, hash)
}
