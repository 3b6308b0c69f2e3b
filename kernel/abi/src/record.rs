//! Records on the virtio console: each is a head of eight bytes and a payload, in both directions, binary-clean.
//!
//! Head: kind (u8), three zero bytes, length of the payload (u32, little endian).

/// Bytes of a record's head.
pub const HEAD_BYTES: usize = 8;

/// Most bytes of a payload. A longer length is an error of the sender.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// What a record carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// Guest to host: bytes of standard output.
    Stdout = 1,
    /// Guest to host: bytes of standard error.
    Stderr = 2,
    /// Guest to host: a line of the kernel's log, UTF-8; first byte is the level (1 error … 5 trace).
    Log = 3,
    /// Guest to host: the kernel is up and asks for the time. Payload: build id, 16 bytes.
    Started = 4,
    /// Guest to host: the application wants standard input. Payload: most bytes wanted, u32. The host answers with one or
    /// more [`RecordKind::Stdin`], or [`RecordKind::StdinEnd`]; nobody reads the host's input before this.
    StdinRequest = 5,
    /// Guest to host: the application ended. Payload: status, u32.
    Exit = 6,
    /// Guest to host: a trap. Payload: [`TrapReport`] by [`TrapReport::encode`]. [`RecordKind::Exit`] follows.
    Trap = 7,
    /// Guest to host: the kernel failed. Payload: UTF-8 text. [`RecordKind::Exit`] follows.
    Panic = 8,
    /// Guest to host: the application accepts connections at a port, told once, when it first asks for one; or it takes
    /// datagrams at one, told when it is bound. Payload: the port, u16.
    Listening = 9,
    /// Guest to host: a parked kernel is up and asks for the time. No payload. It waits for [`RecordKind::Release`].
    Parked = 10,
    /// Guest to host: the next bytes of `Application::counters`. [`RecordKind::Exit`] of a program that ended by itself or
    /// trapped follows the last of them.
    Counters = 11,
    /// Guest to host: a call of WASI, as a [`crate::observe::CallReport`].
    Call = 12,
    /// Guest to host: the next bytes of a stream of [`crate::observe::Sample`]s.
    Samples = 13,
    /// Host to guest: bytes of standard input.
    Stdin = 64,
    /// Host to guest: standard input has ended.
    StdinEnd = 65,
    /// Host to guest: nanoseconds since 1970, u64, taken when [`RecordKind::Started`] or [`RecordKind::Parked`] arrived.
    Time = 66,
    /// Host to guest: the application window is in memory. No payload.
    Release = 67,
    /// Host to guest: calls of WASI are to be told from now on, as [`RecordKind::Call`]. No payload. A kernel that can't does not.
    Trace = 68,
    /// Host to guest: they are not any more. No payload.
    TraceEnd = 69,
}

impl RecordKind {
    const ALL: [RecordKind; 19] = [
        RecordKind::Stdout,
        RecordKind::Stderr,
        RecordKind::Log,
        RecordKind::Started,
        RecordKind::StdinRequest,
        RecordKind::Exit,
        RecordKind::Trap,
        RecordKind::Panic,
        RecordKind::Listening,
        RecordKind::Parked,
        RecordKind::Counters,
        RecordKind::Call,
        RecordKind::Samples,
        RecordKind::Stdin,
        RecordKind::StdinEnd,
        RecordKind::Time,
        RecordKind::Release,
        RecordKind::Trace,
        RecordKind::TraceEnd,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The head of a record of `kind` with `payload_len` bytes behind it.
#[must_use]
pub fn head(kind: RecordKind, payload_len: u32) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[0] = kind as u8;
    head[4..].copy_from_slice(&payload_len.to_le_bytes());
    head
}

/// The kind and payload length that a head tells, or `None` where it can't be one.
#[must_use]
pub fn parse_head(head: [u8; HEAD_BYTES]) -> Option<(RecordKind, usize)> {
    let [kind, 0, 0, 0, a, b, c, d] = head else {
        return None;
    };
    let len = u32::from_le_bytes([a, b, c, d]) as usize;
    (len <= PAYLOAD_BYTES_MAX).then_some((RecordKind::from_number(kind)?, len))
}

/// Most return addresses in a [`TrapReport`].
pub const BACKTRACE_LEN_MAX: usize = 64;

/// The registers in a [`TrapReport`], in its order.
pub const REGISTER_NAMES: [&str; 17] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rflags",
];

/// Where and why an application trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapReport {
    /// The cause.
    pub kind: u32,
    /// Offset of the operator in the module file, or `u32::MAX` where only the address map can tell.
    pub wasm_offset: u32,
    /// Address of the instruction.
    pub instruction: u64,
    /// Address that was accessed, where the cause is an access; of the tag, where it is an exception; else 0.
    pub accessed: u64,
    /// What the registers held, by [`REGISTER_NAMES`].
    pub registers: [u64; REGISTER_NAMES.len()],
    /// Return addresses, innermost first, by frame pointers.
    pub backtrace: [u64; BACKTRACE_LEN_MAX],
    /// How many of `backtrace` are set.
    pub backtrace_len: usize,
}

/// Bytes of the longest encoded [`TrapReport`].
pub const TRAP_REPORT_BYTES_MAX: usize = HEAD_OF_REPORT_BYTES + 8 * BACKTRACE_LEN_MAX;

/// Bytes of an encoded [`TrapReport`] before its return addresses.
const HEAD_OF_REPORT_BYTES: usize = 24 + 8 * REGISTER_NAMES.len();

impl TrapReport {
    /// Writes the report to `out`; returns how many bytes it took. Fields in order, little endian.
    #[must_use]
    pub fn encode(&self, out: &mut [u8; TRAP_REPORT_BYTES_MAX]) -> usize {
        out[0..4].copy_from_slice(&self.kind.to_le_bytes());
        out[4..8].copy_from_slice(&self.wasm_offset.to_le_bytes());
        out[8..16].copy_from_slice(&self.instruction.to_le_bytes());
        out[16..24].copy_from_slice(&self.accessed.to_le_bytes());
        let mut end = 24;
        let backtrace = &self.backtrace[..self.backtrace_len.min(BACKTRACE_LEN_MAX)];
        for word in self.registers.iter().chain(backtrace) {
            out[end..end + 8].copy_from_slice(&word.to_le_bytes());
            end += 8;
        }
        end
    }

    /// Reads a report; `None` where the bytes can't be one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(24)?;
        let (words, []) = rest.as_chunks::<8>() else {
            return None;
        };
        let (held, addresses) = words.split_at_checked(REGISTER_NAMES.len())?;
        if addresses.len() > BACKTRACE_LEN_MAX {
            return None;
        }
        let mut registers = [0; REGISTER_NAMES.len()];
        for (slot, held) in registers.iter_mut().zip(held) {
            *slot = u64::from_le_bytes(*held);
        }
        let mut backtrace = [0; BACKTRACE_LEN_MAX];
        for (slot, address) in backtrace.iter_mut().zip(addresses) {
            *slot = u64::from_le_bytes(*address);
        }
        Some(Self {
            kind: u32::from_le_bytes(head[0..4].try_into().ok()?),
            wasm_offset: u32::from_le_bytes(head[4..8].try_into().ok()?),
            instruction: u64::from_le_bytes(head[8..16].try_into().ok()?),
            accessed: u64::from_le_bytes(head[16..24].try_into().ok()?),
            registers,
            backtrace,
            backtrace_len: addresses.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        BACKTRACE_LEN_MAX, HEAD_OF_REPORT_BYTES, PAYLOAD_BYTES_MAX, RecordKind,
        TRAP_REPORT_BYTES_MAX, TrapReport, head, parse_head,
    };

    #[test]
    fn heads_are_read_back() {
        for kind in RecordKind::ALL {
            assert_eq!(parse_head(head(kind, 300)), Some((kind, 300)));
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        assert_eq!(parse_head(*b"garbage!"), None);
        assert_eq!(parse_head([0; 8]), None);
        assert_eq!(parse_head([1, 0, 1, 0, 0, 0, 0, 0]), None);
        let longest = PAYLOAD_BYTES_MAX as u32;
        assert!(parse_head(head(RecordKind::Stdout, longest)).is_some());
        assert!(parse_head(head(RecordKind::Stdout, longest + 1)).is_none());
    }

    fn report(backtrace_len: usize) -> TrapReport {
        let mut backtrace = [0; BACKTRACE_LEN_MAX];
        for (address, number) in backtrace.iter_mut().zip(1..).take(backtrace_len) {
            *address = 0xffff_ffff_a000_0000 + number;
        }
        TrapReport {
            kind: 3,
            wasm_offset: 0x42,
            instruction: 0xffff_ffff_a000_1234,
            accessed: 7,
            registers: core::array::from_fn(|number| number as u64 + 1),
            backtrace,
            backtrace_len,
        }
    }

    #[test]
    fn trap_reports_are_read_back() {
        for len in [0, 1, BACKTRACE_LEN_MAX] {
            let mut bytes = [0; TRAP_REPORT_BYTES_MAX];
            let used = report(len).encode(&mut bytes);
            assert_eq!(TrapReport::decode(&bytes[..used]), Some(report(len)));
        }
    }

    #[test]
    fn broken_trap_reports_are_refused() {
        let mut bytes = [0; TRAP_REPORT_BYTES_MAX + 8];
        assert_eq!(TrapReport::decode(&bytes), None);
        let used = report(1).encode((&mut bytes[..TRAP_REPORT_BYTES_MAX]).try_into().unwrap());
        for len in (0..used).filter(|len| *len != HEAD_OF_REPORT_BYTES) {
            assert_eq!(TrapReport::decode(&bytes[..len]), None, "{len} bytes");
        }
    }
}
