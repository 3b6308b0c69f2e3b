//! Which accelerator `auto` takes where `mewz doctor` measured both.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::emulator;
use crate::qemu::accelerator::{Accelerator, AcceleratorChoice};

/// How long a small program took under each accelerator, in ms; `None` where it did not run.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Measured {
    pub(super) tcg_ms: Option<u64>,
    pub(super) kvm_ms: Option<u64>,
}

impl Measured {
    /// The accelerator that was quicker; `None` where neither ran.
    pub(super) fn fastest(self) -> Option<Accelerator> {
        match (self.tcg_ms, self.kvm_ms) {
            (_, Some(kvm)) if self.tcg_ms.is_none_or(|tcg| kvm <= tcg) => Some(Accelerator::Kvm),
            (Some(_), _) => Some(Accelerator::Tcg),
            (None, _) => None,
        }
    }
}

/// Keeps what was measured with this QEMU on this host's kernel.
pub(super) fn note(cache: &Cache, qemu: &Path, measured: Measured) {
    if let (Some(key), Ok(text)) = (key(qemu), serde_json::to_vec(&measured)) {
        cache.note(&key, &text);
    }
}

/// `choice`, with `auto` settled where it is known that TCG is the quicker one: a KVM inside another machine may take
/// a hundred times as long to boot, or not work at all.
pub(super) fn informed(
    choice: AcceleratorChoice,
    cache: Option<&Cache>,
    qemu: &Path,
) -> AcceleratorChoice {
    let measured = || -> Option<Measured> {
        let note = cache?.noted(&key(qemu)?)?;
        serde_json::from_slice(&note).ok()
    };
    match choice {
        AcceleratorChoice::Auto
            if measured().and_then(Measured::fastest) == Some(Accelerator::Tcg) =>
        {
            AcceleratorChoice::Tcg
        }
        other => other,
    }
}

/// What the figures depend on.
fn key(qemu: &Path) -> Option<blake3::Hash> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let text = format!("accelerator {} {release}", emulator::identity(qemu)?);
    Some(blake3::hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Measured, informed, note};
    use crate::cli::cache::Cache;
    use crate::qemu::accelerator::{Accelerator, AcceleratorChoice};

    #[test]
    fn the_quicker_one_is_taken() {
        let fastest = |tcg_ms, kvm_ms| Measured { tcg_ms, kvm_ms }.fastest();
        assert_eq!(fastest(Some(90), Some(40)), Some(Accelerator::Kvm));
        assert_eq!(fastest(Some(90), Some(14_000)), Some(Accelerator::Tcg));
        assert_eq!(fastest(Some(90), None), Some(Accelerator::Tcg));
        assert_eq!(fastest(None, Some(40)), Some(Accelerator::Kvm));
        assert_eq!(fastest(None, None), None);
    }

    #[test]
    fn what_was_measured_settles_auto_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let qemu = folder.path().join("qemu");
        std::fs::write(&qemu, "").unwrap();
        let auto = AcceleratorChoice::Auto;
        assert_eq!(informed(auto, Some(&cache), &qemu), auto);
        let slow_kvm = Measured {
            tcg_ms: Some(1),
            kvm_ms: Some(2),
        };
        note(&cache, &qemu, slow_kvm);
        assert_eq!(informed(auto, Some(&cache), &qemu), AcceleratorChoice::Tcg);
        let kvm = AcceleratorChoice::Kvm;
        assert_eq!(informed(kvm, Some(&cache), &qemu), kvm);
        // Another QEMU has to be measured anew.
        std::fs::write(&qemu, "new").unwrap();
        assert_eq!(informed(auto, Some(&cache), &qemu), auto);
    }
}
