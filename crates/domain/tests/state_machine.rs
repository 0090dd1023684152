//! docs/state-machine.md says what the code does.

#[test]
#[expect(clippy::disallowed_methods, reason = "the page is a file")]
fn the_page_of_the_states_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/state-machine.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();

    assert!(
        page == hongyan_domain::chart::state_machine(),
        "stale: run `cargo run -p hongyan-domain --example state_machine > docs/state-machine.md`"
    );
}
