//! KVM that does not work as it says: the loop goes on without it.

use std::sync::Arc;

use super::event::GuestId;
use super::work::Work;
use crate::qemu::error::QemuError;
use crate::qemu::session::End;

impl Work {
    /// Goes on without KVM where the machine that has ended so did not come up under it; whether that was done.
    pub(super) fn falls_back(&mut self, id: GuestId, end: &Result<End, QemuError>) -> bool {
        let plan = &self.setup.plan;
        let was_never_up = match end {
            Ok(End::NotStarted) => true,
            Ok(End::Died(death)) => !death.had_started,
            _ => false,
        };
        let is_parked = self.machines.is_parked(id);
        let is_next = self
            .machines
            .next
            .as_ref()
            .is_some_and(|next| !next.has_started() && next.has(id));
        if !was_never_up || !plan.may_fall_back() || !(is_parked || is_next) {
            return false;
        }
        self.screen
            .warn("the machine did not start under KVM: going on without it");
        plan.lose_kvm();
        let (plan, reload) = (Arc::clone(plan), self.machines.reload);
        let pending = self.machines.take_launching();
        let instances = self.machines.instances;
        self.machines.replan(plan, reload, instances);
        match pending {
            // Nothing of the program has run, so nothing runs twice.
            Some((build, save)) => self.launch(build, save),
            None => self.park(),
        }
        true
    }
}
