package lab

import (
	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/products"
	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// Cases are the kernels at shapes of a model: with few tokens, as a host can
// compute them, or with those of the engine's steps on a GPU, from a decode of
// one to a prefill of 8,192. Without a library products have no version by it.
func Cases(m model.Config, large bool, l *cublaslt.Library) []Case {
	shapes := shapesOf(m)
	longest, tokens, contexts, prefills := 100, []int{5}, [][2]int{{3, 150}}, [][3]int{{2, 70, 17}}
	if large {
		longest = 32768
		tokens = []int{1, 32, 256, 8192}
		contexts = [][2]int{{1, 1023}, {32, 1023}, {256, 1023}, {1, 32767}}
		prefills = [][3]int{{1, 0, 8192}, {16, 0, 512}, {1, 30720, 2048}}
	} else {
		shapes = shapes[:1] // each is compiled for itself
	}
	list := []Case{tablesCase(m, 0), tablesCase(m, 256), copyBlockCase(m, 7), seededCase(m), anglesCase(m, min(m.Context, longest))}
	for _, t := range tokens {
		list = append(list, embedCase(m, t), normCase(m, t), siluCase(m, t), keysCase(m, 1, 0, t))
		for _, s := range shapes {
			if s.Name != "head" || t <= mostSamples {
				list = append(list, productCase(m, s, t, productVersions(s, t, large, l)...))
			}
		}
		if t <= mostSamples {
			list = append(list, chooseCase(m, "greedy", sample.Pick{Forced: -1}, t),
				chooseCase(m, "top-p", sample.Pick{Forced: -1, Params: sample.Params{Temperature: 0.8, TopP: 0.9}}, t))
		}
	}
	for _, c := range contexts {
		list = append(list, keysCase(m, c[0], c[1], 1), attendCase(m, c[0], c[1], 1))
	}
	for _, p := range prefills {
		list = append(list, attendCase(m, p[0], p[1], p[2]))
	}
	return list
}

// mostSamples is how many rows of a step give logits at most.
const mostSamples = 256

// productVersions are what package products takes and the algorithm that the
// library takes for the quickest, and as candidates all settings of the project's
// own kernels that can hold so many tokens. A host compiles none of these, which
// the products' tests check there.
func productVersions(s kernels.ProductShape, tokens int, large bool, l *cublaslt.Library) []Version {
	list := []Version{inUseProduct(s, tokens, l)}
	if l != nil {
		list = append(list, ofLibrary(l, s, tokens, 0))
	}
	if large {
		for _, k := range products.Settings(tokens) {
			list = append(list, ofKernel(k, s, tokens))
		}
	}
	return list
}
