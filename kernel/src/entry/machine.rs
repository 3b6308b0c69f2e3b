//! The machine as WASI sees it.

use core::fmt;

use mewz_abi::record::RecordKind;
use mewz_kernel::settings::Settings;
use mewz_kernel::wasi::Wasi;
use mewz_kernel::wasi::system::{StdinRead, Stream, System};

use super::disks::Disks;
use super::random::Generator;
use super::{console, debugger, wall_clock};
use crate::arch::processor::Processor;
use crate::arch::{clock, interrupts};

/// Longest sleep without a deadline, in case that an interrupt is lost.
const SLEEP_NS_MAX: u64 = 1_000_000_000;
/// Sleeps that are shorter are not worth an interrupt.
const SLEEP_NS_MIN: u64 = 2_000;

/// The machine as WASI sees it.
pub(super) struct Machine {
    generator: Generator,
    /// Disks that the application writes to.
    pub(super) disks: Disks,
}

impl Machine {
    /// The machine, its generator of randomness seeded.
    pub(super) fn new(processor: Processor, settings: &Settings) -> Self {
        Self {
            generator: Generator::new(processor, settings.entropy),
            disks: Disks::default(),
        }
    }
}

impl System for Machine {
    fn monotonic_ns(&self) -> u64 {
        clock::now_ns()
    }

    fn realtime_ns(&mut self) -> u64 {
        wall_clock::now_ns()
    }

    fn fill_random(&mut self, out: &mut [u8]) {
        self.generator.fill(out);
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let kind = match stream {
            Stream::Stdout => RecordKind::Stdout,
            Stream::Stderr => RecordKind::Stderr,
        };
        console::write(kind, bytes);
    }

    fn read_stdin(&mut self, out: &mut [u8]) -> StdinRead {
        console::read(out)
    }

    fn stdin_available(&mut self) -> Option<usize> {
        console::available()
    }

    fn wait(&mut self, deadline_ns: Option<u64>) {
        // What nobody has asked for, as input for a program that waits for a clock, must not keep the machine awake.
        if console::take_news() {
            return;
        }
        self.disks.settle_old();
        debugger::note_sleep();
        let now = clock::now_ns();
        let end = deadline_ns
            .unwrap_or(u64::MAX)
            .min(now.saturating_add(SLEEP_NS_MAX));
        let left = end.saturating_sub(now);
        if left < SLEEP_NS_MIN {
            while clock::now_ns() < end {
                core::hint::spin_loop();
            }
            return;
        }
        if !interrupts::is_ticking() {
            clock::start_timer(left);
        }
        interrupts::sleep_unless(console::has_news);
    }

    fn wait_in_call(&mut self, deadline_ns: Option<u64>, wasi: &Wasi) {
        debugger::show_while(wasi, || self.wait(deadline_ns));
    }

    fn warn(&mut self, text: fmt::Arguments<'_>) {
        console::warn(text);
    }

    fn tell_listening(&mut self, port: u16) {
        console::tell_listening(port);
    }

    fn exit(&mut self, status: u32) -> ! {
        self.disks.settle();
        console::end(status)
    }
}
