//! Compiles verdicts by call number into a BPF program.
//!
//! The numbers of an ABI fall into a few dozen ranges with the same verdict. The program finds the range of a call by
//! binary search over the bounds, in about seven steps; a linear list would need hundreds.

use std::collections::BTreeMap;

use super::abi::Abi;
use super::profile::{
    ArgumentRule, FAKED, FAMILIES, NAMESPACE_FLAGS, PERSONALITIES, REFUSED, UNKNOWN, Verdict, changes_owners,
    verdict,
};
use super::table::calls;

/// A classic BPF instruction, laid out as `struct sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    /// Instructions to skip if the condition of a branch holds.
    pub(super) if_true: u8,
    /// Instructions to skip if it does not hold.
    pub(super) if_false: u8,
    /// Operand; its meaning depends on `code`.
    pub(super) k: u32,
}

impl Instruction {
    pub(super) fn to_bytes(self) -> [u8; 8] {
        let ([c0, c1], [k0, k1, k2, k3]) = (self.code.to_ne_bytes(), self.k.to_ne_bytes());
        [c0, c1, self.if_true, self.if_false, k0, k1, k2, k3]
    }
}

// Instruction codes and return values. Source: linux/include/uapi/linux/{filter,bpf_common,seccomp}.h.
pub(super) const LOAD: u16 = 0x20;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_IF_EQUAL: u16 = 0x15;
pub(super) const JUMP_IF_AT_LEAST: u16 = 0x35;
pub(super) const JUMP_IF_ANY_BIT: u16 = 0x45;
pub(super) const RETURN: u16 = 0x06;
pub(super) const RETURN_ALLOW: u32 = 0x7fff_0000;
pub(super) const RETURN_ERRNO: u32 = 0x0005_0000;
// Offsets in `struct seccomp_data`. All supported machines are little-endian, so the lower half of the first argument
// comes first.
pub(super) const NUMBER: u32 = 0;
pub(super) const ARCH: u32 = 4;
pub(super) const FIRST_ARGUMENT: u32 = 16;

const fn instruction(code: u16, k: u32) -> Instruction {
    Instruction { code, if_true: 0, if_false: 0, k }
}

const fn branch(code: u16, k: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction { code, if_true, if_false, k }
}

fn distance(code: &[Instruction]) -> u32 {
    u32::try_from(code.len()).expect("programs have at most 4096 instructions")
}

/// Process that a filter is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// Capabilities of the process as a bit set.
    pub capabilities: u64,
    /// Whether its user namespace has one ID, so that changes of owners and users are faked.
    pub has_single_id: bool,
}

impl Subject {
    fn verdict(self, name: &str) -> Verdict {
        if self.has_single_id && changes_owners(name) { FAKED } else { verdict(name, self.capabilities) }
    }
}

/// Compiles the program for calls through any of `abis` by a process.
pub(super) fn program(abis: &[Abi], subject: Subject) -> Vec<Instruction> {
    let mut program = vec![instruction(LOAD, ARCH)];
    for abi in abis {
        let block = block(abi, subject);
        program.push(branch(JUMP_IF_EQUAL, abi.arch, 1, 0));
        program.push(instruction(JUMP, distance(&block)));
        program.extend(block);
    }
    program.push(answer(REFUSED));
    program
}

/// Compiles the part that judges a call through `abi`.
fn block(abi: &Abi, subject: Subject) -> Vec<Instruction> {
    let mut block = vec![instruction(LOAD, NUMBER)];
    block.extend(search(&ranges(abi, subject)));
    block
}

/// Returns the ranges of numbers with the same verdict, from 0 on: the first number of each, and the verdict.
///
/// A range ends before the next one.
fn ranges(abi: &Abi, subject: Subject) -> Vec<(u32, Verdict)> {
    let mut verdicts = BTreeMap::new();
    for (offset, table) in abi.tables {
        let mut end = 0;
        for (number, name) in calls(table) {
            verdicts.insert(offset + number, subject.verdict(name));
            end = offset + number + 1;
        }
        // A number after the last known call belongs to a newer kernel. A number in a gap was never used, or is retired.
        verdicts.insert(end, UNKNOWN);
        verdicts.entry(*offset).or_insert(REFUSED);
    }
    with_gaps(&verdicts)
}

/// Merges runs of equal verdicts. A number that has no verdict is refused, or unknown if it follows the end of a table.
fn with_gaps(verdicts: &BTreeMap<u32, Verdict>) -> Vec<(u32, Verdict)> {
    let mut ranges = vec![];
    let mut next = 0;
    for (&number, &verdict) in verdicts {
        if number > next && ranges.last().is_none_or(|(_, last)| *last != UNKNOWN) {
            push(&mut ranges, next, REFUSED);
        }
        push(&mut ranges, number, verdict);
        next = number + 1;
    }
    ranges
}

fn push(ranges: &mut Vec<(u32, Verdict)>, number: u32, verdict: Verdict) {
    if ranges.last().is_none_or(|(_, last)| *last != verdict) {
        ranges.push((number, verdict));
    }
}

/// Compiles the binary search for the range of the loaded number, and the verdict on each range.
fn search(ranges: &[(u32, Verdict)]) -> Vec<Instruction> {
    if let [(_, verdict)] = ranges {
        return judge(*verdict);
    }
    let (below, above) = ranges.split_at(ranges.len() / 2);
    let (bound, below, above) = (above[0].0, search(below), search(above));
    let mut code = match u8::try_from(below.len()) {
        Ok(near) => vec![branch(JUMP_IF_AT_LEAST, bound, near, 0)],
        // A conditional jump skips at most 255 instructions.
        Err(_) => vec![branch(JUMP_IF_AT_LEAST, bound, 0, 1), instruction(JUMP, distance(&below))],
    };
    code.extend(below);
    code.extend(above);
    code
}

fn judge(verdict: Verdict) -> Vec<Instruction> {
    match verdict {
        Verdict::Depends(rule) => judge_argument(rule),
        plain => vec![answer(plain)],
    }
}

fn answer(verdict: Verdict) -> Instruction {
    let value = match verdict {
        Verdict::Allow => RETURN_ALLOW,
        Verdict::Refuse(errno) => RETURN_ERRNO | u32::from(errno),
        Verdict::Depends(_) => unreachable!("the caller compiles argument rules itself"),
    };
    instruction(RETURN, value)
}

fn judge_argument(rule: ArgumentRule) -> Vec<Instruction> {
    let mut code = vec![instruction(LOAD, FIRST_ARGUMENT)];
    match rule {
        ArgumentRule::Clone => {
            code.push(branch(JUMP_IF_ANY_BIT, NAMESPACE_FLAGS, 1, 0));
            code.extend([answer(Verdict::Allow), answer(REFUSED)]);
        }
        ArgumentRule::Personality => {
            for personality in PERSONALITIES {
                code.extend([branch(JUMP_IF_EQUAL, personality, 0, 1), answer(Verdict::Allow)]);
            }
            code.push(answer(REFUSED));
        }
        ArgumentRule::Socket => {
            let bounds =
                FAMILIES.iter().flat_map(|(first, last)| [(*first, Verdict::Allow), (last + 1, REFUSED)]);
            code.extend(search(&bounds.collect::<Vec<_>>()));
        }
    }
    code
}

#[cfg(test)]
mod tests;
