package kernels_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
)

// TestLayout has the compilers compare sizes and offsets of the structs of
// step.cuh with those of params.go.
func TestLayout(t *testing.T) {
	mirrored := []any{
		kernels.Counts{}, kernels.Row{}, kernels.Update{}, kernels.Item{}, kernels.Choose{}, kernels.Chosen{},
		kernels.TablesParams{}, kernels.CopyBlockParams{}, kernels.EmbedParams{}, kernels.NormParams{}, kernels.KeysParams{},
		kernels.AttendParams{}, kernels.SiluParams{}, kernels.ProductParams{}, kernels.ChooseParams{}, kernels.SeededParams{},
		kernels.AnglesParams{},
	}
	var names []string
	text := "#include \"step.cuh\"\n"
	for _, v := range mirrored {
		names = append(names, reflect.TypeOf(v).Name())
		text += assertions(reflect.TypeOf(v))
	}
	text += "KERNEL(layout, TablesParams) { (void)p; }\n"

	header, err := kernels.Sources.ReadFile("step.cuh")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^struct (?:alignas\(\d+\) )?(\w+) \{`).FindAllStringSubmatch(string(header), -1) {
		if !slices.Contains(append(names, deviceOnly...), found[1]) {
			t.Errorf("step.cuh has a struct %s, which no mirror of params.go is compared with", found[1])
		}
	}
	spec := kernels.Spec{Model: preset(t, "tiny"), BlockTokens: 32, MaxBlocks: 8, SplitTokens: 64}
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		spec.Arch = r.Arch
		unit := spec.Unit("layout", "layout.cu")
		unit.Source = []byte(text)
		if _, err := r.Compiler.Compile(t.Context(), unit); err != nil {
			t.Errorf("the layouts differ: %v", err)
		}
		unit.Source = []byte(strings.Replace(text, "__builtin_offsetof(Row, n) == 8", "__builtin_offsetof(Row, n) == 12", 1))
		if _, err := r.Compiler.Compile(t.Context(), unit); err == nil {
			t.Error("a wrong offset goes unseen")
		}
	})
}

// deviceOnly are structs of step.cuh that the host has no part in.
var deviceOnly = []string{"Candidate"}

// assertions are one for the size of a struct and one for each field's offset.
func assertions(t reflect.Type) string {
	text := fmt.Sprintf("static_assert(sizeof(%s) == %d, \"size of %[1]s\");\n", t.Name(), t.Size())
	for i := range t.NumField() {
		if f := t.Field(i); f.Name != "_" {
			text += fmt.Sprintf("static_assert(__builtin_offsetof(%s, %s) == %d, \"%[1]s.%[2]s\");\n", t.Name(), fieldName(f.Name), f.Offset)
		}
	}
	return text
}

// fieldName is a field's name in step.cuh: KNorm is k_norm there, IDs is ids.
func fieldName(name string) string {
	runes := []rune(strings.ReplaceAll(name, "IDs", "Ids"))
	var out []rune
	for i, r := range runes {
		if unicode.IsUpper(r) {
			behindLower := i > 0 && unicode.IsLower(runes[i-1])
			beforeLower := i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if behindLower || beforeLower {
				out = append(out, '_')
			}
		}
		out = append(out, unicode.ToLower(r))
	}
	return string(out)
}
