//! Going through all rows with a prefix, and round those that the backend cannot read.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use crate::Error;
use crate::keys::{self, Key};
use crate::kv::{Rows, SCAN_MAX};

/// So many bytes of a key are looked at when the end of a damaged part is searched.
const WIDTH: usize = 40;

/// Rows that cannot be read.
#[derive(Debug)]
pub(super) struct Hole {
    /// They begin here, or right after.
    pub(super) from: Key,
    /// What the backend said.
    pub(super) error: Error,
}

/// Pages of rows, in order; a hole stands for what lies between two of them.
#[derive(Debug)]
pub(super) struct Sweep<'a, R> {
    rows: &'a R,
    from: Option<Bound<Key>>,
    to: Option<Key>,
    size: usize,
}

impl<'a, R: Rows> Sweep<'a, R> {
    pub(super) fn of(rows: &'a R, prefix: u8) -> Self {
        Self {
            rows,
            from: Some(Included(vec![prefix])),
            to: keys::after(&[prefix]),
            size: SCAN_MAX,
        }
    }

    fn page(&self, from: Bound<&[u8]>, limit: usize) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let to = self.to.as_deref().map_or(Unbounded, Excluded);
        self.rows.scan(from, to, limit)
    }

    /// The first key after `from` from which on rows can be read again.
    fn behind(&self, from: &[u8]) -> Option<Key> {
        let mut bad = number(from);
        let mut good = (0..8 * (WIDTH - 1)).find_map(|bit| {
            let probe = plus(&number(from), bit);
            match self.can_read(&probe) {
                true => Some(probe),
                false => {
                    bad = probe;
                    None
                }
            }
        })?;
        // `good` is one power of two past `bad` at most: halving that comes to the very end of the damage.
        while let Some(middle) = middle(&bad, &good) {
            match self.can_read(&middle) {
                true => good = middle,
                false => bad = middle,
            }
        }
        // A key is less than itself with zeros behind it: the shortest such beginning misses none.
        let shortest = good
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let length =
            (shortest..WIDTH).find(|length| self.page(Included(&good[..*length]), 1).is_ok());
        let end = self.to.as_deref();
        let within = end.is_none_or(|end| good.as_slice() < end);
        within.then(|| good[..length.unwrap_or(WIDTH)].to_vec())
    }

    fn can_read(&self, from: &[u8; WIDTH]) -> bool {
        let past = self.to.as_deref().is_some_and(|end| from.as_slice() >= end);
        past || self.page(Included(from), 1).is_ok()
    }
}

impl<R: Rows> Iterator for Sweep<'_, R> {
    type Item = Result<Vec<(Key, Vec<u8>)>, Hole>;

    fn next(&mut self) -> Option<Self::Item> {
        let from = self.from.take()?;
        loop {
            let bound = match &from {
                Included(key) => Included(key.as_slice()),
                Excluded(key) => Excluded(key.as_slice()),
                Unbounded => Unbounded,
            };
            match self.page(bound, self.size) {
                Ok(rows) => {
                    if rows.len() == self.size {
                        self.from = rows.last().map(|(key, _)| Excluded(key.clone()));
                    }
                    return Some(Ok(rows));
                }
                // Smaller and smaller pages come close to the damage; what lies before it is given first.
                Err(_) if self.size > 1 => self.size /= 2,
                Err(error) => {
                    let (Included(from) | Excluded(from)) = from else {
                        return None;
                    };
                    self.from = self.behind(&from).map(Included);
                    self.size = SCAN_MAX;
                    return Some(Err(Hole { from, error }));
                }
            }
        }
    }
}

/// A key as a large number, its first byte the highest; what is longer is cut.
fn number(key: &[u8]) -> [u8; WIDTH] {
    let mut number = [0; WIDTH];
    let length = key.len().min(WIDTH);
    number[..length].copy_from_slice(&key[..length]);
    number
}

/// `number` + 2^`bit`, or the greatest number.
fn plus(number: &[u8; WIDTH], bit: usize) -> [u8; WIDTH] {
    let mut sum = *number;
    let mut carry = 1_u16 << (bit % 8);
    for byte in sum[..WIDTH - bit / 8].iter_mut().rev() {
        carry += u16::from(*byte);
        *byte = (carry & 0xff) as u8;
        carry >>= 8;
    }
    match carry {
        0 => sum,
        _ => [0xff; WIDTH],
    }
}

/// The number half-way between two; `None` where none lies between.
fn middle(low: &[u8; WIDTH], high: &[u8; WIDTH]) -> Option<[u8; WIDTH]> {
    let mut sum = [0_u16; WIDTH];
    let mut carry = 0;
    for i in (0..WIDTH).rev() {
        let both = u16::from(low[i]) + u16::from(high[i]) + carry;
        sum[i] = both & 0xff;
        carry = both >> 8;
    }
    let mut half = [0; WIDTH];
    for i in 0..WIDTH {
        half[i] = (((carry << 8) + sum[i]) / 2) as u8;
        carry = sum[i] & 1;
    }
    (half != *low && half != *high).then_some(half)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Rows of which those between two keys cannot be read.
    struct Holed(BTreeMap<Key, Vec<u8>>, Vec<(Key, Key)>);

    impl Rows for Holed {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            Ok(self.0.get(key).cloned())
        }

        fn scan(
            &self,
            from: Bound<&[u8]>,
            to: Bound<&[u8]>,
            limit: usize,
        ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
            let mut found = Vec::new();
            let first = match from {
                Included(key) | Excluded(key) => key,
                Unbounded => &[],
            };
            let bad = |key: &[u8]| self.1.iter().any(|(a, b)| **a <= *key && *key < **b);
            if bad(first) {
                return Err(Error::Backend("damaged".to_owned()));
            }
            for (key, row) in self.0.range::<[u8], _>((from, to)).take(limit) {
                if bad(key) {
                    return Err(Error::Backend("damaged".to_owned()));
                }
                found.push((key.clone(), row.clone()));
            }
            Ok(found)
        }
    }

    #[test]
    fn what_lies_round_the_damage_is_given() {
        let key = |n: u32| [b"c".as_slice(), &n.wrapping_mul(0x9e37_79b9).to_be_bytes()].concat();
        let mut all: Vec<Key> = (0..3_000).map(key).collect();
        all.sort();
        let holes = vec![
            (all[100].clone(), all[116].clone()),
            (all[1_700].clone(), all[1_701].clone()),
            (all[2_990].clone(), b"d".to_vec()),
        ];
        let rows = all.iter().map(|key| (key.clone(), Vec::new())).collect();
        let holed = Holed(rows, holes);
        let (mut found, mut told) = (Vec::new(), 0);
        for page in Sweep::of(&holed, b'c') {
            match page {
                Ok(rows) => found.extend(rows.into_iter().map(|(key, _)| key)),
                Err(_) => told += 1,
            }
        }
        let wanted = [&all[..100], &all[116..1_700], &all[1_701..2_990]].concat();
        assert!(found == wanted, "{} of {}", found.len(), wanted.len());
        assert_eq!(told, 3);
    }
}
