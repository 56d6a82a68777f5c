//! Versions
//!
//! Which library this is, and whether a program that uses it has given back all objects.

use super::boundary::{guard, handle};
use std::ffi::c_char;

/// The version of this header. `MAJOR.MINOR.PATCH`, as in semantic versioning.
/// @since 0.1
pub const FBAT_VERSION_MAJOR: u32 = 0u32;
/// See #FBAT_VERSION_MAJOR.
/// @since 0.1
pub const FBAT_VERSION_MINOR: u32 = 2u32;
/// See #FBAT_VERSION_MAJOR.
/// @since 0.1
pub const FBAT_VERSION_PATCH: u32 = 0u32;
/// The version of the binary interface that this header describes. It changes when programs have
/// to be compiled again, and the soname of the library changes with it.
/// @since 0.1
pub const FBAT_ABI_VERSION: u32 = 2u32;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The version of the library that is loaded, for example "0.2.0".
///
/// Compare it with #FBAT_VERSION, which is that of the header.
/// @return static text, never NULL.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_version_string() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// The version of the binary interface of the library that is loaded.
///
/// A program that loads the library at run time compares it with #FBAT_ABI_VERSION and goes no
/// further when they differ.
/// @return the number.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_abi_version() -> u32 {
    FBAT_ABI_VERSION
}

/// How many objects of this library are live in the process: everything with a `_free` function
/// that was not freed.
///
/// Objects live in a table of the library, where leak checkers do not look: a test that ends with
/// 0 here has freed everything.
/// @return the number. What was made before a fork is not counted in the child.
/// @par Threads
/// Any.
/// @since 0.1
#[no_mangle]
pub extern "C" fn fbat_live_handles() -> usize {
    guard::value(0, handle::live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_agree_with_the_package() {
        let numbers = format!("{FBAT_VERSION_MAJOR}.{FBAT_VERSION_MINOR}.{FBAT_VERSION_PATCH}");
        assert_eq!(numbers, env!("CARGO_PKG_VERSION"));
        assert_eq!(VERSION.trim_end_matches('\0'), numbers);
    }
}
