//! The battery-backed clock: seconds, when nobody tells better. Source: MC146818 data sheet.

use super::cpu::{read_port_u8, write_port_u8};

/// Attempts to read the clock between two of its updates.
const ATTEMPTS: usize = 10_000;

const SECONDS: u8 = 0;
const MINUTES: u8 = 2;
const HOURS: u8 = 4;
const DAY: u8 = 7;
const MONTH: u8 = 8;
const YEAR: u8 = 9;
const STATUS_A: u8 = 10;
const STATUS_B: u8 = 11;
const CENTURY: u8 = 0x32;

/// Seconds since 1970, or `None` where no clock answers.
pub(crate) fn seconds() -> Option<u64> {
    let registers = [SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, CENTURY];
    let read = || registers.map(register);
    let mut now = None;
    for _ in 0..ATTEMPTS {
        if register(STATUS_A) & 0x80 != 0 {
            continue;
        }
        let values = read();
        if values == read() {
            now = Some(values);
            break;
        }
    }
    let [seconds, minutes, hours, day, month, year, century] = now?;
    let status = register(STATUS_B);
    let (is_binary, is_24_hours) = (status & 4 != 0, status & 2 != 0);
    let decode = |value: u8| {
        u64::from(if is_binary {
            value
        } else {
            (value >> 4) * 10 + (value & 15)
        })
    };
    let mut hour = decode(hours & 0x7f);
    if !is_24_hours {
        hour = hour % 12 + if hours & 0x80 != 0 { 12 } else { 0 };
    }
    let century = match decode(century) {
        century @ 19..=29 => century,
        _ => 20,
    };
    let (year, month, day) = (century * 100 + decode(year), decode(month), decode(day));
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && year >= 1970;
    is_date.then(|| {
        (days_since_1970(year, month, day) * 24 + hour) * 3600
            + decode(minutes) * 60
            + decode(seconds)
    })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar: years run from March, so that the leap day is the last.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    const DAYS_TO_1970: u64 = 719_468;
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + days_of_year - DAYS_TO_1970
}

fn register(number: u8) -> u8 {
    write_port_u8(0x70, number);
    read_port_u8(0x71)
}
