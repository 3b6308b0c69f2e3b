//! What was found about one thing, as people and programs read it.

use console::Style;
use serde::Serialize;

use super::super::failure::Failure;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Group {
    Machine,
    Languages,
    System,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// Not there, and nothing needs it.
    Absent,
    /// Something does not work for want of it.
    Problem,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) group: Group,
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) detail: String,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mended_by: Option<String>,
    /// What to do where no command does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

impl Finding {
    /// Adds the command that mends it, if there is one, else what a person can do.
    pub(super) fn mended_by(mut self, command: Option<String>, otherwise: &str) -> Self {
        match command {
            Some(command) => self.mended_by = Some(command),
            None => self.note = Some(otherwise.to_owned()),
        }
        self
    }

    /// Adds what a person can do.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// All findings for programs.
pub(super) fn json(findings: &[Finding]) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Report<'a> {
        version: &'static str,
        findings: &'a [Finding],
    }
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        findings,
    };
    serde_json::to_string_pretty(&report)
        .map(|text| text + "\n")
        .map_err(|problem| Failure::new("cannot write the findings").cause(problem))
}

/// All findings for people, by group.
pub(super) fn report(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    let mut group = None;
    for finding in findings {
        if group != Some(finding.group) {
            if group.is_some() {
                text.push('\n');
            }
            group = Some(finding.group);
            let title = match finding.group {
                Group::Machine => "Machines",
                Group::Languages => "Languages",
                Group::System => "This system",
            };
            text += &format!("{}\n", Style::new().bold().apply_to(title));
        }
        let (word, style) = match finding.status {
            Status::Ok => ("ok", Style::new().green()),
            Status::Absent => ("absent", Style::new().yellow()),
            Status::Problem => ("problem", Style::new().red().bold()),
        };
        let word = style.apply_to(format!("{word:7}"));
        text += &format!("  {word}  {:width$}  {}\n", finding.name, finding.detail);
        let indent = " ".repeat(width + 13);
        if let Some(command) = &finding.mended_by {
            text += &format!("{indent}mended by: {command}\n");
        }
        if let Some(note) = &finding.note {
            text += &format!("{indent}{note}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::finding as found;
    use super::{Group, Status, json, report};

    #[test]
    fn people_get_columns_and_programs_get_keys() {
        let findings = [
            found(Group::Machine, "QEMU", Status::Ok, "7.2"),
            found(Group::Languages, "C", Status::Problem, "no clang")
                .mended_by(Some("apt-get install clang".to_owned()), "get it"),
            found(Group::Languages, "Zig", Status::Absent, "not installed")
                .mended_by(None, "see ziglang.org"),
        ];
        assert_eq!(
            console::strip_ansi_codes(&report(&findings)),
            "Machines\n  ok       QEMU  7.2\n\nLanguages\n  problem  C     no clang\n                 mended by: \
             apt-get install clang\n  absent   Zig   not installed\n                 see ziglang.org\n"
        );
        let value: serde_json::Value = serde_json::from_str(&json(&findings).unwrap()).unwrap();
        assert_eq!(value["findings"][1]["status"], "problem");
        assert_eq!(value["findings"][1]["mended_by"], "apt-get install clang");
        assert_eq!(value["findings"][0].get("mended_by"), None);
    }
}
