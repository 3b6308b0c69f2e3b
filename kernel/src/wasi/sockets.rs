//! Sockets, in the forms of preview 1 and of WasmEdge: named, not there yet.

use super::{Context, Wasi};
use crate::fs::errno::Errno;

macro_rules! parameter_type {
    (i) => {
        u32
    };
}

macro_rules! not_there {
    ($($call:ident ($($parameter:ident)*);)*) => {
        impl Wasi {
            $(
                pub(super) fn $call(
                    &mut self,
                    context: &mut Context<'_>,
                    $(_: parameter_type!($parameter)),*
                ) -> Result<(), Errno> {
                    Err(self.not_there(context, stringify!($call)))
                }
            )*
        }
    };
}

not_there! {
    sock_accept (i i i);
    sock_recv (i i i i i i);
    sock_send (i i i i i);
    sock_shutdown (i i);
    sock_accept_wasmedge (i i);
    sock_open (i i i);
    sock_bind (i i i);
    sock_connect (i i i);
    sock_listen (i i);
    sock_accept_v2 (i i i);
    sock_recv_v2 (i i i i i i);
    sock_recv_from (i i i i i i i);
    sock_recv_from_v2 (i i i i i i i i);
    sock_send_v2 (i i i i i);
    sock_send_to (i i i i i i i);
    sock_shutdown_v2 (i i);
    sock_getlocaladdr (i i i i);
    sock_getlocaladdr_v2 (i i i);
    sock_getpeeraddr (i i i i);
    sock_getpeeraddr_v2 (i i i);
    sock_getsockopt (i i i i i);
    sock_setsockopt (i i i i i);
    sock_getaddrinfo (i i i i i i i i);
    epoll_oneoff (i i i i);
}

impl Wasi {
    /// Says once that the application calls something that is not there.
    fn not_there(&mut self, context: &mut Context<'_>, call: &'static str) -> Errno {
        if self.told.insert(call) {
            context.system.warn(format_args!(
                "the application calls `{call}`, which this kernel does not have yet; it got ENOSYS"
            ));
        }
        Errno::Nosys
    }
}
