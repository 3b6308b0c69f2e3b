//! File systems: host folders through 9p.
