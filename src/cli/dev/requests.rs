//! What people ask for: keys, and the control socket.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

use super::control::Request;
use super::machines::Crew;
use super::work::{Next, Work};
use crate::cli::{heap, values};

impl Work {
    pub(super) fn on_key(&mut self, key: u8) -> Next {
        match key {
            b'r' => {
                self.screen.say("building again");
                let choices = self.setup.choices;
                let instances = usize::from(choices.instances);
                self.machines
                    .replan(self.setup.plan.clone(), choices.reload, instances);
                self.build(Vec::new(), Instant::now());
            }
            b' ' => self.pause(!self.is_paused),
            b'c' => self.screen.clear(),
            b'l' => self.next_log_level(),
            b'w' => self.trace(!self.machines.is_traced),
            b'n' => self.tell_network(),
            b'm' => self.tell_memory(),
            b'o' => self.open_url(),
            b'd' => self.debug(),
            b'h' | b'?' => self.help(),
            b'q' => return Next::End(0),
            _ => {}
        }
        Next::Go
    }

    pub(super) fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        if is_paused {
            self.screen
                .say("paused: saves are noted and not built (space: go on)");
            return;
        }
        self.screen.say("going on");
        if !self.changed.is_empty() {
            self.build(Vec::new(), Instant::now());
        }
    }

    /// Tells the program's calls of WASI from now on, or no more.
    pub(super) fn trace(&mut self, is_traced: bool) {
        if is_traced && !self.setup.source.making.kernel.is_debuggable {
            self.screen
                .warn("this kernel cannot tell the program's calls of WASI");
            return;
        }
        self.machines.trace(is_traced);
        self.screen.say(match is_traced {
            true => "calls of WASI are told (w: no more)",
            false => "calls of WASI are told no more",
        });
    }

    pub(super) fn next_log_level(&mut self) {
        let now = self.log_level.unwrap_or(self.setup.plan.wishes.log_level);
        let levels = values::LOG_LEVELS;
        let at = levels.iter().position(|(_, level)| *level == now);
        let (name, level) = levels[at.map_or(0, |at| (at + 1) % levels.len())];
        self.log_level = Some(level);
        self.screen.say(&format!("the kernel's log: {name}"));
    }

    pub(super) fn tell_network(&mut self) {
        if self.urls.is_empty() {
            self.screen
                .say("no port is forwarded (`--publish`, or `ports` below `[run]`)");
        }
        for url in self.urls.clone() {
            let guest = url.guest;
            let to = match &self.machines.serving {
                Some(crew) => format!("port {guest} of #{}", crew.number()),
                None => "nothing: no program serves".to_owned(),
            };
            self.screen.say(&format!("{} leads to {to}", url.url()));
        }
    }

    pub(super) fn tell_memory(&mut self) {
        let own = resident_bytes(std::process::id());
        let mut text = format!("mewz: {}", indicatif::HumanBytes(own));
        let crews = self.machines.serving.iter().chain(&self.machines.next);
        for crew in crews.chain(&self.machines.old) {
            for member in &crew.members {
                let bytes = resident_bytes(member.guest.process_id());
                let bytes = indicatif::HumanBytes(bytes);
                text.push_str(&format!(", #{}: {bytes}", crew.number()));
            }
        }
        for id in self.machines.parked_processes() {
            let bytes = indicatif::HumanBytes(resident_bytes(id));
            text.push_str(&format!(", waiting: {bytes}"));
        }
        self.screen.say(&text);
    }

    pub(super) fn open_url(&mut self) {
        let Some(url) = self.urls.iter().find(|url| !url.is_udp) else {
            self.screen
                .say("no port is forwarded, so there is nothing to open");
            return;
        };
        let url = url.url();
        let mut command = Command::new("xdg-open");
        heap::keep_from(&mut command);
        let command = command.arg(&url).stdin(Stdio::null());
        match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
            Err(_) => self.screen.say(&format!("open {url} in a browser")),
        }
    }

    pub(super) fn help(&mut self) {
        self.screen.say(
            "r  rebuild, on a machine that is booted anew\n\
             space  pause, go on\n\
             c  clear the terminal\n\
             l  next level of the kernel's log\n\
             w  tell the program's calls of WASI, or no more\n\
             n  where ports lead\n\
             m  memory in use\n\
             o  open the first port in a browser\n\
             d  gdb, on the program that crashed or runs\n\
             q  quit, as Ctrl-C",
        );
    }

    pub(super) fn answer(&mut self, request: Request) -> String {
        match request {
            Request::Reload => self.build(Vec::new(), Instant::now()),
            Request::Pause(is_paused) => self.pause(is_paused),
            Request::Trace(is_traced) => self.trace(is_traced),
            Request::Status => {}
            Request::Debug(machine) => {
                return self.way_for_others(machine.map(|machine| machine.get() - 1));
            }
            Request::Logs => {
                let lines: Vec<&str> = self.screen.history().collect();
                return json!({ "lines": lines }).to_string();
            }
        }
        json!({
            "number": self.number,
            "building": self.building.as_ref().map(|save| save.number),
            "starting": self.machines.is_launching(),
            "waiting": self.machines.waiting(),
            "serving": self.machines.serving.as_ref().map(Crew::number),
            "crashed": self.machines.crashed.as_ref().map(|crashed| crashed.number),
            "debugger": self.debugging.describe(),
            "paused": self.is_paused,
            "instances": self.machines.instances,
            "tracing": self.machines.is_traced,
            "failed": self.failed.as_ref().map(|page| &page.title),
            "ports": self.urls.iter().map(|url| json!({ "host": url.host, "guest": url.guest, "udp": url.is_udp }))
                .collect::<Vec<_>>(),
        })
        .to_string()
    }
}

/// Memory of a process that is in use, as the system counts it.
fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) << 10
}
