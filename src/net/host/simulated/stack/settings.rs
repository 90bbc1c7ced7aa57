//! The settings of a simulated host, by the paths that they have beneath /proc/sys.

use super::Stack;
use crate::net::time::Duration;

/// Why a setting was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// A simulated host has none of this name.
    Unknown,
    /// It takes other values: which.
    Value(&'static str),
}

/// The settings there are, as sysctl(8) names them.
pub const SETTINGS: &[&str] = &[
    "net.ipv4.icmp_msgs_burst",
    "net.ipv4.icmp_msgs_per_sec",
    "net.ipv4.icmp_ratelimit",
    "net.ipv4.icmp_ratemask",
    "net.ipv4.ip_default_ttl",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_congestion_control",
    "net.ipv6.conf.all.hop_limit",
    "net.ipv6.icmp.ratelimit",
    "net.ipv6.icmp.ratemask",
];

impl Stack {
    /// Writes a setting.
    ///
    /// # Errors
    /// There is none of this name, or it does not take this value.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), SettingError> {
        let (value, limits) = (value.trim(), &mut self.limits);
        match path {
            "net/ipv4/ip_default_ttl" => self.default_ttl.0 = number(value, 1, 255, "1 to 255 hops")?,
            "net/ipv6/conf/all/hop_limit" | "net/ipv6/conf/default/hop_limit" => {
                self.default_ttl.1 = number(value, 1, 255, "1 to 255 hops")?;
            }
            "net/ipv4/icmp_ratelimit" => limits.apart[0] = milliseconds(value)?,
            "net/ipv6/icmp/ratelimit" => limits.apart[1] = milliseconds(value)?,
            "net/ipv4/icmp_ratemask" => limits.mask = number(value, 0, u64::from(u32::MAX), "a mask of types")?,
            "net/ipv6/icmp/ratemask" => limits.mask_v6 = types(value).ok_or(SettingError::Value(TYPES))?,
            "net/ipv4/icmp_msgs_per_sec" => limits.per_second = number(value, 0, 1 << 31, "errors a second")?,
            "net/ipv4/icmp_msgs_burst" => limits.burst = number(value, 0, 1 << 31, "errors")?,
            "net/ipv4/ip_local_port_range" => self.ports = ports(value).ok_or(SettingError::Value("two ports"))?,
            "net/ipv4/tcp_congestion_control" => {
                self.tcp.is_reno = match value {
                    "cubic" => false,
                    "reno" => true,
                    _ => return Err(SettingError::Value("cubic or reno")),
                };
            }
            _ => return Err(SettingError::Unknown),
        }
        Ok(())
    }
}

const TYPES: &str = "types and ranges of them, such as 0-1,3-127";

fn number<T: TryFrom<u64>>(text: &str, least: u64, most: u64, what: &'static str) -> Result<T, SettingError> {
    let number = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or(SettingError::Value(what))
}

fn milliseconds(text: &str) -> Result<Duration, SettingError> {
    number(text, 0, 1 << 31, "milliseconds").map(Duration::from_millis)
}

fn types(text: &str) -> Option<Vec<std::ops::RangeInclusive<u8>>> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(range).collect()
}

fn ports(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let mut parts = text.split_whitespace().map(|part| part.parse::<u16>().ok().filter(|port| *port > 0));
    let (first, last) = (parts.next()??, parts.next()??);
    (first <= last && parts.next().is_none()).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_take_what_linux_takes() {
        let mut stack = Stack::new(&[], false);
        for (path, value) in [
            ("net/ipv4/icmp_ratemask", "6168"),
            ("net/ipv4/ip_local_port_range", "40000\t40007\n"),
            ("net/ipv6/icmp/ratemask", "0-1,3-127"),
            ("net/ipv6/icmp/ratemask", ""),
            ("net/ipv4/tcp_congestion_control", "reno"),
        ] {
            assert_eq!(stack.set(path, value), Ok(()), "{path}");
        }
        assert_eq!((stack.ports.clone(), stack.tcp.is_reno), (40_000..=40_007, true));
        for (path, value) in [
            ("net/ipv4/ip_default_ttl", "0"),
            ("net/ipv4/ip_local_port_range", "9 8"),
            ("net/ipv4/ip_local_port_range", "8"),
            ("net/ipv6/icmp/ratemask", "3-300"),
            ("net/ipv4/tcp_congestion_control", "bbr"),
        ] {
            assert!(matches!(stack.set(path, value), Err(SettingError::Value(_))), "{path}");
        }
        assert_eq!(stack.set("net/ipv4/ip_forward", "1"), Err(SettingError::Unknown));
        for name in SETTINGS {
            assert_ne!(stack.set(&name.replace('.', "/"), "x"), Err(SettingError::Unknown), "{name}");
        }
    }
}
