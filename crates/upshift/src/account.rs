//! The names of the accounts of this machine.

use std::os::unix::fs::MetadataExt as _;

/// The name of the account that this process runs as; `None` if the system does not say.
pub(crate) fn process_account() -> Option<String> {
    let process = std::fs::metadata("/proc/self").ok()?;
    Some(account_name(process.uid()))
}

/// The name of an account, else its number.
pub(crate) fn account_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    // Users of a directory service are not in the file.
    name_in_passwd(uid, &users).unwrap_or_else(|| format!("uid {uid}"))
}

/// The name of `uid` in the lines `name:password:uid:…` of `users`.
fn name_in_passwd(uid: u32, users: &str) -> Option<String> {
    for user in users.lines() {
        let fields: Vec<&str> = user.split(':').collect();
        if let [name, _, number, ..] = fields.as_slice()
            && !name.is_empty()
            && number.parse() == Ok(uid)
        {
            return Some((*name).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every change that a service or a container made was signed with the same made-up name.
    #[test]
    fn a_user_without_a_variable_has_the_name_of_the_system() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(
            (name_in_passwd(1_000, users).as_deref(), name_in_passwd(0, users).as_deref()),
            (Some("ada"), Some("root"))
        );
        assert_eq!((name_in_passwd(7, users), name_in_passwd(1_000, "")), (None, None));
    }
}
