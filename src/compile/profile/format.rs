//! A profile, and the text that it is kept as. `docs/compile.md` describes the text.

use std::fmt;

use super::names::FunctionName;

/// The first line.
const HEAD: &str = "mewz-profile 1";

/// What runs of a module counted.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Profile {
    /// In the order of the module.
    pub(super) functions: Vec<FunctionProfile>,
}

/// What was counted of a function.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FunctionProfile {
    pub(super) name: FunctionName,
    /// What the module calls it, for people.
    pub(super) label: String,
    /// How often each block was entered, in the order of the body; none where the function never ran.
    pub(super) blocks: Vec<u64>,
    /// Calls through tables that ran.
    pub(super) calls: Vec<CallProfile>,
}

/// A callee of a call through a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallProfile {
    /// Which call it is, in the order of the body.
    pub(super) call: u32,
    /// Whom it called.
    pub(super) callee: FunctionName,
    /// How often.
    pub(super) count: u64,
}

/// A text that is no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It begins otherwise.
    #[error("it does not begin with the line `{HEAD}`")]
    Head,
    /// A line is not one.
    #[error("line {0} can't be read")]
    Line(usize),
}

impl Profile {
    /// Reads a text as [`fmt::Display`] writes it.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn read(text: &str) -> Result<Self, ProfileError> {
        let mut lines = text.lines().zip(1..);
        match lines.next() {
            Some((HEAD, _)) => {}
            _ => return Err(ProfileError::Head),
        }
        let mut profile = Self::default();
        for (line, number) in lines {
            profile.line(line).ok_or(ProfileError::Line(number))?;
        }
        Ok(profile)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        match words.next()? {
            "function" => self.functions.push(FunctionProfile {
                name: FunctionName::read(&mut words)?,
                label: words.collect::<Vec<_>>().join(" "),
                blocks: Vec::new(),
                calls: Vec::new(),
            }),
            "blocks" => {
                let counts = words.map(|word| word.parse().ok());
                self.functions.last_mut()?.blocks = counts.collect::<Option<_>>()?;
            }
            "call" => {
                let call = CallProfile {
                    call: words.next()?.parse().ok()?,
                    callee: FunctionName::read(&mut words)?,
                    count: words.next()?.parse().ok()?,
                };
                self.functions.last_mut()?.calls.push(call);
                return words.next().is_none().then_some(());
            }
            "" => {}
            word if word.starts_with('#') => {}
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        for function in &self.functions {
            writeln!(f, "function {} {}", function.name, function.label)?;
            if !function.blocks.is_empty() {
                f.write_str("blocks")?;
                for count in &function.blocks {
                    write!(f, " {count}")?;
                }
                f.write_str("\n")?;
            }
            for call in &function.calls {
                writeln!(f, "call {} {} {}", call.call, call.callee, call.count)?;
            }
        }
        Ok(())
    }
}

/// As a digest, so that options that hold a profile stay short.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({})", blake3::hash(self.to_string().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Profile, ProfileError};

    const TEXT: &str = "\
mewz-profile 1
function 00112233445566778899aabbccddeeff 0 main
blocks 1 0 18446744073709551615
call 0 ffeeddccbbaa99887766554433221100 2 17
function ffeeddccbbaa99887766554433221100 2 a name of words
";

    #[test]
    fn a_text_is_read_and_written() {
        assert_eq!(Profile::read(TEXT).unwrap().to_string(), TEXT);
        let commented = TEXT.replace("blocks", "# taken at night\n\nblocks");
        assert_eq!(Profile::read(&commented).unwrap().to_string(), TEXT);
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        for text in ["", "mewz-profile 2\n", "\0asm"] {
            assert_eq!(Profile::read(text), Err(ProfileError::Head));
        }
        for (line, why) in [
            ("blocks 1", "no function before it"),
            ("function 0011 0 x", "the digest is short"),
            ("function 00112233445566778899aabbccddeeff", "no ordinal"),
            (
                "function é0112233445566778899aabbccddeef 0",
                "not hexadecimal",
            ),
            ("loop 1", "unknown"),
        ] {
            let text = format!("mewz-profile 1\n{line}\n");
            assert_eq!(Profile::read(&text), Err(ProfileError::Line(2)), "{why}");
        }
        for line in [
            "blocks 1 x",
            "blocks 18446744073709551616",
            "blocks -1",
            "call 0",
            "call 0 0 0 0",
        ] {
            let text = format!("{TEXT}{line}\n");
            assert_eq!(Profile::read(&text), Err(ProfileError::Line(6)), "{line}");
        }
    }
}
