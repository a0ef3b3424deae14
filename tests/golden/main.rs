//! Texts held word for word: reference pages compared with the source (every code and every log event stands in its table
//! once, and nothing stands there that no longer exists), and why each shipped deadline is due.

mod codes;
mod events;
mod page;
mod source;
mod why;
