//! The calls, as an application makes them: numbers in, an errno out, and what lies in its memory after that.
//!
//! `calls` has each of them with right arguments and with all that can be wrong about each. What other small kernels get wrong
//! has tests of its own: pointers that wrap around, descriptors of any number, standard input that is read and polled,
//! streams that are closed (`files`); waiting for nothing, for several clocks, absolute ones, a bad descriptor beside good ones,
//! the end (`poll`); short reads into several ranges (`files`); flags that are cleared (`files`); opening by force, through
//! links, with `..` and `//`, out of a folder, hundreds of entries and places in them (`paths`); both forms of `sock_accept`
//! (`table`, `calls`); clocks that differ, randomness, the status at the end (`process`). What only a machine shows stands in
//! the command line's tests: stacks, traps and writable pages, small and large machines, other processors (`tests/boot.rs`,
//! `tests/run.rs`, `tests/traps.rs`), interrupts (`tests/storm.rs`).

mod calls;
mod files;
mod fuzz;
mod limits;
mod machine;
mod paths;
mod poll;
mod process;
mod table;
mod trace;
