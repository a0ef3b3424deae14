//! Reference pages compared with the source text: every code and every log event stands in its table once, and nothing
//! stands there that no longer exists.

mod codes;
mod events;
mod page;
mod source;
