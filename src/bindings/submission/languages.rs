//! The languages in which programs are handed in.

/// A language, by the ending of its files: how a program is built, if it has to be, and run. `{file}` is the file, `{name}` its name
/// without the ending.
pub(super) struct Language {
    pub(super) ending: &'static str,
    pub(super) build: &'static str,
    pub(super) run: &'static str,
}

/// Those that are known.
pub(super) const LANGUAGES: [Language; 6] = [
    Language { ending: "py", build: "", run: "python3 {file}" },
    Language { ending: "c", build: "gcc -O1 -g -pthread -o {name} {file} -lm", run: "./{name}" },
    Language { ending: "cpp", build: "g++ -O1 -g -pthread -o {name} {file}", run: "./{name}" },
    Language {
        ending: "java",
        build: "javac -J-XX:+UseSerialGC -d . {file}",
        run: "java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp . {name}",
    },
    Language { ending: "sh", build: "", run: "sh {file}" },
    // Its network is that of its host.
    Language { ending: "rhai", build: "", run: "/pingscript --restrict --in-lab ./{file}" },
];

impl Language {
    /// What a program is called in it.
    pub(super) fn file(&self, name: &str) -> String {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        match self.ending {
            "java" => {
                name.split('_').filter(|word| word.is_ascii() && !word.is_empty()).map(capital).collect::<String>()
                    + ".java"
            }
            ending => format!("{name}.{ending}"),
        }
    }
}
