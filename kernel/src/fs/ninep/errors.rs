//! Linux's error numbers, which 9P2000.L carries, in the words of preview 1.

use super::super::errno::Errno;

/// The error that Linux numbers `number`; one that has no counterpart is `Io`.
///
/// Source: Linux, `include/uapi/asm-generic/errno-base.h` and `errno.h`.
pub(super) fn from_linux(number: u32) -> Errno {
    match number {
        1 => Errno::Perm,
        2 => Errno::Noent,
        4 => Errno::Intr,
        6 => Errno::Nxio,
        9 => Errno::Badf,
        11 => Errno::Again,
        12 => Errno::Nomem,
        13 => Errno::Acces,
        14 => Errno::Fault,
        16 => Errno::Busy,
        17 => Errno::Exist,
        18 => Errno::Xdev,
        19 => Errno::Nodev,
        20 => Errno::Notdir,
        21 => Errno::Isdir,
        22 => Errno::Inval,
        23 => Errno::Nfile,
        24 => Errno::Mfile,
        25 => Errno::Notty,
        26 => Errno::Txtbsy,
        27 => Errno::Fbig,
        28 => Errno::Nospc,
        29 => Errno::Spipe,
        30 => Errno::Rofs,
        31 => Errno::Mlink,
        32 => Errno::Pipe,
        34 => Errno::Range,
        36 => Errno::Nametoolong,
        38 => Errno::Nosys,
        39 => Errno::Notempty,
        40 => Errno::Loop,
        75 => Errno::Overflow,
        84 => Errno::Ilseq,
        95 => Errno::Notsup,
        110 => Errno::Timedout,
        116 => Errno::Stale,
        122 => Errno::Dquot,
        _ => Errno::Io,
    }
}
