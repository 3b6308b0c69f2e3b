//! Values of scripts: arguments, and patterns that results must fit.

use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64};
use wast::{WastArg, WastRet};

use crate::host::value::Value;

/// The value of an argument.
pub(crate) fn argument(argument: &WastArg<'_>) -> Result<Value, String> {
    let WastArg::Core(argument) = argument else {
        return Err("an argument for a component".into());
    };
    Ok(match argument {
        WastArgCore::I32(value) => Value::I32(*value as u32),
        WastArgCore::I64(value) => Value::I64(*value as u64),
        WastArgCore::F32(value) => Value::F32(value.bits),
        WastArgCore::F64(value) => Value::F64(value.bits),
        WastArgCore::V128(value) => Value::V128(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(_) => Value::Reference(0),
        WastArgCore::RefExtern(number) | WastArgCore::RefHost(number) => external(*number),
    })
}

/// Whether `value` is what `pattern` wants.
pub(crate) fn fits(value: Value, pattern: &WastRet<'_>) -> bool {
    match pattern {
        WastRet::Core(pattern) => fits_core(value, pattern),
        _ => false,
    }
}

fn fits_core(value: Value, pattern: &WastRetCore<'_>) -> bool {
    match (value, pattern) {
        (value, WastRetCore::Either(patterns)) => {
            patterns.iter().any(|pattern| fits_core(value, pattern))
        }
        (Value::I32(bits), WastRetCore::I32(wanted)) => bits == *wanted as u32,
        (Value::I64(bits), WastRetCore::I64(wanted)) => bits == *wanted as u64,
        (Value::F32(bits), WastRetCore::F32(wanted)) => fits_f32(bits, wanted),
        (Value::F64(bits), WastRetCore::F64(wanted)) => fits_f64(bits, wanted),
        (Value::V128(bits), WastRetCore::V128(wanted)) => fits_v128(bits.to_le_bytes(), wanted),
        (Value::Reference(reference), WastRetCore::RefNull(_)) => reference == 0,
        (Value::Reference(reference), WastRetCore::RefExtern(None) | WastRetCore::RefFunc(_)) => {
            reference != 0
        }
        (value, WastRetCore::RefExtern(Some(number)) | WastRetCore::RefHost(number)) => {
            value == external(*number)
        }
        _ => false,
    }
}

/// A reference to the host's object `number`: 0 is null, so they count from 1.
fn external(number: u32) -> Value {
    Value::Reference(u64::from(number) + 1)
}

fn fits_f32(bits: u32, pattern: &NanPattern<F32>) -> bool {
    const QUIET: u32 = 0x7fc0_0000;
    match pattern {
        NanPattern::CanonicalNan => bits & !(1 << 31) == QUIET,
        NanPattern::ArithmeticNan => bits & QUIET == QUIET,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn fits_f64(bits: u64, pattern: &NanPattern<F64>) -> bool {
    const QUIET: u64 = 0x7ff8 << 48;
    match pattern {
        NanPattern::CanonicalNan => bits & !(1 << 63) == QUIET,
        NanPattern::ArithmeticNan => bits & QUIET == QUIET,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn fits_v128(bytes: [u8; 16], pattern: &V128Pattern) -> bool {
    let f32_lane = |lane: usize| {
        u32::from_le_bytes(
            bytes[4 * lane..4 * lane + 4]
                .try_into()
                .expect("four bytes"),
        )
    };
    let f64_lane = |lane: usize| {
        u64::from_le_bytes(
            bytes[8 * lane..8 * lane + 8]
                .try_into()
                .expect("eight bytes"),
        )
    };
    match pattern {
        V128Pattern::I8x16(lanes) => bytes == lanes.map(|lane| lane as u8),
        V128Pattern::I16x8(lanes) => bytes[..] == lanes.map(i16::to_le_bytes).concat(),
        V128Pattern::I32x4(lanes) => bytes[..] == lanes.map(i32::to_le_bytes).concat(),
        V128Pattern::I64x2(lanes) => bytes[..] == lanes.map(i64::to_le_bytes).concat(),
        V128Pattern::F32x4(lanes) => (0..4).all(|lane| fits_f32(f32_lane(lane), &lanes[lane])),
        V128Pattern::F64x2(lanes) => (0..2).all(|lane| fits_f64(f64_lane(lane), &lanes[lane])),
    }
}
