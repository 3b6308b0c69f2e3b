//! An HTTP server of tokio and hyper, on one thread, over the listener at descriptor 3.

use std::convert::Infallible;
use std::net::TcpListener;
use std::os::wasi::io::FromRawFd as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

fn main() {
    // SAFETY: the listener is there from the start, and nobody else has it.
    let listener = unsafe { TcpListener::from_raw_fd(3) };
    listener.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(listener));
}

async fn serve(listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    println!("listening");
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(Io(stream), service_fn(answer));
            // Whoever leaves in the middle is nobody's failure.
            let _ = connection.await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = match (request.method(), &path[1..]) {
        (&Method::POST, "hash") => hash(request.into_body()).await,
        (_, "stop") => std::process::exit(0),
        (_, path) => match path.strip_prefix("bytes/").and_then(|number| number.parse().ok()) {
            Some(count) => (0..count).map(|at: usize| (at * 31 + at / 251) as u8).collect(),
            None => Bytes::from(format!("hello {}\n", path)),
        },
    };
    Ok(Response::new(Full::new(body)))
}

/// Length and FNV-1a of a body.
async fn hash(mut body: Incoming) -> Bytes {
    let (mut len, mut hash) = (0, 0xcbf2_9ce4_8422_2325_u64);
    while let Some(Ok(frame)) = body.frame().await {
        for byte in frame.data_ref().into_iter().flat_map(|data| data.iter()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
            len += 1;
        }
    }
    Bytes::from(format!("{} {:016x}\n", len, hash))
}

/// Tokio's stream as hyper wants it.
struct Io(TcpStream);

impl hyper::rt::Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        // SAFETY: nothing is taken out of the buffer.
        let mut buffer = ReadBuf::uninit(unsafe { into.as_mut() });
        let polled = Pin::new(&mut self.0).poll_read(context, &mut buffer);
        let count = buffer.filled().len();
        // SAFETY: so many bytes were written above.
        unsafe { into.advance(count) };
        polled
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
