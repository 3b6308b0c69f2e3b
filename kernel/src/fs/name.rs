//! What every file system asks of names and of the targets of links.

use super::errno::Errno;

/// Most bytes of a name: `NAME_MAX` of Linux.
const NAME_BYTES_MAX: usize = 255;

/// Most bytes of a link's target: `PATH_MAX` of Linux, less its NUL.
const TARGET_BYTES_MAX: usize = 4095;

/// Checks that `name` is one component that can be looked up or made.
///
/// # Errors
///
/// `Nametoolong`; `Inval` for what is no name.
pub fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.len() > NAME_BYTES_MAX {
        return Err(Errno::Nametoolong);
    }
    if matches!(name, b"" | b"." | b"..") || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return Err(Errno::Inval);
    }
    Ok(())
}

/// Checks the target of a link.
///
/// # Errors
///
/// `Noent` where it is empty, `Nametoolong`, `Inval` for one with a NUL.
pub fn check_target(target: &[u8]) -> Result<(), Errno> {
    if target.is_empty() {
        return Err(Errno::Noent);
    }
    if target.len() > TARGET_BYTES_MAX {
        return Err(Errno::Nametoolong);
    }
    if target.contains(&0) {
        return Err(Errno::Inval);
    }
    Ok(())
}
