//! The system's randomness for the engine.

use qixian_engine::Randomness;

/// Random bytes of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl Randomness for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has randomness once it runs");
    }
}
