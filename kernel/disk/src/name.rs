//! Names as the file system has them: it takes no `:`, so that one stands there as another character.

use alloc::string::String;

use super::error::Error;

/// Most bytes of a name; a `:` counts three.
pub const NAME_BYTES_MAX: usize = redoxfs::DIR_ENTRY_MAX_LENGTH;

/// What stands for `:`, from the range for private use. Cygwin and others do likewise.
const COLON: char = '\u{f03a}';

/// The name as it is stored.
pub(crate) fn stored(name: &str) -> Result<String, Error> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0', COLON]) {
        return Err(Error::Invalid);
    }
    let mut stored = String::with_capacity(name.len());
    stored.extend(
        name.chars()
            .map(|letter| if letter == ':' { COLON } else { letter }),
    );
    if stored.len() > NAME_BYTES_MAX {
        return Err(Error::NameTooLong);
    }
    Ok(stored)
}

/// The name that is stored so; `None` where it can't be one.
pub(crate) fn read(stored: &str) -> Option<String> {
    let is_name = !matches!(stored, "" | "." | "..") && !stored.contains(['/', '\0']);
    is_name.then(|| {
        stored
            .chars()
            .map(|letter| if letter == COLON { ':' } else { letter })
            .collect()
    })
}
