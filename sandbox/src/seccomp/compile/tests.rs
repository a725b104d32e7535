//! Each number of each way to call, run through an interpreter of the compiled program.

use super::*;
use crate::capability_sets;
use crate::seccomp::table::{ARM_WAYS, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, X32_BIT, X86_WAYS};

/// What the kernel does with a filter: returns its answer.
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

/// The verdict by definition: look the number up, judge its name.
fn by_definition(way: &Way, names: &BTreeMap<u32, &str>, number: u32, capabilities: u64) -> Verdict {
    let (offset, table) = way.tables.iter().rev().find(|(offset, _)| number >= *offset).unwrap();
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
        Verdict::Depends(Arguments::Clone) => argument & NAMESPACE_FLAGS == 0,
        Verdict::Depends(Arguments::Personality) => PERSONALITIES.contains(&argument),
        Verdict::Depends(Arguments::Socket) => {
            FAMILIES.iter().any(|(first, last)| (*first..=*last).contains(&argument))
        }
    };
    if allowed { RETURN_ALLOW } else { RETURN_ERRNO | libc::EPERM as u32 }
}

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

fn check_all(ways: &[Way], capabilities: u64) {
    let program = program(ways, capabilities);
    assert!(program.len() < 1200, "{} instructions", program.len());
    for way in ways {
        let names = way
            .tables
            .iter()
            .flat_map(|(offset, table)| calls(table).map(move |call| (call.0 + offset, call.1)));
        let names: BTreeMap<u32, &str> = names.collect();
        let small = way.tables.iter().flat_map(|(offset, _)| *offset..offset + 700);
        let large = (0xf0000..0xf0010).chain([u32::MAX, u32::MAX - 1, X32_BIT - 1, X32_BIT, 1 << 31]);
        for number in small.chain(large) {
            let verdict = by_definition(way, &names, number, capabilities);
            let depends = matches!(verdict, Verdict::Depends(_));
            for argument in (0..if depends { 64 } else { 1 }).chain(ARGUMENTS) {
                let answer = interpret(&program, way.arch, number, argument);
                let context = (way.arch, number, argument);
                assert_eq!(answer, expected(verdict, argument), "{context:#x?}");
            }
        }
    }
}

#[test]
fn every_number_gets_its_verdict() {
    for ways in [X86_WAYS, ARM_WAYS] {
        for capabilities in [capability_sets::DEFAULT, 0, capability_sets::ALL] {
            check_all(ways, capabilities);
        }
    }
}

#[test]
fn other_ways_to_call_are_refused() {
    let program = program(X86_WAYS, capability_sets::DEFAULT);
    for arch in [0, 0xc000_00b7, u32::MAX] {
        assert_eq!(interpret(&program, arch, 0, 0), RETURN_ERRNO | libc::EPERM as u32);
    }
}

#[test]
fn sockets_that_are_refused() {
    let program = program(X86_WAYS, capability_sets::DEFAULT);
    let refused: Vec<u32> = (0..64)
        .filter(|family| {
            interpret(&program, AUDIT_ARCH_X86_64, libc::SYS_socket as u32, *family) != RETURN_ALLOW
        })
        .collect();
    let expected: Vec<u32> = [12, 19, 20, 23, 25, 34, 37, 38, 40].into_iter().chain(46..64).collect();
    assert_eq!(refused, expected);
    let socketcall = interpret(&program, AUDIT_ARCH_I386, 102, 0);
    assert_eq!(
        socketcall, RETURN_ALLOW,
        "as in docker's profile: without it 32-bit programs have no network"
    );
}
