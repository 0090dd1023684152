//! The real binary, in processes of its own.
