package model

import "fmt"

// hfNames are the tensors' names in a Hugging Face folder, by Kind; those
// within a layer follow "model.layers.N.".
var hfNames = [...]string{
	Embed:     "model.embed_tokens.weight",
	AttnNorm:  "input_layernorm.weight",
	Q:         "self_attn.q_proj.weight",
	K:         "self_attn.k_proj.weight",
	V:         "self_attn.v_proj.weight",
	QBias:     "self_attn.q_proj.bias",
	KBias:     "self_attn.k_proj.bias",
	VBias:     "self_attn.v_proj.bias",
	QNorm:     "self_attn.q_norm.weight",
	KNorm:     "self_attn.k_norm.weight",
	O:         "self_attn.o_proj.weight",
	MLPNorm:   "post_attention_layernorm.weight",
	Gate:      "mlp.gate_proj.weight",
	Up:        "mlp.up_proj.weight",
	Down:      "mlp.down_proj.weight",
	FinalNorm: "model.norm.weight",
	Head:      "lm_head.weight",
}

// hfName is a tensor's name in a Hugging Face folder.
func hfName(r Ref) string {
	if r.Kind.PerLayer() {
		return fmt.Sprintf("model.layers.%d.%s", r.Layer, hfNames[r.Kind])
	}
	return hfNames[r.Kind]
}

// hfShape is a tensor's shape in a Hugging Face folder: a vector has one
// dimension.
func hfShape(c Config, r Ref) []int64 {
	rows, cols := c.Shape(r)
	if r.Kind.Matrix() {
		return []int64{int64(rows), int64(cols)}
	}
	return []int64{int64(cols)}
}
