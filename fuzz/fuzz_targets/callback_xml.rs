#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hongyan_wechat::fuzzing::callback_xml(bytes));
