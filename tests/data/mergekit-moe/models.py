"""The models of the mixtures that mergekit built."""

import torch
from transformers import MistralConfig, MistralForCausalLM, Qwen3Config, Qwen3ForCausalLM

torch.manual_seed(11)


def make(model, config, folder, head_dim=8, **more):
    config = config(
        vocab_size=24,
        hidden_size=24,
        intermediate_size=20,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=head_dim,
        max_position_embeddings=64,
        **more,
    )
    model(config).to(torch.bfloat16).save_pretrained(folder)


for name in ["base", "a", "b"]:
    make(Qwen3ForCausalLM, Qwen3Config, f"qwen3/{name}", tie_word_embeddings=True)
    make(MistralForCausalLM, MistralConfig, f"mistral/{name}", head_dim=12)
