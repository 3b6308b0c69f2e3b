//! The project: found, its settings read or inferred, its module built.

mod build;
mod explain;
mod infer;
mod keys;
mod layers;
mod mistake;
mod profile;
mod schema;
mod settings;
#[cfg(test)]
mod table;
mod text;
mod variables;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use self::build::{has_built, not_run};
pub(super) use self::explain::{Said, Speaker};
pub(super) use self::keys::{OnError, Ready, Reload};
use self::layers::{Layers, Origin, Rank};
pub(super) use self::profile::Profile;
pub(super) use self::schema::{SCHEMA_FILE, SCHEMA_LINE, text as schema_text};
pub(super) use self::settings::Settings;
use super::failure::Failure;
use super::words;

/// The project file's name.
pub(super) const FILE_NAME: &str = "mewz.toml";

/// The file beside it that is this user's alone; it comes before the other.
pub(super) const LOCAL_FILE_NAME: &str = "mewz.local.toml";

/// A folder whose program can be built.
#[derive(Debug)]
pub(super) struct Project {
    settings: Settings,
    /// What was inferred, where no file says how the module is made.
    inferred: Option<infer::Inferred>,
}

/// What a command works on.
#[derive(Debug)]
pub(super) enum Subject {
    /// A project, whose command makes the module.
    Project(Project),
    /// A module's file, with the settings of the environment.
    Module(PathBuf, Settings),
}

impl Subject {
    /// The module at `path`, the project in the folder there, or the project around the current folder.
    pub(super) fn find(path: Option<&Path>) -> Result<Self, Failure> {
        match path {
            Some(path) if !path.is_dir() => Ok(Subject::Module(
                path.to_owned(),
                Settings::of_environment()?,
            )),
            folder => Project::find(folder).map(Subject::Project),
        }
    }

    /// What holds unless the command line says otherwise.
    pub(super) fn settings(&self) -> &Settings {
        match self {
            Subject::Project(project) => project.settings(),
            Subject::Module(_, settings) => settings,
        }
    }

    /// The project, if it is one.
    pub(super) fn project(&self) -> Option<&Project> {
        match self {
            Subject::Project(project) => Some(project),
            Subject::Module(..) => None,
        }
    }

    /// Where the module is, or will be when the project is built.
    pub(super) fn module_path(&self, profile: Profile) -> PathBuf {
        match self {
            Subject::Project(project) => project.module_path(profile),
            Subject::Module(path, _) => path.clone(),
        }
    }

    /// The folder of the project, or the current one.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Subject::Project(project) => project.folder(),
            Subject::Module(..) => Path::new("."),
        }
    }
}

impl Project {
    /// The project in `folder`, or the innermost one around the current folder where none is named.
    pub(super) fn find(folder: Option<&Path>) -> Result<Self, Failure> {
        match folder {
            Some(folder) => Self::open(folder.to_owned(), true),
            None => Self::open(enclosing_folder()?, true),
        }
    }

    /// As [`Project::find`], where no module needs to be known, nor be there: the folder here is as good as any.
    pub(super) fn find_settings(folder: Option<&Path>) -> Result<Self, Failure> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => enclosing_folder().unwrap_or_else(|_| PathBuf::from(".")),
        };
        Self::open(folder, false)
    }

    /// As [`Project::find_settings`], with what is said where.
    pub(super) fn explain(folder: Option<&Path>) -> Result<(Self, Vec<Said>), Failure> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => enclosing_folder().unwrap_or_else(|_| PathBuf::from(".")),
        };
        let mut said = Vec::new();
        let project = Self::open_with(folder, false, |layers| said = explain::said(layers))?;
        Ok((project, said))
    }

    fn open(folder: PathBuf, needs_module: bool) -> Result<Self, Failure> {
        Self::open_with(folder, needs_module, |_| ())
    }

    fn open_with(
        folder: PathBuf,
        needs_module: bool,
        look: impl FnOnce(&Layers<'_>),
    ) -> Result<Self, Failure> {
        let file = read_file(&folder.join(FILE_NAME))?;
        let local_file = read_file(&folder.join(LOCAL_FILE_NAME))?;
        let variables = variables::ours(std::env::vars_os());
        let inferred_text: String;
        let mut layers = Layers::default();
        if let Some((path, text)) = &file {
            layers.add(Origin::File(path.clone()), text, Rank::Highest)?;
            if layers.value(&["mewz"]).is_none() {
                return Err(mistake::without_version(&path.display().to_string()));
            }
        }
        if let Some((path, text)) = &local_file {
            layers.add(Origin::File(path.clone()), text, Rank::Highest)?;
        }
        variables::add(&mut layers, &variables)?;
        let inferred = inferred(&folder, &layers, file.is_some(), needs_module)?;
        if let Some(inferred) = &inferred {
            inferred_text = inferred.text();
            let origin = Origin::Inferred(inferred.from.clone());
            layers.add(origin, &inferred_text, Rank::Lowest)?;
        }
        look(&layers);
        Ok(Self {
            settings: Settings::new(folder, &layers)?,
            inferred,
        })
    }

    /// What holds unless the command line says otherwise.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Says in a line what was inferred, if anything.
    pub(super) fn tell_inferred(&self) {
        if let Some(inferred) = &self.inferred {
            words::plain(inferred);
        }
    }

    /// The project file that says what was inferred; `None` where nothing was.
    pub(super) fn file_text(&self) -> Option<String> {
        let inferred = self.inferred.as_ref()?;
        Some(format!("{SCHEMA_LINE}\nmewz = 1\n\n{}", inferred.text()))
    }

    /// The name that is set, else the module's without its extension.
    pub(super) fn name(&self, profile: Profile) -> OsString {
        match &self.settings.keys.app.name {
            Some(name) => name.into(),
            None => self
                .module_path(profile)
                .file_stem()
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// The project's folder.
    pub(super) fn folder(&self) -> &Path {
        self.settings.folder()
    }

    /// The build command before its profile is filled in.
    pub(super) fn build_command(&self) -> Option<&str> {
        self.settings.keys.build.command.as_deref()
    }

    /// What is run to build the module, if anything.
    pub(super) fn command(&self, profile: Profile) -> Option<String> {
        Some(profile.expand(self.build_command()?))
    }

    fn wasm(&self) -> &str {
        self.settings.keys.build.wasm.as_deref().unwrap_or_default()
    }

    /// The module that the build command leaves.
    pub(super) fn module_path(&self, profile: Profile) -> PathBuf {
        self.folder().join(profile.expand(self.wasm()))
    }

    /// The files that the module is made of, as patterns; none where nobody says so.
    pub(super) fn watched(&self) -> &[String] {
        &self.settings.keys.build.watch
    }

    /// Names of the files in the project's folder that settings come from, or would.
    pub(super) fn settings_files(&self) -> Vec<String> {
        let inferred = self.inferred.as_ref().map(|inferred| inferred.from.clone());
        let own = [FILE_NAME, LOCAL_FILE_NAME].map(str::to_owned);
        own.into_iter().chain(inferred).collect()
    }
}

/// Writes the schema that the project file in `folder` names, or brings it up to date; nothing for a file that names none.
pub(super) fn refresh_schema(folder: &Path) {
    let names_it = std::fs::read_to_string(folder.join(FILE_NAME))
        .is_ok_and(|text| text.lines().any(|line| line.trim() == SCHEMA_LINE));
    if names_it && let Err(problem) = schema::refresh(folder) {
        words::warning(format_args!("cannot write `{SCHEMA_FILE}`: {problem}"));
    }
}

/// Whether `text` could be a project file.
pub(super) fn is_readable(text: &str) -> bool {
    let mut layers = Layers::default();
    let origin = Origin::File(PathBuf::from(FILE_NAME));
    layers
        .add(origin, text, Rank::Highest)
        .and_then(|()| layers.keys())
        .is_ok_and(|keys| keys.mewz.is_some())
}

/// What the file at `path` says, and its name for people.
fn read_file(path: &Path) -> Result<Option<(PathBuf, String)>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let path = path.strip_prefix(".").unwrap_or(path);
            Ok(Some((path.to_owned(), text)))
        }
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => {
            Err(Failure::new(format!("cannot read `{}`", path.display())).cause(problem))
        }
    }
}

/// How the module is made where nobody says so.
fn inferred(
    folder: &Path,
    layers: &Layers<'_>,
    has_file: bool,
    needs_module: bool,
) -> Result<Option<infer::Inferred>, Failure> {
    if layers.value(&["build", "wasm"]).is_some() {
        return Ok(None);
    }
    let has_command = layers.value(&["build", "command"]).is_some();
    let name = layers.value(&["app", "name"]);
    let name = name.and_then(|name| name.get_ref().as_str());
    match (has_command, needs_module) {
        (true, false) => return Ok(None),
        (true, true) => {
            return Err(without_wasm(folder, "`command` stands there without it"));
        }
        // What can't be inferred is told to whoever needs it.
        (false, false) => return Ok(infer::infer(folder, name).unwrap_or_default()),
        (false, true) => {}
    }
    if let Some(inferred) = infer::infer(folder, name)? {
        return Ok(Some(inferred));
    }
    if has_file {
        return Err(without_wasm(folder, infer::NOTHING_KNOWN));
    }
    Err(
        Failure::new(format!("`{}` is no project", folder.display()))
            .cause(format!(
                "it holds no `{FILE_NAME}`, and {}",
                infer::NOTHING_KNOWN
            ))
            .hint("name a `.wasm` or `.wat` file, or begin a project with `mewz new`"),
    )
}

fn without_wasm(folder: &Path, why: &str) -> Failure {
    let file = folder.join(FILE_NAME);
    Failure::usage(format!("`{}` does not say what the build leaves", file.display()))
        .cause(format!("there is no key `wasm` below `[build]`, and {why}"))
        .hint("`wasm = \"target/app.wasm\"` below `[build]` names the module, and `command = \"…\"` there makes it")
}

fn enclosing_folder() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|problem| Failure::new("there is no current folder").cause(problem))?;
    let has_file = |folder: &&Path| folder.join(FILE_NAME).is_file();
    let found = here
        .ancestors()
        .find(has_file)
        .or_else(|| here.ancestors().find(|folder| infer::has_manifest(folder)))
        .or_else(|| infer::has_sources(&here).then_some(&here));
    match found {
        // As short as it can be said.
        Some(folder) if folder == here => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_owned()),
        None => Err(Failure::usage("nothing to run is named")
            .cause(format!(
                "neither this folder nor one around it holds a `{FILE_NAME}`, and {}",
                infer::NOTHING_KNOWN
            ))
            .hint("name a `.wasm` or `.wat` file, or begin a project with `mewz new`")),
    }
}
