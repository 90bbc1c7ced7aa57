//! What a judge marks: the submission of a student, and the programs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rhai::{Array, Dynamic, Map, NativeCallContext};

use self::languages::{LANGUAGES, Language};
use super::check::required;
use super::context;
use super::convert::Options;
use super::error::{OrRaise, ScriptResult, core_error, raise};
use super::graded::GradedRuns;
use super::lab::exec::{ExecOptions, Finished, limits, run, words};
use super::lab::host::HostObject;
use super::lab::program::LabProgram;
use super::lab::{ScriptLab, make_host};
use crate::limits::restriction::check_file;
use crate::net::error::{Error, ErrorKind};
use crate::net::lab::program::{COPY, OWN_PROGRAM, ProgramCommand, ProgramLimits, ProgramPlan, Sandbox};

mod languages;

/// How many of the files that were handed in are named.
const SHOWN: usize = 10;

/// What a compiler may use.
fn limits_of_builds() -> ProgramLimits {
    ProgramLimits {
        time: Some(60_000_000_000),
        cpu: Some(60_000),
        memory: Some(1 << 30),
        processes: Some(256),
        output: Some(1 << 20),
        disk: Some(256 << 20),
    }
}

/// What a program of a submission may use: what the judge says, and where it says nothing, what is usual.
fn with_usual_limits(limits: ProgramLimits) -> ProgramLimits {
    ProgramLimits {
        time: limits.time.or(Some(30_000_000_000)),
        cpu: limits.cpu.or(Some(10_000)),
        memory: limits.memory.or(Some(512 << 20)),
        processes: limits.processes.or(Some(64)),
        output: limits.output.or(Some(1 << 20)),
        disk: limits.disk.or(Some(32 << 20)),
    }
}

/// What runs in place of a program that cannot be run: the judge goes on, so that the points that there are to be had are known.
const NO_PROGRAM: &str = "false";

/// Most of what a compiler has to say that a student is shown, in characters.
const SAID: usize = 2_000;

/// What is judged. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Submission {
    dir: PathBuf,
}

impl Submission {
    /// The files in its directory itself, in the order of their names; links are none.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut names: Vec<String> = files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The file of the program `name`, and its language; or why there is none.
    fn find(&self, name: &str) -> Result<(String, &'static Language), String> {
        let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
        let language = |file: &String| {
            let (stem, ending) = file.rsplit_once('.')?;
            let language = LANGUAGES.iter().find(|language| language.ending == ending)?;
            (plain(stem) == plain(name)).then(|| (file.clone(), language))
        };
        let mut found: Vec<_> = self.files().iter().filter_map(language).collect();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some((last, _)), false) => {
                let others: Vec<String> = found.into_iter().map(|(file, _)| file).collect();
                Err(format!("there are {} and {last}: hand in one of them", others.join(", ")))
            }
            (None, _) => {
                let names: Vec<String> = LANGUAGES.iter().map(|language| language.file(name)).collect();
                let there = self.files();
                let some: Vec<&str> = there.iter().take(SHOWN).map(String::as_str).collect();
                let more = if there.len() > SHOWN { ", …" } else { "" };
                let there = if some.is_empty() { "no file".to_string() } else { some.join(", ") };
                Err(format!("hand in one of {}; what is there: {there}{more}", names.join(", ")))
            }
        }
    }
}

/// A program of a submission, ready to be run. Clones are the same one.
#[derive(Clone, Debug)]
pub struct SubmittedProgram {
    argv: Vec<String>,
    dir: Option<PathBuf>,
    limits: ProgramLimits,
    raw: bool,
}

impl SubmittedProgram {
    /// Its own words: this program is elsewhere in a sandbox.
    fn own_argv(&self, in_sandbox: bool) -> Vec<String> {
        let own = || std::env::current_exe().ok().filter(|_| !in_sandbox).map(|path| text(&path));
        let is_own = |word: &String| word == OWN_PROGRAM;
        self.argv.iter().map(|word| if is_own(word) { own().unwrap_or(word.clone()) } else { word.clone() }).collect()
    }

    /// How it is run with these arguments.
    fn plan(&self, ctx: &NativeCallContext, args: &Array, keeps: bool) -> ScriptResult<ProgramPlan> {
        let argv = if args.is_empty() { Vec::new() } else { words(ctx, args)? };
        let shows_own = self.argv.first().is_some_and(|program| program == OWN_PROGRAM);
        let sandbox = sandbox(Sandbox { raw: self.raw, keep: None, shows_own });
        let command = ProgramCommand {
            argv: self.own_argv(sandbox.is_some()).into_iter().chain(argv).collect(),
            dir: self.dir.as_deref().map(text),
            keeps,
            limits: self.limits.clone(),
            sandbox,
            ..ProgramCommand::default()
        };
        Ok(ProgramPlan { command, input: None, shown: false })
    }

    /// Has `start` start it. That the sandbox can have a copy of its directory is a requirement.
    fn started<T>(
        &self,
        ctx: &NativeCallContext,
        args: &Array,
        keeps: bool,
        start: impl Fn(ProgramPlan) -> ScriptResult<T>,
    ) -> ScriptResult<T> {
        let result = start(self.plan(ctx, args, keeps)?);
        let Some(error) = result.as_ref().err().and_then(|error| core_error(error)).filter(|error| error.op == COPY)
        else {
            return result;
        };
        required(ctx, "what was handed in can be run", &error.message, "files that can be copied", &error.hint)?;
        start(Self { argv: vec![NO_PROGRAM.to_string()], dir: None, ..self.clone() }.plan(ctx, args, keeps)?)
    }
}

/// A path as a word.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The sandbox, unless none is wanted.
fn sandbox(sandbox: Sandbox) -> Option<Sandbox> {
    (!context::current().run.part::<GradedRuns>().get().without_sandbox).then_some(sandbox)
}

/// The words of a command, for a file.
fn command(text: &str, file: &str) -> Vec<String> {
    let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
    text.split(' ').map(|word| word.replace("{file}", file).replace("{name}", name)).collect()
}

/// Builds a program in a lab of its own; the directory that has it, or what the compiler says.
fn build(ctx: &NativeCallContext, submission: &Submission, argv: Vec<String>) -> ScriptResult<Result<PathBuf, String>> {
    let judged = context::current().run.part::<GradedRuns>();
    let failed = |err: std::io::Error| Error::system("build", &err);
    let dir = match &judged.get().scratch {
        Some(scratch) if !judged.get().without_sandbox => {
            let dir = scratch.join(format!("built-{}", judged.built.fetch_add(1, Ordering::Relaxed)));
            fs::create_dir_all(&dir).map_err(failed).or_raise(ctx)?;
            Some(dir)
        }
        _ => None,
    };
    let lab = ScriptLab::create(&Default::default()).or_raise(ctx)?;
    let host = make_host(ctx, &lab, "build", &Default::default())?;
    let command = ProgramCommand {
        argv,
        dir: Some(text(&submission.dir)),
        limits: limits_of_builds(),
        sandbox: sandbox(Sandbox { keep: dir.as_deref().map(text), ..Sandbox::default() }),
        ..ProgramCommand::default()
    };
    let finished = run(ctx, &host, ExecOptions::new(ProgramPlan { command, input: None, shown: false }));
    lab.close();
    let failure = match finished {
        Ok(finished) => finished.failure(SAID),
        // For what was handed in, the judge is not to blame.
        Err(error) => match core_error(&error).filter(|error| error.op == COPY) {
            Some(error) => Some(error.message),
            None => return Err(error),
        },
    };
    Ok(failure.map_or_else(|| Ok(dir.unwrap_or_else(|| submission.dir.clone())), Err))
}

/// Finds a program and builds it; a check says whether that went well, and if not, nothing of it is judged.
fn program(
    ctx: &NativeCallContext,
    submission: &Submission,
    name: &str,
    options: &Map,
) -> ScriptResult<SubmittedProgram> {
    let (limits, raw) = Options::all(ctx, "program", options, |options| {
        let limits = options.value("limits").map(limits).transpose()?.unwrap_or_default();
        Ok((with_usual_limits(limits), options.flag("raw_sockets")?))
    })?;
    let ready = |argv, dir| SubmittedProgram { argv, dir, limits: limits.clone(), raw };
    let (what, found) = (format!("{name} is there and can be run"), submission.find(name));
    let (state, why) = match found {
        Err(why) => (format!("no program {name}"), why),
        Ok((file, language)) => {
            let built = match language.build {
                "" => Ok(submission.dir.clone()),
                build_by => build(ctx, submission, command(build_by, &file))?,
            };
            match built {
                Ok(dir) => {
                    required(ctx, &what, &file, &file, "")?;
                    return Ok(ready(command(language.run, &file), Some(dir)));
                }
                Err(why) => (format!("{file}, which cannot be built"), why),
            }
        }
    };
    required(ctx, &what, &state, "a program", &why)?;
    Ok(ready(vec![NO_PROGRAM.to_string()], None))
}

functions! {
    pub fn api;
    object Submission, "What a judge marks: the files that a student has handed in.";
    object SubmittedProgram as SubmittedProgram, "A program of a submission, ready to be run.";

    /// What is marked: the judge of `pingscript grade JUDGE DIR` is run once for each submission.
    ///
    /// Errors: `invalid`: the script was not started by `pingscript grade`.
    ///
    /// ```rhai
    /// let kind = "";
    /// try { submission(); } catch (e) { kind = e.kind; }
    /// expect(kind, "invalid");
    /// ```
    fn submission(ctx: NativeCallContext) -> ScriptResult<Submission> = {
        match &context::current().run.part::<GradedRuns>().get().submission {
            Some(dir) => Ok(Submission { dir: dir.clone() }),
            None => {
                let error = Error::invalid("submission", "there is no submission to be judged");
                raise(&ctx, error.with_hint("run it by: pingscript grade JUDGE.rhai DIRECTORY"))
            }
        }
    };

    /// A submission that is in this directory, to try a judge out without `pingscript grade`.
    ///
    /// Errors: `file`: there is no such directory.
    ///
    /// ```rhai
    /// expect(submission("/etc").name, "etc");
    /// ```
    fn submission(ctx: NativeCallContext, dir: &str) -> ScriptResult<Submission> = {
        check_file("submission", dir.as_ref()).or_raise(&ctx)?;
        match fs::canonicalize(dir) {
            Ok(dir) => Ok(Submission { dir }),
            Err(err) => raise(&ctx, Error { kind: ErrorKind::File, ..Error::system("submission", &err) }.with_peer(dir)),
        }
    };

    /// The name of the submission: that of its directory.
    ///
    /// ```rhai
    /// expect(submission("/etc").name, "etc");
    /// ```
    get name(submission: &mut Submission) -> String =
        submission.dir.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());

    /// The names of the files in the submission's directory; symbolic links are none.
    ///
    /// ```rhai
    /// check("there is a list of users", "passwd" in submission("/etc").files, true);
    /// ```
    get files(submission: &mut Submission) -> Array = submission.files().into_iter().map(Dynamic::from).collect();

    /// The program `name` of the submission, in whichever language it was handed in: `udp_pinger` is `udp_pinger.py`, `udp_pinger.c`,
    /// `UdpPinger.java` and so on. It is built if it has to be, in a sandbox. That it is there and can be built is a check: without
    /// it, nothing after it is judged.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let dir = "/tmp/pingscript-example-1";
    /// a.exec(["sh", "-c", `mkdir -p ${dir}; echo 'echo hello' > ${dir}/hello.sh`]);
    /// expect(`${submission(dir).program("hello")}`, "sh hello.sh");
    /// a.exec(["rm", "-r", dir]);
    /// ```
    fn program(ctx: NativeCallContext, submission: &mut Submission, name: &str) -> ScriptResult<SubmittedProgram> =
        program(&ctx, submission, name, &Map::new());

    /// The same with options: `limits`, as `exec` has them, for each run: those that are left out are 30 s, 10 s of processors, 512 MiB of
    /// memory, 64 processes, 1 MiB of output, 32 MiB of disk. `raw_sockets: true`: it may open these.
    ///
    /// Errors: `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let kind = "";
    /// try { submission("/etc").program("pinger", #{ raw: true }); } catch (e) { kind = e.kind; }
    /// expect(kind, "invalid");
    /// ```
    fn program as program_with(
        ctx: NativeCallContext, submission: &mut Submission, name: &str, options: Map,
    ) -> ScriptResult<SubmittedProgram> = program(&ctx, submission, name, &options);

    /// Runs the program in the host to its end, with these arguments, as `exec` does: in a sandbox, with the limits of the program.
    /// What it prints is not shown.
    ///
    /// Errors: `permission`: the system refuses a sandbox; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let dir = "/tmp/pingscript-example-2";
    /// a.exec(["sh", "-c", `mkdir -p ${dir}; echo 'echo $1; ls' > ${dir}/hello.sh`]);
    /// let hello = submission(dir).program("hello");
    /// expect(hello.exec(a, [5]).stdout, "5\nhello.sh\n");
    /// a.exec(["rm", "-r", dir]);
    /// ```
    fn exec(
        ctx: NativeCallContext, program: &mut SubmittedProgram, host: HostObject, args: Array,
    ) -> ScriptResult<Finished> =
        program.started(&ctx, &args, false, |plan| run(&ctx, &host, ExecOptions::new(plan)));

    /// Starts the program beside the judge, as `start_program` does: in a sandbox, with the limits of the program.
    ///
    /// Errors: as `exec(host, args)`.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let dir = "/tmp/pingscript-example-3";
    /// a.exec(["sh", "-c", `mkdir -p ${dir}; echo 'sleep 60' > ${dir}/server.sh`]);
    /// let server = submission(dir).program("server").start(a, []);
    /// expect(server.is_running, true);
    /// a.exec(["rm", "-r", dir]);
    /// ```
    fn start(
        ctx: NativeCallContext, program: &mut SubmittedProgram, host: HostObject, args: Array,
    ) -> ScriptResult<LabProgram> = program.started(&ctx, &args, true, |plan| LabProgram::start(&ctx, &host, plan));

    /// The submission in words.
    ///
    /// ```rhai
    /// expect(`${submission("/etc")}`, "submission /etc");
    /// ```
    fn to_string | to_debug(submission: &mut Submission) -> String = format!("submission {}", submission.dir.display());

    /// How the program is run.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let dir = "/tmp/pingscript-example-4";
    /// a.exec(["sh", "-c", `mkdir -p ${dir}; touch ${dir}/hello.py`]);
    /// expect(`${submission(dir).program("hello")}`, "python3 hello.py");
    /// a.exec(["rm", "-r", dir]);
    /// ```
    fn to_string | to_debug(program: &mut SubmittedProgram) -> String = program.argv.join(" ");
}
