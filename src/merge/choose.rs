//! From what the user asks for to a device that can be trusted.

use super::{Device, DeviceChoice, DeviceError};

/// The device of a merge.
#[derive(Debug)]
pub struct Chosen {
    /// The device, or None for the CPU.
    pub device: Option<Device>,
    /// What the user should know about the choice.
    pub note: Option<String>,
}

const CPU: Chosen = Chosen {
    device: None,
    note: None,
};

/// Finds, probes and opens the device.
#[cfg(not(feature = "gpu"))]
pub fn choose_device(choice: &DeviceChoice) -> Result<Chosen, DeviceError> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(CPU),
        DeviceChoice::Gpu | DeviceChoice::Named(_) | DeviceChoice::Index(_) => {
            Err(DeviceError::NotFound {
                asked: choice.to_string(),
                reason: "this wgmerge was built without GPU support".to_owned(),
            })
        }
    }
}
