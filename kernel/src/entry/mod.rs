//! The order in which the machine comes up.

mod callers;
mod calls;
mod console;
#[cfg(feature = "debugger")]
mod debugger;
#[cfg(not(feature = "debugger"))]
#[path = "no_debugger.rs"]
mod debugger;
#[cfg(feature = "disks")]
mod disks;
#[cfg(not(feature = "disks"))]
#[path = "no_disks.rs"]
mod disks;
mod every_export;
mod exception;
mod failure;
mod folders;
mod machine;
#[cfg(feature = "debugger")]
mod observe;
mod parking;
mod random;
mod text;
mod trap;
mod wall_clock;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use mewz_abi::address::{KERNEL_PHYSICAL, WINDOW_PHYSICAL};
use mewz_abi::application::cpu;
use mewz_abi::pack::Pack;
use mewz_kernel::frames::Frames;
use mewz_kernel::net::Network;
use mewz_kernel::settings::Settings;
use mewz_kernel::wasi::system::System as _;
use mewz_kernel::wasi::{self, Wasi};
use spin::Once;
use virtio_drivers::transport::{DeviceType, Transport as _};

use crate::arch::processor::Processor;
use crate::arch::{
    apic, clock, cpu as instructions, exceptions, gate, interrupts, segments, serial, smap,
};
use crate::memory::start_information::{PhysicalRange, StartInformation};
use crate::memory::window::{Window, WindowError};
use crate::memory::{direct, linear, paging, physical, stack, table};
use crate::virtio;
use crate::virtio::console::ConsoleError;
use failure::fail;
use machine::Machine;

/// First address that is given out: below lies what firmware uses.
const LOW_MEMORY_END: u64 = 1 << 20;
/// Free memory that the kernel needs to start: page tables, queues and their buffers, a little heap.
const START_BYTES_MIN: u64 = 3 << 20;

/// Buffers of sockets may take this part of the memory that is free at the start.
const SOCKET_MEMORY_PARTS: u64 = 3;

/// The application window; there from the moment it is mapped and checked.
static WINDOW: Once<Window> = Once::new();

/// Runs on the boot stack with the boot tables; `start_information` is the physical address that PVH passes.
// SAFETY: no other symbol of the kernel has this name; `arch::boot` calls it.
#[unsafe(no_mangle)]
extern "C" fn kernel_start(start_information: u64) -> ! {
    let processor = Processor::detect();
    smap::patch(processor);
    segments::load();
    exceptions::load();
    let information =
        StartInformation::read(start_information).unwrap_or_else(|why| fail(format_args!("{why}")));
    let window = Window::find(information.memory());
    start_memory(processor, &information, window.as_ref().ok());
    processor.enable_guards();
    apic::start();
    clock::start(processor.is_virtual());
    instructions::enable_interrupts();

    let mut settings = read_settings(&information);
    let is_early = |window: &Window| window.is_parked() || window.waits_for_debugger();
    debugger::start(&settings, window.as_ref().is_ok_and(is_early));
    let devices = start_devices(&settings);
    let packs = folders::find_packs(
        configuration(&information),
        window.as_ref().map_or(&[], Window::pack),
    );
    for pack in &packs {
        settings.read_image_options(pack.options());
    }
    for complaint in &settings.complaints {
        console::warn(format_args!("{complaint}"));
    }
    let mut window = window.unwrap_or_else(|why| fail_without_window(why));
    let is_parked = window.is_parked();
    if is_parked {
        console::tell_parked(settings.epoch_ns);
    } else {
        start_application(processor, window, &settings);
    }
    let mut machine = Machine::new(processor, &settings);
    let wasi = start_wasi(&settings, devices, &packs, &mut machine);
    if is_parked {
        window = parking::await_window(&window, information.memory(), &mut machine);
        start_application(processor, window, &settings);
    }
    calls::start(wasi, machine);
    if settings.timer_hz > 0 {
        interrupts::start_storm(settings.timer_hz, clock::bus_hz());
    }
    debugger::wait(&settings, window.waits_for_debugger());
    debugger::watch(&settings);
    run(window)
}

/// Calls the application; a program that returns has ended well.
fn run(window: Window) -> ! {
    let application = window.application();
    if cfg!(feature = "every-export") {
        every_export::run(window);
        console::end(0);
    }
    if application.start == 0 {
        fail(format_args!(
            "the module does not export `_start`, so there is nothing to run"
        ));
    }
    // SAFETY: `check_application` found both entries in the window's code, and `stack::END` ends the application's stack.
    unsafe { gate::run(application.instantiate, stack::END) };
    // SAFETY: as above.
    unsafe { gate::run(application.start, stack::END) };
    calls::end()
}

/// Finds the free memory and makes the page tables.
fn start_memory(processor: Processor, information: &StartInformation, window: Option<&Window>) {
    let mut frames = Frames::new();
    for range in information.memory() {
        frames.add(range.start, range.end);
    }
    let used = [
        PhysicalRange {
            start: 0,
            end: LOW_MEMORY_END,
        },
        PhysicalRange {
            start: KERNEL_PHYSICAL,
            end: paging::kernel_physical_end(),
        },
        PhysicalRange {
            start: WINDOW_PHYSICAL,
            end: window.map_or(WINDOW_PHYSICAL, |window| window.physical_end()),
        },
        information.module,
        information.command_line,
    ];
    for range in used {
        frames.exclude(range.start, range.end);
    }
    let free = frames.free_bytes();
    if free < START_BYTES_MIN {
        fail(format_args!(
            "the machine has {} KiB of memory left, and the kernel needs {} KiB to start: give it more (QEMU's `-m`)",
            free >> 10,
            START_BYTES_MIN >> 10,
        ));
    }
    physical::start(frames);
    let window = window.filter(|window| !window.is_parked());
    let bounds = window.map(Window::bounds);
    if paging::start(processor, information.memory(), bounds.as_ref()).is_err() {
        fail(format_args!(
            "the machine has too little memory for page tables: give it more (QEMU's `-m`)"
        ));
    }
}

/// Reads the command line and the configuration block.
fn read_settings(information: &StartInformation) -> Settings {
    let block = configuration(information);
    Settings::read(
        bytes(information.command_line),
        (!block.is_empty()).then_some(block),
    )
}

/// The configuration block; empty where there is none.
fn configuration(information: &StartInformation) -> &'static [u8] {
    bytes(information.module)
}

/// What the firmware put at `range`.
fn bytes(range: PhysicalRange) -> &'static [u8] {
    if range.start >= range.end
        || paging::translate(direct::pointer::<u8>(range.end - 1) as u64).is_none()
    {
        return &[];
    }
    // SAFETY: the firmware wrote the range, the direct map shows it, and it was taken out of the free memory.
    unsafe { direct::bytes(range.start, (range.end - range.start) as usize) }
}

/// Devices that WASI needs.
#[derive(Default)]
struct Devices {
    /// Ways to host folders, by their mount tags.
    folders: Vec<(Vec<u8>, virtio::ninep::HostFolder)>,
    /// Disks.
    disks: disks::Found,
    /// The network card.
    card: Option<virtio::net::NetworkCard>,
}

/// Brings up the console, the ways to host folders, disks and the first network card.
fn start_devices(settings: &Settings) -> Devices {
    let mut devices = Devices::default();
    for device in virtio::find::devices(&settings.devices) {
        match device.transport.device_type() {
            DeviceType::Console if !console::is_virtio() => {
                match virtio::console::Console::new(device) {
                    Ok(device) => console::start_virtio(device),
                    // A bus of ports that has none.
                    Err(ConsoleError::NoPort) => {}
                    Err(error) => {
                        console::warn(format_args!("the virtio console can't be used: {error:?}"));
                    }
                }
            }
            DeviceType::_9P => match virtio::ninep::HostFolder::new(device) {
                Some(folder) => devices.folders.push(folder),
                None => console::warn(format_args!("a 9p device can't be used")),
            },
            DeviceType::Block => devices.disks.add(device),
            DeviceType::Network if devices.card.is_none() => {
                devices.card = virtio::net::NetworkCard::new(device, settings.takes_long_segments);
                if devices.card.is_none() {
                    console::warn(format_args!("a network card can't be used"));
                }
            }
            _ => {}
        }
    }
    if !console::is_virtio() {
        serial::start_input();
    }
    devices
}

/// Maps and checks what the application needs before its first instruction.
fn start_application(processor: Processor, window: Window, settings: &Settings) {
    window.clear_zero_data();
    if let Err(why) = window.check_application() {
        fail_without_window(why);
    }
    WINDOW.call_once(|| window);
    let wanted = window.application().cpu_features;
    let missing = wanted & !processor.features();
    if missing != 0 {
        let mut names = alloc::string::String::new();
        for (_, name) in cpu::NAMES.iter().filter(|(bit, _)| missing & bit != 0) {
            names.push_str(if names.is_empty() { "" } else { ", " });
            names.push_str(name);
        }
        fail(format_args!(
            "the program is compiled for a processor with {names}, which this one does not have: \
             compile it for an older one, or give the machine another (QEMU's `-cpu max`, KVM for AVX-512)"
        ));
    }
    if !processor.enable_registers(wanted) {
        fail(format_args!(
            "the processor's registers need more room than interrupts save"
        ));
    }
    if let Err(why) = linear::start(&window) {
        fail(format_args!("the program's memories can't be used: {why}"));
    }
    if let Err(why) = table::start(&window) {
        fail(format_args!(
            "a table of the program can't be used: {why:?}"
        ));
    }
    console::tell_started(&window.build_id(), settings.epoch_ns);
}

/// Makes WASI's state: arguments, environment, folders, disks, network.
fn start_wasi(
    settings: &Settings,
    devices: Devices,
    packs: &[Pack<'static>],
    machine: &mut Machine,
) -> Wasi {
    if devices.card.is_none() && !settings.listeners.is_empty() {
        fail(format_args!(
            "the program is to listen, and the machine has no network card that can be used"
        ));
    }
    let network = devices.card.map(|card| {
        let mut seed = [0; 8];
        machine.fill_random(&mut seed);
        let budget_bytes = physical::free_bytes() / SOCKET_MEMORY_PARTS;
        Rc::new(RefCell::new(Network::new(
            Box::new(card),
            &settings.network,
            u64::from_le_bytes(seed),
            usize::try_from(budget_bytes).unwrap_or(usize::MAX),
            clock::now_ns(),
        )))
    });
    let mut mounts = folders::mount(&settings.mounts, devices.folders);
    folders::mount_temporaries(&settings.temporaries, &mut mounts);
    folders::mount_packs(packs, &mut mounts);
    let first = mounts.len() as u64 + 1;
    machine.disks = devices.disks.mount(&settings.disks, first, &mut mounts);
    let settings = wasi::Settings {
        arguments: settings.arguments.clone(),
        environment: settings.environment.clone(),
        mounts,
        terminals: settings.terminals,
        network,
        listeners: settings.listeners.clone(),
    };
    Wasi::new(settings).unwrap_or_else(|errno| fail(format_args!("WASI can't start: {errno:?}")))
}

fn fail_without_window(why: WindowError) -> ! {
    match why {
        WindowError::NoApplication => fail(format_args!(
            "no application: this is the kernel alone (`mewz build` links a program to it)"
        )),
        WindowError::Version(version) => fail(format_args!(
            "the application was linked for version {version} of the kernel's interface, which is not this one's"
        )),
        WindowError::Broken(what) => fail(format_args!("the application window is broken: {what}")),
        WindowError::TooLarge(end) => fail(format_args!(
            "the application needs memory up to {} KiB, which the machine does not have: give it more (QEMU's `-m`)",
            end.div_ceil(1024)
        )),
    }
}
