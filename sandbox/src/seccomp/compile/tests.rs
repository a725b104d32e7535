//! Runs compiled programs in an interpreter, for every call number of every ABI.

use super::*;
use crate::capability_sets;
use crate::seccomp::abi::{ARM_ABIS, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, X32_BIT, X86_ABIS};

/// Returns a process in a user namespace of many IDs.
fn subject(capabilities: u64) -> Subject {
    Subject { capabilities, has_single_id: false }
}

/// Runs `program` as the kernel does and returns its answer to a call.
fn interpret(program: &[Instruction], arch: u32, number: u32, argument: u32) -> u32 {
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let Instruction { code, if_true, if_false, k } = program[at];
        at += 1;
        let taken = match code {
            LOAD => {
                accumulator = match k {
                    NUMBER => number,
                    ARCH => arch,
                    FIRST_ARGUMENT => argument,
                    _ => panic!("load from {k}"),
                };
                continue;
            }
            JUMP => {
                at += k as usize;
                continue;
            }
            RETURN => return k,
            JUMP_IF_EQUAL => accumulator == k,
            JUMP_IF_AT_LEAST => accumulator >= k,
            JUMP_IF_ANY_BIT => accumulator & k != 0,
            _ => panic!("instruction {code:#x}"),
        };
        at += usize::from(if taken { if_true } else { if_false });
    }
}

/// Returns the verdict without compiling anything: looks the number up and judges the name.
fn by_definition(abi: &Abi, names: &BTreeMap<u32, &str>, number: u32, capabilities: u64) -> Verdict {
    let (offset, table) = abi.tables.iter().rev().find(|(offset, _)| number >= *offset).unwrap();
    let last = calls(table).last().unwrap().0 + offset;
    match names.get(&number) {
        Some(name) => verdict(name, capabilities),
        None if number > last => UNKNOWN,
        None => REFUSED,
    }
}

fn expected(verdict: Verdict, argument: u32) -> u32 {
    let allowed = match verdict {
        Verdict::Allow => true,
        Verdict::Refuse(errno) => return RETURN_ERRNO | u32::from(errno),
        Verdict::Depends(ArgumentRule::Clone) => argument & NAMESPACE_FLAGS == 0,
        Verdict::Depends(ArgumentRule::Personality) => PERSONALITIES.contains(&argument),
        Verdict::Depends(ArgumentRule::Socket) => {
            FAMILIES.iter().any(|(first, last)| (*first..=*last).contains(&argument))
        }
    };
    if allowed { RETURN_ALLOW } else { RETURN_ERRNO | libc::EPERM as u32 }
}

/// First arguments beside 0 to 63: flags of `clone`, personalities, and values at the ends of the range.
const ARGUMENTS: [u32; 10] = [
    0x11,
    0x2_0000,
    0x2_0008,
    0x1000_0000,
    0x7e02_0000,
    0x003d_0f00,
    0x0200_0000,
    0x7fff_ffff,
    0xffff_fffe,
    0xffff_ffff,
];

fn check_all(abis: &[Abi], capabilities: u64) {
    let program = program(abis, subject(capabilities));
    assert!(program.len() < 1200, "{} instructions", program.len());
    for abi in abis {
        let names = abi
            .tables
            .iter()
            .flat_map(|(offset, table)| calls(table).map(move |call| (call.0 + offset, call.1)));
        let names: BTreeMap<u32, &str> = names.collect();
        let small = abi.tables.iter().flat_map(|(offset, _)| *offset..offset + 700);
        let large = (0xf0000..0xf0010).chain([u32::MAX, u32::MAX - 1, X32_BIT - 1, X32_BIT, 1 << 31]);
        for number in small.chain(large) {
            let verdict = by_definition(abi, &names, number, capabilities);
            let depends = matches!(verdict, Verdict::Depends(_));
            for argument in (0..if depends { 64 } else { 1 }).chain(ARGUMENTS) {
                let answer = interpret(&program, abi.arch, number, argument);
                let context = (abi.arch, number, argument);
                assert_eq!(answer, expected(verdict, argument), "{context:#x?}");
            }
        }
    }
}

#[test]
fn every_number_gets_its_verdict() {
    for abis in [X86_ABIS, ARM_ABIS] {
        for capabilities in [capability_sets::DEFAULT, 0, capability_sets::ALL] {
            check_all(abis, capabilities);
        }
    }
}

#[test]
fn calls_through_an_unlisted_abi_are_refused() {
    let program = program(X86_ABIS, subject(capability_sets::DEFAULT));
    for arch in [0, 0xc000_00b7, u32::MAX] {
        assert_eq!(interpret(&program, arch, 0, 0), RETURN_ERRNO | libc::EPERM as u32);
    }
}

#[test]
fn sockets_of_rarely_used_families_are_refused() {
    let program = program(X86_ABIS, subject(capability_sets::DEFAULT));
    let refused: Vec<u32> = (0..64)
        .filter(|family| {
            interpret(&program, AUDIT_ARCH_X86_64, libc::SYS_socket as u32, *family) != RETURN_ALLOW
        })
        .collect();
    let expected: Vec<u32> = [12, 19, 20, 23, 25, 34, 37, 38, 40].into_iter().chain(46..64).collect();
    assert_eq!(refused, expected);
}

/// As in docker's profile. A filter cannot see the family that a 32-bit program passes to `socketcall`, and without
/// this call the program would have no network.
#[test]
fn socketcall_of_32_bit_programs_is_allowed() {
    let program = program(X86_ABIS, subject(capability_sets::DEFAULT));
    assert_eq!(interpret(&program, AUDIT_ARCH_I386, 102, 0), RETURN_ALLOW);
}

#[test]
fn changes_of_owners_do_nothing_where_there_is_a_single_id() {
    let of_single = Subject { has_single_id: true, ..subject(capability_sets::DEFAULT) };
    let (single, many) = (program(X86_ABIS, of_single), program(X86_ABIS, subject(capability_sets::DEFAULT)));
    let check = |number: libc::c_long, faked: bool| {
        let answer = |program| interpret(program, AUDIT_ARCH_X86_64, number as u32, 0);
        assert_eq!(answer(&single), if faked { RETURN_ERRNO } else { RETURN_ALLOW }, "{number}");
        assert_eq!(answer(&many), RETURN_ALLOW, "{number}");
    };
    for faked in
        [libc::SYS_setuid, libc::SYS_setresgid, libc::SYS_setgroups, libc::SYS_fchownat, libc::SYS_setfsuid]
    {
        check(faked, true);
    }
    for real in [libc::SYS_getuid, libc::SYS_getresuid, libc::SYS_fchmod, libc::SYS_capset] {
        check(real, false);
    }
    // chown32 of 32-bit programs.
    assert_eq!(interpret(&single, AUDIT_ARCH_I386, 212, 0), RETURN_ERRNO);
}
