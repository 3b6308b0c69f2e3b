//! Why an operation on a disk failed.

use core::fmt;

use syscall::error::{
    EEXIST, EINVAL, EIO, EISDIR, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, ERANGE, EROFS,
    Error as Problem,
};

/// Why an operation failed; the disk is as before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No such file.
    NotFound,
    /// A file of that name is there.
    Exists,
    /// A directory is needed.
    NotDirectory,
    /// A directory where none may be.
    IsDirectory,
    /// The directory is not empty.
    NotEmpty,
    /// A directory can't be moved into itself; a link's target can't be had of something else.
    Invalid,
    /// A name or target that is too long.
    NameTooLong,
    /// The file would become too large.
    FileTooLarge,
    /// The file has too many names.
    TooManyLinks,
    /// Too many files that are in use have lost their name.
    TooManyUnnamed,
    /// No block is left.
    Full,
    /// The disk can't be changed.
    ReadOnly,
    /// What is on the disk is not what was written there.
    Damaged,
    /// There is no file system of this kind.
    NoFileSystem,
    /// The device failed. Where that was a write, nothing more is written.
    Device,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        match problem.errno {
            ENOENT => Error::NotFound,
            EEXIST => Error::Exists,
            ENOTDIR => Error::NotDirectory,
            EISDIR => Error::IsDirectory,
            ENOTEMPTY => Error::NotEmpty,
            EINVAL => Error::Invalid,
            ENOSPC => Error::Full,
            ERANGE => Error::FileTooLarge,
            EROFS => Error::ReadOnly,
            // Checksums that don't match.
            EIO => Error::Damaged,
            _ => Error::Device,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Error::NotFound => "there is no such file",
            Error::Exists => "a file of that name is there",
            Error::NotDirectory => "it is no directory",
            Error::IsDirectory => "it is a directory",
            Error::NotEmpty => "the directory is not empty",
            Error::Invalid => "that can't be done to it",
            Error::NameTooLong => "the name is too long",
            Error::FileTooLarge => "the file would become too large",
            Error::TooManyLinks => "the file has too many names",
            Error::TooManyUnnamed => "too many files that are in use have lost their name",
            Error::Full => "the disk is full",
            Error::ReadOnly => "the disk can't be changed",
            Error::Damaged => "the disk is damaged",
            Error::NoFileSystem => "there is no file system of mewz on it",
            Error::Device => "the device failed",
        })
    }
}

impl core::error::Error for Error {}
