//! The compiled shader of a Program, and the bind group that all shaders share.

use std::num::NonZeroU64;

use crate::kernel::table::Layout;
use crate::kernel::{Program, wgsl};

/// Bytes of the uniform of `shaders/kernel/bindings.wgsl`.
pub(super) const PARAMS_BYTES: u64 = 16;

/// A compiled Program.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) compute: wgpu::ComputePipeline,
    pub(super) layout: Layout,
}

impl Pipeline {
    /// Compiles, for this layout of the bindings. What the driver refuses is reported to the
    /// device's error handler.
    pub(super) fn new(
        device: &wgpu::Device,
        bindings: &wgpu::BindGroupLayout,
        program: &Program,
    ) -> Pipeline {
        let source = wgsl::assemble(program);
        let label = Some(source.label.as_str());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(source.text.into()),
        });
        let layout = wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(bindings)],
            immediate_size: 0,
        };
        let layout = device.create_pipeline_layout(&layout);
        let compute = wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                // The kernels write their workgroup memory before they read it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        };
        Pipeline {
            compute: device.create_compute_pipeline(&compute),
            layout: Layout::of(program),
        }
    }
}

/// The bind group layout of `shaders/kernel/bindings.wgsl`.
pub(super) fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let uniform = wgpu::BufferBindingType::Uniform;
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let types = [
        uniform,
        storage(true),
        storage(true),
        storage(false),
        storage(false),
    ];
    let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..)
        .zip(types)
        .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset: false,
                min_binding_size: match ty {
                    wgpu::BufferBindingType::Uniform => NonZeroU64::new(PARAMS_BYTES),
                    wgpu::BufferBindingType::Storage { .. } => None,
                },
            },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("bindings"),
        entries: &entries,
    })
}
