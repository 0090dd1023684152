//! Prints docs/state-machine.md.

fn main() {
    print!("{}", hongyan_domain::chart::state_machine());
}
