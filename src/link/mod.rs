//! Objects and a kernel in, a bootable image or an application window out. Touches no file, clock, terminal or environment.
//!
//! Steps, each its own file: [`input`] reads objects; [`place`] lays their sections out at an address and relocates them
//! against symbols that the caller knows; [`window`] does that for the kernel's application window; [`image`] puts a
//! window and the kernel into one bootable ELF; [`pack`] makes what an image may carry along.

pub mod error;
pub mod image;
pub mod input;
pub mod kernel;
pub mod pack;
pub mod place;
mod relocate;
pub mod window;
