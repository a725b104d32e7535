//! Verdicts by number, made a BPF program.
//!
//! The numbers of a way to call fall into a few dozen ranges of the same verdict; a binary search over their bounds
//! finds the one, in some seven steps where a list would need hundreds.

use std::collections::BTreeMap;

use super::profile::{
    Arguments, FAMILIES, NAMESPACE_FLAGS, PERSONALITIES, REFUSED, UNKNOWN, Verdict, verdict,
};
use super::table::{Way, calls};

/// A classic BPF instruction, `struct sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) if_true: u8,
    pub(super) if_false: u8,
    pub(super) k: u32,
}

impl Instruction {
    pub(super) fn to_bytes(self) -> [u8; 8] {
        let ([c0, c1], [k0, k1, k2, k3]) = (self.code.to_ne_bytes(), self.k.to_ne_bytes());
        [c0, c1, self.if_true, self.if_false, k0, k1, k2, k3]
    }
}

// Source: linux/include/uapi/linux/{filter,bpf_common,seccomp}.h.
pub(super) const LOAD: u16 = 0x20;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_IF_EQUAL: u16 = 0x15;
pub(super) const JUMP_IF_AT_LEAST: u16 = 0x35;
pub(super) const JUMP_IF_ANY_BIT: u16 = 0x45;
pub(super) const RETURN: u16 = 0x06;
pub(super) const RETURN_ALLOW: u32 = 0x7fff_0000;
pub(super) const RETURN_ERRNO: u32 = 0x0005_0000;
/// Offsets in `struct seccomp_data`; of the first argument its lower half, as all our machines are little-endian.
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

/// The program for these ways to call.
pub(super) fn program(ways: &[Way], capabilities: u64) -> Vec<Instruction> {
    let mut program = vec![instruction(LOAD, ARCH)];
    for way in ways {
        let block = block(way, capabilities);
        program.push(branch(JUMP_IF_EQUAL, way.arch, 1, 0));
        program.push(instruction(JUMP, distance(&block)));
        program.extend(block);
    }
    program.push(answer(REFUSED));
    program
}

/// Judges a call whose way is known.
fn block(way: &Way, capabilities: u64) -> Vec<Instruction> {
    let mut block = vec![instruction(LOAD, NUMBER)];
    block.extend(search(&ranges(way, capabilities)));
    block
}

/// The first number of each range of one verdict; the first range begins at 0, each ends before the next.
fn ranges(way: &Way, capabilities: u64) -> Vec<(u32, Verdict)> {
    let mut verdicts = BTreeMap::new();
    for (offset, table) in way.tables {
        let mut end = 0;
        for (number, name) in calls(table) {
            verdicts.insert(offset + number, verdict(name, capabilities));
            end = offset + number + 1;
        }
        // What comes after the last one we know is new, what lies in a gap was never there or is gone.
        verdicts.insert(end, UNKNOWN);
        verdicts.entry(*offset).or_insert(REFUSED);
    }
    with_gaps(&verdicts)
}

/// Runs of equal verdicts; what is in none is refused, but unknown if an unknown end is before it.
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

/// Finds the range of the number that is loaded, and judges.
fn search(ranges: &[(u32, Verdict)]) -> Vec<Instruction> {
    if let [(_, verdict)] = ranges {
        return judge(*verdict);
    }
    let (below, above) = ranges.split_at(ranges.len() / 2);
    let (bound, below, above) = (above[0].0, search(below), search(above));
    let mut code = match u8::try_from(below.len()) {
        Ok(near) => vec![branch(JUMP_IF_AT_LEAST, bound, near, 0)],
        // Conditional jumps reach 255 instructions.
        Err(_) => vec![branch(JUMP_IF_AT_LEAST, bound, 0, 1), instruction(JUMP, distance(&below))],
    };
    code.extend(below);
    code.extend(above);
    code
}

fn judge(verdict: Verdict) -> Vec<Instruction> {
    match verdict {
        Verdict::Depends(arguments) => judge_argument(arguments),
        plain => vec![answer(plain)],
    }
}

fn answer(verdict: Verdict) -> Instruction {
    let value = match verdict {
        Verdict::Allow => RETURN_ALLOW,
        Verdict::Refuse(errno) => RETURN_ERRNO | u32::from(errno),
        Verdict::Depends(_) => unreachable!("judged by its argument"),
    };
    instruction(RETURN, value)
}

fn judge_argument(arguments: Arguments) -> Vec<Instruction> {
    let mut code = vec![instruction(LOAD, FIRST_ARGUMENT)];
    match arguments {
        Arguments::Clone => {
            code.push(branch(JUMP_IF_ANY_BIT, NAMESPACE_FLAGS, 1, 0));
            code.extend([answer(Verdict::Allow), answer(REFUSED)]);
        }
        Arguments::Personality => {
            for personality in PERSONALITIES {
                code.extend([branch(JUMP_IF_EQUAL, personality, 0, 1), answer(Verdict::Allow)]);
            }
            code.push(answer(REFUSED));
        }
        Arguments::Socket => {
            let bounds =
                FAMILIES.iter().flat_map(|(first, last)| [(*first, Verdict::Allow), (last + 1, REFUSED)]);
            code.extend(search(&bounds.collect::<Vec<_>>()));
        }
    }
    code
}

#[cfg(test)]
mod tests;
