//! One QEMU process: its arguments, console, end.
