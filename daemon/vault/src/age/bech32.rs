//! Bech32 (BIP 173), in which recipients and identities are written.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM_CHARS: usize = 6;
/// Longest text that is looked at; ours have 62 and 74 characters.
const TEXT_BYTES_MAX: usize = 90;

/// Bytes under a lower-case prefix.
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut values = regroup(bytes, 8, 5, true).expect("padding takes every length");
    let checksum = polymod(prefix, &[values.as_slice(), &[0; CHECKSUM_CHARS]].concat()) ^ 1;
    values.extend((0..CHECKSUM_CHARS).map(|i| (checksum >> (5 * (CHECKSUM_CHARS - 1 - i))) as u8 & 31));
    // At full size from the start: growing would leave an unwiped copy behind.
    let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
    text.push_str(prefix);
    text.push('1');
    text.extend(values.iter().map(|value| char::from(ALPHABET[usize::from(*value)])));
    text
}

/// What [`encode`] wrote, in either case but not in both.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mixed = text.bytes().any(|c| c.is_ascii_lowercase()) && text.bytes().any(|c| c.is_ascii_uppercase());
    if mixed || text.len() > TEXT_BYTES_MAX || !text.is_ascii() {
        return None;
    }
    let text = Zeroizing::new(text.to_ascii_lowercase());
    let data = text.strip_prefix(prefix)?.strip_prefix('1')?;
    let value = |c: u8| ALPHABET.iter().position(|known| *known == c).map(|at| at as u8);
    let values = Zeroizing::new(data.bytes().map(value).collect::<Option<Vec<u8>>>()?);
    if values.len() < CHECKSUM_CHARS || polymod(prefix, &values) != 1 {
        return None;
    }
    regroup(&values[..values.len() - CHECKSUM_CHARS], 5, 8, false)
}

/// Cuts a string of bits into pieces of another size; none when bits are left over.
fn regroup(values: &[u8], from: u32, to: u32, pad: bool) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX));
    let (mut held, mut bits) = (0u32, 0);
    for value in values {
        held = (held << from | u32::from(*value)) & 0xfff;
        bits += from;
        while bits >= to {
            bits -= to;
            out.push((held >> bits & ((1 << to) - 1)) as u8);
        }
    }
    let rest = held & ((1 << bits) - 1);
    if pad && bits > 0 {
        out.push((rest << (to - bits)) as u8);
        return Some(out);
    }
    (pad || (bits < from && rest == 0)).then_some(out)
}

fn polymod(prefix: &str, values: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|c| c >> 5);
    let low = prefix.bytes().map(|c| c & 31);
    let mut sum = 1u32;
    for value in high.chain([0]).chain(low).chain(values.iter().copied()) {
        let top = sum >> 25;
        sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= generator;
            }
        }
    }
    sum
}
