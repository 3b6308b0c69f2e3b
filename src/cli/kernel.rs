//! The kernels inside this program, and which of them an image gets.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::failure::Failure;
use crate::link::kernel::Kernel;

/// A kernel that this program carries.
struct Inside {
    bytes: &'static [u8],
    /// Its symbols, read once.
    parsed: OnceLock<Kernel<'static>>,
}

impl Inside {
    const fn new(bytes: &'static [u8]) -> Self {
        Self {
            bytes,
            parsed: OnceLock::new(),
        }
    }
}

/// The least that a program needs.
static PLAIN: Inside = Inside::new(include_bytes!(env!("MEWZ_KERNEL")));
/// With the file system of persistent disks.
static WITH_DISKS: Inside = Inside::new(include_bytes!(env!("MEWZ_DISKS_KERNEL")));
/// With the stub that a debugger talks to, and the file system of disks.
static WITH_DEBUGGER: Inside = Inside::new(include_bytes!(env!("MEWZ_DEBUG_KERNEL")));

/// Says which kernel an image gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KernelChoice {
    /// One other than those inside.
    pub(super) file: Option<PathBuf>,
    /// The program may use persistent disks.
    pub(super) has_disks: bool,
    /// A debugger may come.
    pub(super) is_debuggable: bool,
}

impl KernelChoice {
    /// The smallest of those inside that has what is asked for.
    fn inside(&self) -> &'static Inside {
        match (self.is_debuggable, self.has_disks) {
            (true, _) => &WITH_DEBUGGER,
            (false, true) => &WITH_DISKS,
            (false, false) => &PLAIN,
        }
    }

    /// The kernel's ELF file.
    pub(super) fn bytes(&self) -> Result<Cow<'static, [u8]>, Failure> {
        let Some(path) = &self.file else {
            return Ok(self.inside().bytes.into());
        };
        let bytes = std::fs::read(path).map_err(|problem| {
            Failure::new(format!("cannot read the kernel `{}`", path.display())).cause(problem)
        })?;
        Ok(bytes.into())
    }

    /// Does `work` with the kernel.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Kernel<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.file.is_some() {
            return work(&parse(&self.bytes()?)?);
        }
        let Inside { bytes, parsed } = self.inside();
        match parsed.get() {
            Some(kernel) => work(kernel),
            None => {
                let kernel = parse(bytes)?;
                work(parsed.get_or_init(|| kernel))
            }
        }
    }
}

/// Names the kernels inside, where nothing quicker does.
pub(super) fn digest() -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for kernel in [&PLAIN, &WITH_DISKS, &WITH_DEBUGGER] {
        hasher.update(kernel.bytes);
    }
    hasher.finalize()
}

fn parse(bytes: &[u8]) -> Result<Kernel<'_>, Failure> {
    Kernel::parse(bytes).map_err(|problem| Failure::new("the kernel cannot be used").cause(problem))
}
