//! PEFT configurations.
