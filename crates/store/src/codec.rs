//! How a record becomes bytes: a version, a checksum, then postcard.
