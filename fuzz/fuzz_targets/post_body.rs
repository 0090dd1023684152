#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hongyan_engine::fuzzing::post_body(bytes));
