//! What of a function's bytes is code, and what are the tables and constants that lie among it.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};

/// Bits of the processor's mode.
const BITNESS: u32 = 64;

/// Bytes of an entry of a jump table: the way from the table to the target.
const ENTRY_BYTES: u64 = 4;

/// The first byte of a jump by 32 bits.
const JUMP: u8 = 0xe9;

/// Instructions before an indirect jump among which its bound is looked for.
const BOUND_DISTANCE: usize = 16;

/// A function, taken apart. Addresses are bytes from the start of all code.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Instructions by their address.
    pub(super) instructions: BTreeMap<u64, Instruction>,
    /// Where branches and entries of tables go to, inside of the function.
    pub(super) targets: BTreeSet<u64>,
    /// Jump tables: where each begins, and the targets of its entries.
    pub(super) tables: BTreeMap<u64, Vec<u64>>,
    /// Other data that instructions name.
    pub(super) constants: BTreeSet<u64>,
}

impl Flow {
    /// Follows the code of the function at `start`; `entries` are places that are known to be code.
    ///
    /// Instructions at which `is_relocated` name nothing of the function, whatever their bytes say.
    pub(super) fn of(
        start: u64,
        bytes: &[u8],
        entries: impl Iterator<Item = u64>,
        is_relocated: impl Fn(&Instruction) -> bool,
    ) -> Self {
        let mut flow = Self::default();
        let mut entries: BTreeSet<u64> = entries.collect();
        entries.insert(start);
        let mut work: Vec<u64> = entries.iter().copied().collect();
        let end = start + bytes.len() as u64;
        let mut named = BTreeSet::new();
        loop {
            while let Some(address) = work.pop() {
                flow.follow(start, bytes, address, &mut work, &mut named, &is_relocated);
            }
            // A table is what lies right behind an indirect jump; it ends where code begins.
            let table = named.iter().copied().find(|address| {
                !flow.tables.contains_key(address) && flow.is_behind_indirect_jump(*address)
            });
            let Some(table) = table else { break };
            let targets = flow.read_table(start, bytes, table, end, &entries);
            flow.targets.extend(&targets);
            work.extend(&targets);
            flow.tables.insert(table, targets);
        }
        flow.follow_dead_jumps(start, bytes, &mut named, &is_relocated);
        flow.constants = named;
        flow.constants
            .retain(|address| !flow.tables.contains_key(address));
        flow
    }

    /// Decodes from `address` on until the code ends or joins what is known.
    fn follow(
        &mut self,
        start: u64,
        bytes: &[u8],
        address: u64,
        work: &mut Vec<u64>,
        named: &mut BTreeSet<u64>,
        is_relocated: &impl Fn(&Instruction) -> bool,
    ) {
        let end = start + bytes.len() as u64;
        let Some(rest) = address
            .checked_sub(start)
            .and_then(|offset| bytes.get(offset as usize..))
        else {
            return;
        };
        for instruction in &mut Decoder::with_ip(BITNESS, rest, address, DecoderOptions::NONE) {
            if instruction.is_invalid() || self.instructions.contains_key(&instruction.ip()) {
                return;
            }
            self.instructions.insert(instruction.ip(), instruction);
            if !is_relocated(&instruction) {
                if let Some(target) = branch_target(&instruction)
                    && (start..end).contains(&target)
                {
                    self.targets.insert(target);
                    work.push(target);
                }
                if instruction.is_ip_rel_memory_operand()
                    && (start..end).contains(&instruction.ip_rel_memory_address())
                {
                    named.insert(instruction.ip_rel_memory_address());
                }
            }
            let ends = [Mnemonic::Jmp, Mnemonic::Ret, Mnemonic::Ud2];
            if ends.contains(&instruction.mnemonic()) {
                return;
            }
        }
    }

    /// Decodes jumps that nothing leads to any more, since others go straight to where they go.
    fn follow_dead_jumps(
        &mut self,
        start: u64,
        bytes: &[u8],
        named: &mut BTreeSet<u64>,
        is_relocated: &impl Fn(&Instruction) -> bool,
    ) {
        let ends = self.instructions.values().map(Instruction::next_ip);
        let tables = self.tables.iter();
        let ends = ends.chain(tables.map(|(at, targets)| at + ENTRY_BYTES * targets.len() as u64));
        let mut ends: Vec<u64> = ends.collect();
        while let Some(at) = ends.pop() {
            let is_jump = bytes.get((at - start) as usize) == Some(&JUMP);
            let is_known = self.instructions.contains_key(&at)
                || self.tables.contains_key(&at)
                || named.contains(&at);
            if is_jump && !is_known {
                self.follow(start, bytes, at, &mut Vec::new(), named, is_relocated);
                ends.extend(self.instructions.get(&at).map(Instruction::next_ip));
            }
        }
    }

    fn is_behind_indirect_jump(&self, address: u64) -> bool {
        let before = self.instructions.range(..address).next_back();
        before.is_some_and(|(_, jump)| {
            jump.next_ip() == address
                && jump.mnemonic() == Mnemonic::Jmp
                && jump.op0_kind() == OpKind::Register
        })
    }

    /// How many entries the table behind an indirect jump has, where the code before says it: it takes the last entry
    /// where the index is larger, `mov size, last; cmp index, size; cmovb size, index`.
    fn table_len(&self, table: u64) -> Option<u64> {
        let mut before = self.instructions.range(..table).rev().take(BOUND_DISTANCE);
        let (_, bound) = before.find(|(_, instruction)| {
            matches!(instruction.mnemonic(), Mnemonic::Cmovb | Mnemonic::Cmovae)
        })?;
        let size = bound.op0_register();
        let (_, set) = before.find(|(_, instruction)| {
            instruction.op0_kind() == OpKind::Register
                && instruction.op0_register() == size
                && instruction.mnemonic() != Mnemonic::Cmp
        })?;
        let is_constant = set.mnemonic() == Mnemonic::Mov && set.op1_kind() == OpKind::Immediate32;
        is_constant.then(|| u64::from(set.immediate32()) + 1)
    }

    fn read_table(
        &self,
        start: u64,
        bytes: &[u8],
        table: u64,
        end: u64,
        entries: &BTreeSet<u64>,
    ) -> Vec<u64> {
        let mut targets = Vec::new();
        let after = |known: Option<&u64>| known.copied().unwrap_or(end);
        let mut limit = after(self.targets.range(table..).next())
            .min(after(entries.range(table..).next()))
            .min(end);
        let count = self.table_len(table);
        limit = limit.min(count.map_or(end, |count| table.saturating_add(ENTRY_BYTES * count)));
        let mut at = table;
        while at + ENTRY_BYTES <= limit {
            let offset = (at - start) as usize;
            let Some(entry) = bytes[offset..].first_chunk() else {
                break;
            };
            let target = table.wrapping_add_signed(i64::from(i32::from_le_bytes(*entry)));
            if !(start..end).contains(&target) {
                break;
            }
            if target > table {
                limit = limit.min(target);
            }
            targets.push(target);
            at += ENTRY_BYTES;
        }
        targets
    }
}

/// Where a branch goes, calls not among them.
pub(super) fn branch_target(instruction: &Instruction) -> Option<u64> {
    let is_branch =
        instruction.op0_kind() == OpKind::NearBranch64 && instruction.mnemonic() != Mnemonic::Call;
    is_branch.then(|| instruction.near_branch64())
}

#[cfg(test)]
mod tests {
    use super::Flow;

    fn flow(bytes: &[u8]) -> Flow {
        Flow::of(0x100, bytes, std::iter::empty(), |_| false)
    }

    #[test]
    fn code_ends_at_a_return_and_goes_on_at_targets() {
        // je +1; ret; ret; then a byte that nothing leads to
        let flow = flow(&[0x74, 0x01, 0xc3, 0xc3, 0xcc]);
        assert_eq!(
            flow.instructions.keys().copied().collect::<Vec<_>>(),
            [0x100, 0x102, 0x103]
        );
        assert!(flow.targets.contains(&0x103));
    }

    #[test]
    fn a_jump_that_nothing_leads_to_is_code() {
        // jmp +5; jmp -5; ret
        let flow = flow(&[0xeb, 0x05, 0xe9, 0xfb, 0xff, 0xff, 0xff, 0xc3]);
        assert!(flow.instructions.contains_key(&0x102));
    }

    #[test]
    fn a_table_behind_an_indirect_jump_ends_where_its_first_target_begins() {
        let mut bytes = vec![0x48, 0x8d, 0x05, 2, 0, 0, 0]; // lea rax, [rip+2]
        bytes.extend([0xff, 0xe0]); // jmp rax
        bytes.extend(9_i32.to_le_bytes());
        bytes.extend(8_i32.to_le_bytes());
        bytes.extend([0xc3, 0xc3]);
        let flow = flow(&bytes);
        assert_eq!(flow.tables[&0x109], [0x112, 0x111]);
        assert!(flow.instructions.contains_key(&0x111) && flow.instructions.contains_key(&0x112));
        assert!(flow.constants.is_empty());
    }

    #[test]
    fn constants_are_named_and_not_decoded() {
        let mut bytes = vec![0x48, 0x8b, 0x05, 1, 0, 0, 0, 0xc3]; // mov rax, [rip+1]; ret
        bytes.extend(7_u64.to_le_bytes());
        let flow = flow(&bytes);
        assert_eq!(flow.constants.into_iter().collect::<Vec<_>>(), [0x108]);
        assert_eq!(flow.instructions.len(), 2);
    }
}
