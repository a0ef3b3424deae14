//! How long an SMS is, as it is paid for.

/// UTF-16 units of a text that still fits one message.
const SINGLE: usize = 70;
/// UTF-16 units of each part of a longer one.
const PART: usize = 67;

/// The length of an SMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmsLength {
    /// UTF-16 units; a character outside the basic plane (most emoji) is two.
    pub units: usize,
    /// Messages it is split into and paid as; 1 for an empty text.
    pub segments: usize,
}

/// Measures `text` as UCS-2: up to 70 units are one message, more are split into parts of 67. The sign that providers
/// put in front (【…】) counts too: include it in `text`.
pub fn sms_segments(text: &str) -> SmsLength {
    let units = text.encode_utf16().count();
    let segments = if units <= SINGLE { 1 } else { parts(text) };
    SmsLength { units, segments }
}

/// The parts of a long text; a character of two units is never torn apart.
fn parts(text: &str) -> usize {
    let mut parts = 1;
    let mut used = 0;
    for units in text.chars().map(char::len_utf16) {
        if used + units > PART {
            parts += 1;
            used = 0;
        }
        used += units;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_counted_as_they_are_paid() {
        for (text, units, segments) in [
            (String::new(), 0, 1),
            ("短".repeat(70), 70, 1),
            ("短".repeat(71), 71, 2),
            ("短".repeat(134), 134, 2),
            ("短".repeat(135), 135, 3),
            ("📱".repeat(35), 70, 1),
            // 33 two-unit characters fit a part of 67; the 34th must not be torn apart.
            ("📱".repeat(66), 132, 2),
            ("📱".repeat(67), 134, 3),
        ] {
            assert_eq!(sms_segments(&text), SmsLength { units, segments });
        }
    }
}
