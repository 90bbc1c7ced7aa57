//! The AppArmor profile that lets this program make labs where ordinary users' namespaces have no rights (Ubuntu 23.10 and
//! later: `kernel.apparmor_restrict_unprivileged_userns`).

use std::path::Path;

/// Where the profile is kept.
pub const FILE: &str = "/etc/apparmor.d/pingscript";

/// The profile for the program in the file `program`: it restricts nothing, and allows user namespaces.
pub fn profile(program: &Path) -> String {
    include_str!("apparmor.txt").replace("{program}", &pattern(program))
}

/// The path as a pattern that matches it alone (apparmor.d(5)).
fn pattern(path: &Path) -> String {
    let mut text = String::new();
    for c in path.display().to_string().chars() {
        if "*?[]{}^\"\\".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_for_one_file() {
        let text = profile(Path::new("/opt/lab tools/ping*script"));
        assert!(text.contains(r#"profile pingscript "/opt/lab tools/ping\*script" flags=(unconfined) {"#), "{text}");
    }
}
