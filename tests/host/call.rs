//! Calls of System V functions whose type is known only at run time, on a stack of their own.

use std::arch::global_asm;
use std::mem::offset_of;

use mewz_abi::symbol::types;

use super::map::{Access, Reservation};
use super::signal::{self, Fault};
use super::value::Value;

/// Bytes of a stack for compiled code: little, so that tests that exhaust it are quick.
const STACK_BYTES: u64 = 512 << 10;

/// Bytes below it that fault.
const GUARD_BYTES: u64 = 64 << 10;

/// What stands above an `i32` in its register.
const UPPER_HALF: u64 = 0xa5a5_a5a5 << 32;

/// A stack for compiled code, with a guard below.
#[derive(Debug)]
pub(crate) struct Stack(Reservation);

impl Stack {
    pub(crate) fn new() -> Self {
        let pages = Reservation::new(GUARD_BYTES + STACK_BYTES).expect("room for a stack");
        pages.open(pages.base() + GUARD_BYTES, pages.end(), Access::Write);
        Self(pages)
    }

    /// Whether an access to `address` ran off the stack's end.
    pub(crate) fn is_guard(&self, address: u64) -> bool {
        (self.0.base()..self.0.base() + GUARD_BYTES).contains(&address)
    }
}

/// What the trampoline loads and stores.
#[repr(C)]
pub(crate) struct CallFrame {
    code: u64,
    integers: [u64; 6],
    vectors: [u128; 8],
    words: *const u64,
    words_len: u64,
    stack_top: u64,
    saved_stack: u64,
    result_integer: u64,
    result_vector: u128,
    pub(crate) fault: Fault,
}

/// Calls the System V function at `code`; `results` are type letters.
///
/// # Errors
///
/// The fault that ended the call.
///
/// # Safety
///
/// `code` is a function with parameters of the types of `arguments` and with these results, which touches only memory
/// that it owns.
pub(crate) unsafe fn call(
    code: u64,
    arguments: &[Value],
    results: &str,
    stack: &Stack,
) -> Result<Vec<Value>, Fault> {
    let mut slots = vec![0u128; types(results).count()];
    let mut frame = CallFrame {
        code,
        integers: [0; 6],
        vectors: [0; 8],
        words: std::ptr::null(),
        words_len: 0,
        stack_top: stack.0.end(),
        saved_stack: 0,
        result_integer: 0,
        result_vector: 0,
        fault: Fault::default(),
    };
    let mut places = Places::new(&mut frame);
    for argument in arguments {
        places.pass(*argument);
    }
    if slots.len() > 1 {
        places.pass(Value::I64(slots.as_mut_ptr() as u64));
    }
    let mut words = places.words;
    if words.len() % 2 == 1 {
        // The stack pointer is a multiple of 16 at every call.
        words.push(0);
    }
    frame.words = words.as_ptr();
    frame.words_len = words.len() as u64;
    // SAFETY: the trampoline can be left at its landing; the frame is complete, and the caller vouches for the function.
    unsafe { signal::guarded(&mut frame, mewz_host_enter) }?;
    if let [slot] = slots.as_mut_slice() {
        let vector = matches!(results, "f" | "F" | "v");
        *slot = if vector {
            frame.result_vector
        } else {
            frame.result_integer.into()
        };
    }
    let results = types(results).zip(slots);
    Ok(results
        .map(|(letters, bits)| Value::from_bits(letters, bits))
        .collect())
}

/// Where the next argument goes: System V ABI, section 3.2.3, "Parameter Passing".
struct Places<'a> {
    frame: &'a mut CallFrame,
    integers: usize,
    vectors: usize,
    words: Vec<u64>,
}

impl<'a> Places<'a> {
    fn new(frame: &'a mut CallFrame) -> Self {
        Self {
            frame,
            integers: 0,
            vectors: 0,
            words: Vec::new(),
        }
    }

    fn pass(&mut self, value: Value) {
        match value {
            // The convention leaves the upper half open: compiled code must not count on it.
            Value::I32(bits) => self.integer(u64::from(bits) | UPPER_HALF),
            Value::I64(bits) | Value::Reference(bits) => self.integer(bits),
            Value::F32(bits) => self.vector(bits.into(), 1),
            Value::F64(bits) => self.vector(bits.into(), 1),
            Value::V128(bits) => self.vector(bits, 2),
        }
    }

    fn integer(&mut self, bits: u64) {
        match self.frame.integers.get_mut(self.integers) {
            Some(register) => *register = bits,
            None => self.words.push(bits),
        }
        self.integers += 1;
    }

    fn vector(&mut self, bits: u128, words: usize) {
        match self.frame.vectors.get_mut(self.vectors) {
            Some(register) => *register = bits,
            None if words == 1 => self.words.push(bits as u64),
            None => {
                if self.words.len() % 2 == 1 {
                    self.words.push(0);
                }
                self.words.extend([bits as u64, (bits >> 64) as u64]);
            }
        }
        self.vectors += 1;
    }
}

unsafe extern "C" {
    fn mewz_host_enter(frame: *mut CallFrame);
    fn mewz_host_land();
}

/// Where a fault goes on: the end of [`mewz_host_enter`], with the frame's address in `rbx`.
pub(crate) fn landing() -> u64 {
    mewz_host_land as *const () as u64
}

global_asm!(
    ".globl mewz_host_enter",
    "mewz_host_enter:",
    "push rbp",
    "mov rbp, rsp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "mov rbx, rdi",
    "mov [rbx + {saved_stack}], rsp",
    "mov rsp, [rbx + {stack_top}]",
    "mov rcx, [rbx + {words_len}]",
    "mov rsi, [rbx + {words}]",
    "lea rax, [rcx * 8]",
    "sub rsp, rax",
    "mov rdi, rsp",
    "rep movsq",
    "movups xmm0, [rbx + {vectors}]",
    "movups xmm1, [rbx + {vectors} + 16]",
    "movups xmm2, [rbx + {vectors} + 32]",
    "movups xmm3, [rbx + {vectors} + 48]",
    "movups xmm4, [rbx + {vectors} + 64]",
    "movups xmm5, [rbx + {vectors} + 80]",
    "movups xmm6, [rbx + {vectors} + 96]",
    "movups xmm7, [rbx + {vectors} + 112]",
    "mov rdi, [rbx + {integers}]",
    "mov rsi, [rbx + {integers} + 8]",
    "mov rdx, [rbx + {integers} + 16]",
    "mov rcx, [rbx + {integers} + 24]",
    "mov r8, [rbx + {integers} + 32]",
    "mov r9, [rbx + {integers} + 40]",
    "call [rbx + {code}]",
    "mov [rbx + {result_integer}], rax",
    "movups [rbx + {result_vector}], xmm0",
    ".globl mewz_host_land",
    "mewz_host_land:",
    "mov rsp, [rbx + {saved_stack}]",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
    code = const offset_of!(CallFrame, code),
    integers = const offset_of!(CallFrame, integers),
    vectors = const offset_of!(CallFrame, vectors),
    words = const offset_of!(CallFrame, words),
    words_len = const offset_of!(CallFrame, words_len),
    stack_top = const offset_of!(CallFrame, stack_top),
    saved_stack = const offset_of!(CallFrame, saved_stack),
    result_integer = const offset_of!(CallFrame, result_integer),
    result_vector = const offset_of!(CallFrame, result_vector),
);

#[test]
fn arguments_arrive_in_registers_and_on_the_stack() {
    extern "C" fn weigh(
        a: u64,
        b: f64,
        c: u32,
        d: u64,
        e: u64,
        f: u64,
        g: u64,
        h: u64,
        i: f32,
        j: u32,
    ) -> f64 {
        let integers = [a, c.into(), d, e, f, g, h, j.into()];
        let weighed = integers.into_iter().zip(1..).map(|(value, at)| value * at);
        weighed.sum::<u64>() as f64 + b + f64::from(i)
    }
    let arguments = [
        Value::I64(1),
        Value::F64(0.5f64.to_bits()),
        Value::I32(2),
        Value::I64(3),
        Value::I64(4),
        Value::I64(5),
        Value::I64(6),
        Value::I64(7),
        Value::F32(0.25f32.to_bits()),
        Value::I32(8),
    ];
    let code = weigh as *const () as u64;
    // SAFETY: the function has these parameters.
    let results = unsafe { call(code, &arguments, "F", &Stack::new()) };
    assert_eq!(results, Ok(vec![Value::F64(204.75f64.to_bits())]));
}

#[test]
fn faults_end_the_call_and_tell_where() {
    extern "C" fn touch(address: *const u8) -> u32 {
        // SAFETY: there is nothing at the address, which is the point: the signal handler ends the call.
        unsafe { address.read_volatile() }.into()
    }
    let closed = Reservation::new(4096).expect("room for a page");
    let arguments = [Value::I64(closed.base() + 8)];
    // SAFETY: the function has these parameters, and nothing to lose.
    let outcome = unsafe { call(touch as *const () as u64, &arguments, "i", &Stack::new()) };
    let fault = outcome.unwrap_err();
    assert_eq!(
        (fault.signal, fault.accessed),
        (libc::SIGSEGV, closed.base() + 8)
    );
}
