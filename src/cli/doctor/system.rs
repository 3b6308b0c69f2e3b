//! Limits of this system, its disk, and the ports of the project here.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

use super::super::cache::Cache;
use super::super::packages::as_root;
use super::super::project::Project;
use super::finding;
use super::finding::{Finding, Group, Status};

/// Folders and files that one user may watch: fewer are soon used up by an editor beside `mewz dev`.
const WATCHES_LEAST: u64 = 65_536;

/// Watchers that one user may have.
const WATCHERS_LEAST: u64 = 128;

/// Room that a build, the cache and a machine's files want.
const DISK_BYTES_LEAST: u64 = 1 << 30;

/// Looks at all of them.
pub(super) fn look(project: Option<&Project>, cache: Option<&Cache>) -> Vec<Finding> {
    let mut findings = vec![
        limit("max_user_watches", "files watched", WATCHES_LEAST, 524_288),
        limit("max_user_instances", "watchers", WATCHERS_LEAST, 512),
        kept(cache),
        disk("temporary files", &std::env::temp_dir()),
    ];
    if let Some(project) = project {
        findings.extend(ports(project));
    }
    findings
}

fn limit(name: &str, title: &'static str, least: u64, better: u64) -> Finding {
    let found = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"));
    let value = found.ok().and_then(|text| text.trim().parse::<u64>().ok());
    match value {
        Some(value) if value >= least => {
            finding(Group::System, title, Status::Ok, format!("up to {value}"))
        }
        Some(value) => {
            let command = as_root(&format!("sysctl fs.inotify.{name}={better}"));
            let detail = format!("up to {value}, which large projects may use up");
            finding(Group::System, title, Status::Absent, detail)
                .mended_by(Some(command), "")
                .note("until the next start of this system; /etc/sysctl.d keeps it")
        }
        None => finding(
            Group::System,
            title,
            Status::Absent,
            "this system tells of no limit",
        ),
    }
}

fn kept(cache: Option<&Cache>) -> Finding {
    let title = "cache";
    let Some(cache) = cache else {
        return finding(
            Group::System,
            title,
            Status::Absent,
            "neither XDG_CACHE_HOME nor HOME names a folder: all is compiled each time",
        );
    };
    let folder = cache.folder();
    let tried = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    match tried {
        Ok(_) => disk(title, folder),
        Err(problem) => finding(
            Group::System,
            title,
            Status::Absent,
            format!("`{}` cannot be written: {problem}", folder.display()),
        )
        .note("all is compiled each time"),
    }
}

fn disk(title: &'static str, folder: &Path) -> Finding {
    let at = folder.display();
    match rustix::fs::statvfs(folder) {
        Ok(status) => {
            let bytes = status.f_bavail.saturating_mul(status.f_frsize);
            let free = indicatif::HumanBytes(bytes);
            if bytes < DISK_BYTES_LEAST {
                finding(
                    Group::System,
                    title,
                    Status::Problem,
                    format!("only {free} are free at `{at}`"),
                )
                .note("make room, or name another place: TMPDIR, XDG_CACHE_HOME")
            } else {
                finding(
                    Group::System,
                    title,
                    Status::Ok,
                    format!("{free} free at `{at}`"),
                )
            }
        }
        Err(problem) => finding(
            Group::System,
            title,
            Status::Problem,
            format!("`{at}`: {problem}"),
        ),
    }
}

/// One finding for all ports of the project that can't be had.
fn ports(project: &Project) -> Option<Finding> {
    let host_ports = project.settings().run().ports.iter().filter_map(|pair| {
        let port = pair.host?;
        let is_free = if pair.is_udp {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        } else {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        };
        Some((port, is_free))
    });
    let (free, taken): (Vec<_>, Vec<_>) = host_ports.partition(|(_, is_free)| *is_free);
    let list = |ports: &[(u16, bool)]| {
        let ports: Vec<String> = ports.iter().map(|(port, _)| port.to_string()).collect();
        ports.join(", ")
    };
    match (&free[..], &taken[..]) {
        ([], []) => None,
        (free, []) => Some(finding(
            Group::System,
            "ports",
            Status::Ok,
            format!("free: {}", list(free)),
        )),
        (_, taken) => Some(
            finding(
                Group::System,
                "ports",
                Status::Problem,
                format!("in use: {}", list(taken)),
            )
            .note("`ss -ltnp` tells by whom; `auto:GUEST` takes any free one"),
        ),
    }
}
