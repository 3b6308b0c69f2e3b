//! Objects and a kernel in, a bootable image or an application window out. Touches no file, clock, terminal or environment.
//!
//! Three steps, each its own file: [`place`] lays an object's sections out at an address and relocates them against
//! symbols that the caller knows; [`window`] does that for the kernel's application window; [`image`] puts a window and the
//! kernel into one bootable ELF.
