//! Sockets, in the forms of preview 1 and of WasmEdge: named, not there yet.

use super::{Context, Wasi};
use crate::fs::errno::Errno;

macro_rules! parameter_type {
    (i) => {
        u32
    };
    (I) => {
        u64
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
    args_get (i i);
    args_sizes_get (i i);
    environ_get (i i);
    environ_sizes_get (i i);
    clock_res_get (i i);
    clock_time_get (i I i);
    fd_advise (i I I i);
    fd_allocate (i I I);
    fd_close (i);
    fd_datasync (i);
    fd_fdstat_get (i i);
    fd_fdstat_set_flags (i i);
    fd_fdstat_set_rights (i I I);
    fd_filestat_get (i i);
    fd_filestat_get_unstable (i i);
    fd_filestat_set_size (i I);
    fd_filestat_set_times (i I I i);
    fd_pread (i i i I i);
    fd_prestat_get (i i);
    fd_prestat_dir_name (i i i);
    fd_pwrite (i i i I i);
    fd_read (i i i i);
    fd_readdir (i i i I i);
    fd_renumber (i i);
    fd_seek (i I i i);
    fd_seek_unstable (i I i i);
    fd_sync (i);
    fd_tell (i i);
    fd_write (i i i i);
    path_create_directory (i i i);
    path_filestat_get (i i i i i);
    path_filestat_get_unstable (i i i i i);
    path_filestat_set_times (i i i i I I i);
    path_link (i i i i i i i);
    path_open (i i i i i I I i i);
    path_readlink (i i i i i i);
    path_remove_directory (i i i);
    path_rename (i i i i i i);
    path_symlink (i i i i i);
    path_unlink_file (i i i);
    poll_oneoff (i i i i);
    poll_oneoff_unstable (i i i i);
    proc_raise (i);
    random_get (i i);
    sched_yield ();
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

impl Wasi {
    pub(super) fn proc_exit(&mut self, context: &mut Context<'_>, status: u32) -> ! {
        context.system.exit(status)
    }
}
