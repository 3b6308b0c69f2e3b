//! What the parameters of each call mean.

use crate::wasi::exports::Call;

/// What one parameter, or a few together, mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// A descriptor.
    Descriptor,
    /// 32 bits without a sign.
    Number,
    /// 64 bits without a sign.
    Long,
    /// 64 bits with a sign.
    Offset,
    /// Rights, in hexadecimal.
    Rights,
    /// Flags: names by bit.
    Flags(&'static [&'static str]),
    /// A number with a name.
    Choice(&'static [&'static str]),
    /// Pointer and length of a text.
    Text,
    /// Pointer and length of room for bytes that are not shown.
    Room,
    /// Pointer and length of room for a text, of which [`Parameter::StoredCount`] tells how much is filled; all of it where none is there.
    RoomForText,
    /// Pointer and count of ranges that are written out.
    Gather,
    /// Pointer and count of ranges that are filled, by [`Parameter::StoredCount`].
    Scatter,
    /// Pointer to an address as WasmEdge has it.
    Address,
    /// Pointer to subscriptions, pointer to events, count of subscriptions.
    Subscriptions,
    /// A pointer to something that is not shown.
    Pointer,
    /// Pointer to a result of 16 bits.
    Stored16,
    /// Pointer to a result of 32 bits.
    Stored32,
    /// Pointer to a result of 32 bits: how much was done.
    StoredCount,
    /// Pointer to a result of 64 bits.
    Stored64,
    /// Pointer to a `filestat`.
    StoredFilestat,
    /// Pointer to an `fdstat`.
    StoredFdstat,
    /// Pointer to a `prestat`.
    StoredPrestat,
    /// Pointer to an address as WasmEdge has it, which is stored.
    StoredAddress,
}

impl Parameter {
    /// How many parameters of the call it takes.
    pub(super) fn width(self) -> usize {
        match self {
            Parameter::Subscriptions => 3,
            Parameter::Text
            | Parameter::Room
            | Parameter::RoomForText
            | Parameter::Gather
            | Parameter::Scatter => 2,
            _ => 1,
        }
    }

    /// Nothing is to be seen of it before the call.
    pub(super) fn is_result(self) -> bool {
        matches!(
            self,
            Parameter::Stored16
                | Parameter::Stored32
                | Parameter::StoredCount
                | Parameter::Stored64
                | Parameter::StoredFilestat
                | Parameter::StoredFdstat
                | Parameter::StoredPrestat
                | Parameter::StoredAddress
        )
    }

    /// Something is to be seen of it after the call.
    pub(super) fn stores(self) -> bool {
        self.is_result() || self.shows_count()
    }

    /// What is to be seen of it shows what [`Parameter::StoredCount`] would.
    pub(super) fn shows_count(self) -> bool {
        matches!(
            self,
            Parameter::Scatter | Parameter::RoomForText | Parameter::Subscriptions
        )
    }
}

const CLOCKS: &[&str] = &[
    "REALTIME",
    "MONOTONIC",
    "PROCESS_CPUTIME_ID",
    "THREAD_CPUTIME_ID",
];
const ADVICES: &[&str] = &[
    "NORMAL",
    "SEQUENTIAL",
    "RANDOM",
    "WILLNEED",
    "DONTNEED",
    "NOREUSE",
];
const WHENCES: &[&str] = &["SET", "CUR", "END"];
const WHENCES_UNSTABLE: &[&str] = &["CUR", "END", "SET"];
pub(super) const FDFLAGS: &[&str] = &["APPEND", "DSYNC", "NONBLOCK", "RSYNC", "SYNC"];
const OFLAGS: &[&str] = &["CREAT", "DIRECTORY", "EXCL", "TRUNC"];
const LOOKUPFLAGS: &[&str] = &["SYMLINK_FOLLOW"];
const FSTFLAGS: &[&str] = &["ATIM", "ATIM_NOW", "MTIM", "MTIM_NOW"];
const RIFLAGS: &[&str] = &["RECV_PEEK", "RECV_WAITALL"];
const SDFLAGS: &[&str] = &["RD", "WR"];
const FAMILIES: &[&str] = &["UNSPEC", "INET4", "INET6"];
const KINDS: &[&str] = &["ANY", "DGRAM", "STREAM"];

/// What the parameters of `call` mean, in order. Source: `typenames.witx` and `wasi_snapshot_preview1.witx` of the WASI repository;
/// the crate `wasmedge_wasi_socket` 0.5 for sockets.
pub(super) fn of(call: Call) -> &'static [Parameter] {
    use Parameter::{
        Address, Choice, Descriptor, Flags, Gather, Long, Number, Offset, Pointer, Rights, Room,
        RoomForText, Scatter, Stored16, Stored32, Stored64, StoredAddress, StoredCount,
        StoredFdstat, StoredFilestat, StoredPrestat, Subscriptions, Text,
    };
    const FD: Parameter = Descriptor;
    const LOOKUP: Parameter = Flags(LOOKUPFLAGS);
    match call {
        Call::args_get | Call::environ_get => &[Pointer, Pointer],
        Call::args_sizes_get | Call::environ_sizes_get => &[Stored32, Stored32],
        Call::clock_res_get => &[Choice(CLOCKS), Stored64],
        Call::clock_time_get => &[Choice(CLOCKS), Long, Stored64],
        Call::fd_advise => &[FD, Long, Long, Choice(ADVICES)],
        Call::fd_allocate => &[FD, Long, Long],
        Call::fd_close | Call::fd_datasync | Call::fd_sync => &[FD],
        Call::fd_fdstat_get => &[FD, StoredFdstat],
        Call::fd_fdstat_set_flags => &[FD, Flags(FDFLAGS)],
        Call::fd_fdstat_set_rights => &[FD, Rights, Rights],
        Call::fd_filestat_get => &[FD, StoredFilestat],
        Call::fd_filestat_get_unstable => &[FD, Pointer],
        Call::fd_filestat_set_size => &[FD, Long],
        Call::fd_filestat_set_times => &[FD, Long, Long, Flags(FSTFLAGS)],
        Call::fd_pread => &[FD, Scatter, Long, StoredCount],
        Call::fd_prestat_get => &[FD, StoredPrestat],
        Call::fd_prestat_dir_name => &[FD, RoomForText],
        Call::fd_pwrite => &[FD, Gather, Long, StoredCount],
        Call::fd_read => &[FD, Scatter, StoredCount],
        Call::fd_readdir => &[FD, Room, Long, StoredCount],
        Call::fd_renumber => &[FD, FD],
        Call::fd_seek => &[FD, Offset, Choice(WHENCES), Stored64],
        Call::fd_seek_unstable => &[FD, Offset, Choice(WHENCES_UNSTABLE), Stored64],
        Call::fd_tell => &[FD, Stored64],
        Call::fd_write => &[FD, Gather, StoredCount],
        Call::path_create_directory | Call::path_remove_directory | Call::path_unlink_file => {
            &[FD, Text]
        }
        Call::path_filestat_get => &[FD, LOOKUP, Text, StoredFilestat],
        Call::path_filestat_get_unstable => &[FD, LOOKUP, Text, Pointer],
        Call::path_filestat_set_times => &[FD, LOOKUP, Text, Long, Long, Flags(FSTFLAGS)],
        Call::path_link => &[FD, LOOKUP, Text, FD, Text],
        Call::path_open => &[
            FD,
            LOOKUP,
            Text,
            Flags(OFLAGS),
            Rights,
            Rights,
            Flags(FDFLAGS),
            Stored32,
        ],
        Call::path_readlink => &[FD, Text, RoomForText, StoredCount],
        Call::path_rename => &[FD, Text, FD, Text],
        Call::path_symlink => &[Text, FD, Text],
        Call::poll_oneoff => &[Subscriptions, StoredCount],
        Call::poll_oneoff_unstable => &[Pointer, Pointer, Number, StoredCount],
        Call::proc_exit | Call::proc_raise => &[Number],
        Call::random_get => &[Room],
        Call::sched_yield => &[],
        Call::sock_accept => &[FD, Flags(FDFLAGS), Stored32],
        Call::sock_recv => &[FD, Scatter, Flags(RIFLAGS), StoredCount, Stored16],
        Call::sock_send => &[FD, Gather, Number, StoredCount],
        Call::sock_shutdown => &[FD, Flags(SDFLAGS)],
        Call::sock_accept_wasmedge => &[FD, Stored32],
        Call::sock_open => &[Choice(FAMILIES), Choice(KINDS), Stored32],
        Call::sock_bind | Call::sock_connect => &[FD, Address, Number],
        Call::sock_listen => &[FD, Number],
        Call::sock_recv_from => &[
            FD,
            Scatter,
            StoredAddress,
            Flags(RIFLAGS),
            StoredCount,
            Stored32,
        ],
        Call::sock_recv_from_v2 => &[
            FD,
            Scatter,
            StoredAddress,
            Flags(RIFLAGS),
            Stored32,
            StoredCount,
            Stored32,
        ],
        Call::sock_send_to => &[FD, Gather, Address, Number, Number, StoredCount],
        Call::sock_getlocaladdr | Call::sock_getpeeraddr => {
            &[FD, StoredAddress, Stored32, Stored32]
        }
        Call::sock_getlocaladdr_v2 | Call::sock_getpeeraddr_v2 => &[FD, StoredAddress, Stored32],
        Call::sock_getsockopt => &[FD, Number, Number, Stored32, Stored32],
        Call::sock_setsockopt => &[FD, Number, Number, Pointer, Number],
        Call::sock_getaddrinfo => &[Text, Text, Pointer, Pointer, Number, StoredCount],
    }
}
