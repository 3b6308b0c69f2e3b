//! The table of imports that the kernel answers: name, type letters, and the method of [`super::Wasi`] behind each.

use super::{Context, Wasi};
use crate::fs::errno::Errno;

/// Calls `$then!` with the table. Each line is a call: the method, its parameters' letters (`i` i32, `I` i64), its result
/// (`errno`, or `never`), and every import, module and field, that it answers. The symbol of an import is
/// `module$field$parameters$result`, where the result is `i` or nothing (see `mewz_abi::symbol`).
///
/// `wasi_unstable` is snapshot 0; those of its functions that have other types or layouts have methods of their own.
#[macro_export]
macro_rules! wasi_exports {
    ($then:ident) => {
        $then! {
            args_get (i i) errno = preview1 args_get, unstable args_get;
            args_sizes_get (i i) errno = preview1 args_sizes_get, unstable args_sizes_get;
            environ_get (i i) errno = preview1 environ_get, unstable environ_get;
            environ_sizes_get (i i) errno = preview1 environ_sizes_get, unstable environ_sizes_get;
            clock_res_get (i i) errno = preview1 clock_res_get, unstable clock_res_get;
            clock_time_get (i I i) errno = preview1 clock_time_get, unstable clock_time_get;
            fd_advise (i I I i) errno = preview1 fd_advise, unstable fd_advise;
            fd_allocate (i I I) errno = preview1 fd_allocate, unstable fd_allocate;
            fd_close (i) errno = preview1 fd_close, unstable fd_close;
            fd_datasync (i) errno = preview1 fd_datasync, unstable fd_datasync;
            fd_fdstat_get (i i) errno = preview1 fd_fdstat_get, unstable fd_fdstat_get;
            fd_fdstat_set_flags (i i) errno = preview1 fd_fdstat_set_flags, unstable fd_fdstat_set_flags;
            fd_fdstat_set_rights (i I I) errno = preview1 fd_fdstat_set_rights, unstable fd_fdstat_set_rights;
            fd_filestat_get (i i) errno = preview1 fd_filestat_get;
            fd_filestat_get_unstable (i i) errno = unstable fd_filestat_get;
            fd_filestat_set_size (i I) errno = preview1 fd_filestat_set_size, unstable fd_filestat_set_size;
            fd_filestat_set_times (i I I i) errno = preview1 fd_filestat_set_times, unstable fd_filestat_set_times;
            fd_pread (i i i I i) errno = preview1 fd_pread, unstable fd_pread;
            fd_prestat_get (i i) errno = preview1 fd_prestat_get, unstable fd_prestat_get;
            fd_prestat_dir_name (i i i) errno = preview1 fd_prestat_dir_name, unstable fd_prestat_dir_name;
            fd_pwrite (i i i I i) errno = preview1 fd_pwrite, unstable fd_pwrite;
            fd_read (i i i i) errno = preview1 fd_read, unstable fd_read;
            fd_readdir (i i i I i) errno = preview1 fd_readdir, unstable fd_readdir;
            fd_renumber (i i) errno = preview1 fd_renumber, unstable fd_renumber;
            fd_seek (i I i i) errno = preview1 fd_seek;
            fd_seek_unstable (i I i i) errno = unstable fd_seek;
            fd_sync (i) errno = preview1 fd_sync, unstable fd_sync;
            fd_tell (i i) errno = preview1 fd_tell, unstable fd_tell;
            fd_write (i i i i) errno = preview1 fd_write, unstable fd_write;
            path_create_directory (i i i) errno = preview1 path_create_directory, unstable path_create_directory;
            path_filestat_get (i i i i i) errno = preview1 path_filestat_get;
            path_filestat_get_unstable (i i i i i) errno = unstable path_filestat_get;
            path_filestat_set_times (i i i i I I i) errno = preview1 path_filestat_set_times, unstable path_filestat_set_times;
            path_link (i i i i i i i) errno = preview1 path_link, unstable path_link;
            path_open (i i i i i I I i i) errno = preview1 path_open, unstable path_open;
            path_readlink (i i i i i i) errno = preview1 path_readlink, unstable path_readlink;
            path_remove_directory (i i i) errno = preview1 path_remove_directory, unstable path_remove_directory;
            path_rename (i i i i i i) errno = preview1 path_rename, unstable path_rename;
            path_symlink (i i i i i) errno = preview1 path_symlink, unstable path_symlink;
            path_unlink_file (i i i) errno = preview1 path_unlink_file, unstable path_unlink_file;
            poll_oneoff (i i i i) errno = preview1 poll_oneoff, preview1 epoll_oneoff;
            poll_oneoff_unstable (i i i i) errno = unstable poll_oneoff;
            proc_exit (i) never = preview1 proc_exit, unstable proc_exit;
            proc_raise (i) errno = preview1 proc_raise, unstable proc_raise;
            random_get (i i) errno = preview1 random_get, unstable random_get;
            sched_yield () errno = preview1 sched_yield, unstable sched_yield;

            sock_accept (i i i) errno = preview1 sock_accept, preview1 sock_accept_v2;
            sock_recv (i i i i i i) errno = preview1 sock_recv, preview1 sock_recv_v2, unstable sock_recv;
            sock_send (i i i i i) errno = preview1 sock_send, preview1 sock_send_v2, unstable sock_send;
            sock_shutdown (i i) errno = preview1 sock_shutdown, preview1 sock_shutdown_v2, unstable sock_shutdown;

            sock_accept_wasmedge (i i) errno = preview1 sock_accept;
            sock_open (i i i) errno = preview1 sock_open, preview1 sock_open_v2;
            sock_bind (i i i) errno = preview1 sock_bind, preview1 sock_bind_v2;
            sock_connect (i i i) errno = preview1 sock_connect, preview1 sock_connect_v2;
            sock_listen (i i) errno = preview1 sock_listen, preview1 sock_listen_v2;
            sock_recv_from (i i i i i i i) errno = preview1 sock_recv_from;
            sock_recv_from_v2 (i i i i i i i i) errno = preview1 sock_recv_from, preview1 sock_recv_from_v2;
            sock_send_to (i i i i i i i) errno = preview1 sock_send_to, preview1 sock_send_to_v2;
            sock_getlocaladdr (i i i i) errno = preview1 sock_getlocaladdr;
            sock_getlocaladdr_v2 (i i i) errno = preview1 sock_getlocaladdr, preview1 sock_getlocaladdr_v2;
            sock_getpeeraddr (i i i i) errno = preview1 sock_getpeeraddr;
            sock_getpeeraddr_v2 (i i i) errno = preview1 sock_getpeeraddr, preview1 sock_getpeeraddr_v2;
            sock_getsockopt (i i i i i) errno = preview1 sock_getsockopt, preview1 sock_getsockopt_v2;
            sock_setsockopt (i i i i i) errno = preview1 sock_setsockopt, preview1 sock_setsockopt_v2;
            sock_getaddrinfo (i i i i i i i i) errno = preview1 sock_getaddrinfo, preview1 sock_getaddrinfo_v2;
        }
    };
}

/// The name of a module in the table, as a literal.
#[macro_export]
macro_rules! wasi_module {
    (preview1) => {
        "wasi_snapshot_preview1"
    };
    (unstable) => {
        "wasi_unstable"
    };
}

/// The letters of a result in the table, as a literal.
#[macro_export]
macro_rules! wasi_result {
    (errno) => {
        "i"
    };
    (never) => {
        ""
    };
}

/// The symbol of an import in the table, as a literal: `wasi_symbol!(preview1 fd_seek (i I i i) errno)`.
#[macro_export]
macro_rules! wasi_symbol {
    ($module:ident $field:ident ($($parameter:ident)*) $result:ident) => {
        concat!(
            $crate::wasi_module!($module), "$", stringify!($field), "$", $(stringify!($parameter),)* "$",
            $crate::wasi_result!($result)
        )
    };
}

/// Most parameters of a call.
pub const PARAMETERS_MAX: usize = 9;

macro_rules! parameter {
    (i, $value:expr) => {
        // The caller passes an i32 in the low half of a register; the other half is not defined.
        ($value & 0xffff_ffff) as u32
    };
    (I, $value:expr) => {
        $value
    };
}

macro_rules! invoke {
    ($wasi:ident.$call:ident, $context:ident, $arguments:ident, ($($parameter:ident)*)) => {
        $wasi.$call($context, $(parameter!($parameter, $arguments.next().unwrap_or(0))),*)
    };
}

macro_rules! answer {
    (errno, $answer:expr) => {
        match $answer {
            Ok(()) => 0,
            Err(errno) => u32::from(Errno::number(errno)),
        }
    };
    (never, $answer:expr) => {
        $answer
    };
}

macro_rules! calls {
    ($($call:ident $parameters:tt $result:ident = $($module:ident $field:ident),+;)*) => {
        /// A call of the application, named after its method; its number is for stubs written in assembly.
        #[allow(non_camel_case_types, missing_docs, reason = "named and described as in the specification")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Call { $($call),* }

        impl Call {
            /// All of them, ascending by number.
            pub const ALL: &'static [Call] = &[$(Call::$call),*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Call::$call => stringify!($call),)*
                }
            }

            /// Does what the application asks; `arguments` are its parameters in order, the rest is not read.
            pub fn answer(
                self,
                wasi: &mut Wasi,
                context: &mut Context<'_>,
                arguments: &[u64; PARAMETERS_MAX],
            ) -> u32 {
                let mut arguments = arguments.iter().copied();
                match self {
                    $(Call::$call => answer!($result, invoke!(wasi.$call, context, arguments, $parameters)),)*
                }
            }
        }

        /// The symbol of every import that is answered, and the call behind it.
        pub const SYMBOLS: &[(&str, Call)] = &[
            $($(($crate::wasi_symbol!($module $field $parameters $result), Call::$call),)+)*
        ];
    };
}

wasi_exports!(calls);

impl Call {
    /// The call with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }
}
