//! Exceptions at run time: what the objects' own code shares, and what a debugger may read.
//!
//! Objects unwind by themselves; the operating system takes no part. A function that throws looks each return address on
//! the chain of frame pointers up in the tables of [`Handler`]s of all modules that take part, which are a list from
//! [`crate::symbol::EXCEPTIONS`] on. So exceptions pass from module to module where frames of the modules follow each other
//! directly. A frame of anybody else ends the search: then the exception is uncaught, which is a trap where it was thrown.
//!
//! An exception lives in the pool of the module that threw it. It is free again when a clause takes it that keeps no
//! reference; else when nothing refers to it any more: a collector that runs when the pool is full looks for references on
//! the stack and in the modules' tables and globals. References that only the operating system holds keep nothing alive.

use crate::application::TableInstance;

/// A tag: its address is its identity.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Tag {
    /// Address that is equal for equal types, as [`crate::application::FunctionReference::type_identity`].
    pub type_identity: u64,
    /// Its index in the module that defines it.
    pub index: u64,
}

/// An exception, and what an `exnref` points to. The payload follows: values at multiples of their sizes, references have
/// eight bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Exception {
    /// Address of the [`Tag`].
    pub tag: u64,
    /// Address of the [`ExceptionModule`] that it belongs to.
    pub owner: u64,
    /// One of [`state`].
    pub state: u64,
    /// The next one of the list that it is in.
    pub next: u64,
}

/// Values of [`Exception::state`].
pub mod state {
    /// There is none here.
    pub const FREE: u64 = 0;
    /// Thrown, and nobody has a reference to it.
    pub const THROWN: u64 = 1;
    /// There may be references to it.
    pub const REFERENCED: u64 = 2;
    /// The collector has found a reference to it.
    pub const REACHED: u64 = 3;
}

/// The list of modules that take part: one for all objects of a program, at [`crate::symbol::EXCEPTIONS`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Exceptions {
    /// The first [`ExceptionModule`], or 0.
    pub first: u64,
    /// The [`Exception`] that was thrown last, or 0.
    pub thrown: u64,
}

/// A module that takes part.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ExceptionModule {
    /// The next one, or 0.
    pub next: u64,
    /// First byte of its code.
    pub text_start: u64,
    /// First byte after its code.
    pub text_end: u64,
    /// Array of [`Handler`], ascending by `return_offset`.
    pub handlers: u64,
    /// Length of `handlers`.
    pub handlers_len: u64,
    /// Array of addresses of [`Tag`]s, by index.
    pub tags: u64,
    /// Array of addresses of globals that hold references to exceptions.
    pub globals: u64,
    /// Length of `globals`.
    pub globals_len: u64,
    /// Array of addresses of [`TableInstance`]s that hold references to exceptions.
    pub tables: u64,
    /// Length of `tables`.
    pub tables_len: u64,
    /// How often the module has been entered from outside and not been left: only from one entry on, the stack is known.
    pub entered: u64,
    /// The first exception that is free.
    pub free: u64,
    /// The first exception that was never used, up to `fresh_end`.
    pub fresh: u64,
    /// First byte after those that were never used.
    pub fresh_end: u64,
    /// Exceptions that there is room for.
    pub room: u64,
    /// Those that the collector has yet to look at.
    pub waiting: u64,
    /// How many of `chunks` are there.
    pub chunks_len: u64,
    /// Where the exceptions lie: tables, so that `mewz_table_grow` makes them.
    pub chunks: [TableInstance; CHUNKS_LEN],
}

/// Chunks of a pool; each has twice as many exceptions as the one before.
pub const CHUNKS_LEN: usize = 16;

/// A clause that may take an exception which passes a call. Those of one call are in the order of trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Handler {
    /// Bytes from the start of the code to the call's return address.
    pub return_offset: u32,
    /// Bytes from the start of the code to where the clause's code goes on, with the exception's address in RAX.
    pub handler_offset: u32,
    /// Bytes from the function's stack pointer up to its frame pointer; both must be as they were at the call.
    pub frame_bytes: u32,
    /// The tag's index in the module, or [`CLAUSE_ALL`], shifted left by one; the lowest bit says that the clause keeps a
    /// reference.
    pub clause: u32,
}

/// In place of a tag's index: every exception.
pub const CLAUSE_ALL: u32 = u32::MAX >> 2;
