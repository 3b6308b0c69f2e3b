//! Which accelerator runs the machine.
//!
//! `/dev/kvm` may open and still be of no use: a KVM without hardware behind it fails at the guest's first vector
//! instruction, and QEMU then hangs instead of ending. So KVM is chosen only where the processor says that it can.

use std::fs::File;
use std::io::Read as _;

use super::error::QemuError;

/// How the guest's instructions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// By the processor.
    Kvm,
    /// Translated by QEMU.
    Tcg,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceleratorChoice {
    /// KVM where it can be used, else TCG.
    #[default]
    Auto,
    /// KVM, or an error.
    Kvm,
    /// TCG.
    Tcg,
}

impl AcceleratorChoice {
    /// Settles the choice on this host.
    ///
    /// # Errors
    ///
    /// [`QemuError::NoKvm`] where KVM was asked for and can't be used.
    pub fn settle(self) -> Result<Accelerator, QemuError> {
        match self {
            AcceleratorChoice::Tcg => Ok(Accelerator::Tcg),
            AcceleratorChoice::Kvm => kvm_usable().map(|()| Accelerator::Kvm),
            AcceleratorChoice::Auto => {
                Ok(kvm_usable().map_or(Accelerator::Tcg, |()| Accelerator::Kvm))
            }
        }
    }
}

fn kvm_usable() -> Result<(), QemuError> {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .map_err(|problem| QemuError::NoKvm(format!("/dev/kvm: {problem}")))?;
    if has_virtualization(&first_processor()) {
        Ok(())
    } else {
        Err(QemuError::NoKvm(
            "the processor has neither VMX nor SVM (see /proc/cpuinfo)".to_owned(),
        ))
    }
}

/// The beginning of `/proc/cpuinfo`: one processor says as much as all, and on large hosts the file is long.
fn first_processor() -> String {
    let mut text = Vec::new();
    if let Ok(file) = File::open("/proc/cpuinfo") {
        // What can't be read has no flags.
        let _ = file.take(8192).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn has_virtualization(cpuinfo: &str) -> bool {
    cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("flags"))
        .is_some_and(|flags| {
            flags
                .split_whitespace()
                .any(|flag| flag == "vmx" || flag == "svm")
        })
}

#[cfg(test)]
mod tests {
    use super::has_virtualization;

    #[test]
    fn flags_tell_whether_the_processor_virtualizes() {
        assert!(has_virtualization(
            "processor\t: 0\nflags\t\t: fpu vme svm sse\n"
        ));
        assert!(has_virtualization("flags\t\t: fpu vmx\n"));
        assert!(!has_virtualization(
            "flags\t\t: fpu hypervisor vmxnet\nbugs\t: svm\n"
        ));
        assert!(!has_virtualization(""));
    }
}
