//! A recording for the Firefox profiler.

use std::time::SystemTime;

use fxprof_processed_profile::{
    CategoryColor, CpuDelta, Frame, FrameFlags, FrameInfo, Profile, SamplingInterval, Timestamp,
};

use super::frames::{Resolver, World};
use super::stacks::{Recording, named};
use crate::cli::failure::Failure;

/// The recording in the profiler's processed format.
pub(super) fn text(
    recording: &Recording<'_>,
    resolver: &mut Resolver<'_>,
    name: &str,
    start: SystemTime,
    hz: u32,
) -> Result<String, Failure> {
    let interval_ns = 1_000_000_000 / u64::from(hz.max(1));
    let interval = SamplingInterval::from_nanos(interval_ns);
    let mut profile = Profile::new("mewz", start.into(), interval);
    profile.set_symbolicated(true);
    let worlds = [
        (World::Application, "program", CategoryColor::Yellow),
        (World::Library, "library", CategoryColor::Orange),
        (World::Wasi, "WASI", CategoryColor::Green),
        (World::Kernel, "kernel", CategoryColor::Blue),
    ]
    .map(|(world, name, color)| (world, profile.add_category(name, color)));
    let zero = Timestamp::from_nanos_since_reference(0);
    let process = profile.add_process(name, 1, zero);
    let thread = profile.add_thread(process, 1, zero, true);
    for (time_ns, addresses) in recording.samples() {
        let is_asleep = addresses.is_empty();
        let mut stack = None;
        for frame in named(addresses, resolver) {
            let category = worlds
                .iter()
                .find(|(world, _)| *world == frame.world)
                .map_or(worlds[0].1, |(_, category)| *category);
            let label = Frame::Label(profile.intern_string(&frame.name));
            let info = FrameInfo {
                frame: label,
                category_pair: category.into(),
                flags: FrameFlags::empty(),
            };
            let frame = profile.intern_frame(thread, info);
            stack = Some(profile.intern_stack(thread, stack, frame));
        }
        let busy = if is_asleep {
            CpuDelta::ZERO
        } else {
            CpuDelta::from_nanos(interval_ns)
        };
        let time = Timestamp::from_nanos_since_reference(time_ns);
        profile.add_sample(thread, time, stack, busy, 1);
    }
    serde_json::to_string(&profile)
        .map_err(|problem| Failure::new("cannot write the profile").cause(problem))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::frames::Resolver;
    use super::super::stacks::Recording;
    use super::text;

    #[test]
    fn samples_are_there_with_times_and_names() {
        let words = [1, 200, 0x8000_0000, 0, 300].map(u32::to_le_bytes);
        let recording = Recording::new(words.as_flattened(), true);
        let mut resolver = Resolver::new(&[], &[]);
        let text = text(
            &recording,
            &mut resolver,
            "app",
            SystemTime::UNIX_EPOCH,
            1000,
        )
        .unwrap();
        let profile: serde_json::Value = serde_json::from_str(&text).unwrap();
        let thread = &profile["threads"][0];
        assert_eq!(thread["samples"]["length"], 2);
        assert!(text.contains("\"unknown\"") && text.contains("\"sleeps\""));
    }
}
