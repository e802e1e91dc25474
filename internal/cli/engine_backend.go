package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cpu"
	"tierlab/engine/backend/cuda"
	"tierlab/engine/backend/null"
	"tierlab/engine/model"
)

// The values of --backend.
const (
	backendAuto = "auto"
	backendCPU  = "cpu"
	backendCUDA = "cuda"
	backendNull = "null"
)

// nullTokens bounds the memory of the null backend, which is 4 bytes a token.
const nullTokens = 1 << 26

// sizes are how an engine is sized where nobody says.
type sizes struct{ slots, budget, block int }

// usualSizes are what suits a backend, for a command that runs that many requests
// at once on a processor. A GPU reads its weights for many at the price of one.
func usualSizes(backend string, slots int) sizes {
	if backend != backendCUDA {
		return sizes{slots, 512, 32}
	}
	if slots > 1 {
		slots = cuda.DefaultSlots
	}
	return sizes{slots, cuda.DefaultBudget, cuda.DefaultBlockTokens}
}

// usually says a size, by backend where they differ.
func usually(slots int, of func(sizes) int) string {
	onCPU, onCUDA := of(usualSizes(backendCPU, slots)), of(usualSizes(backendCUDA, slots))
	if onCPU == onCUDA {
		return strconv.Itoa(onCPU)
	}
	return fmt.Sprintf("%d on cpu and %d on cuda", onCPU, onCUDA)
}

// fallback is what --backend auto settled on.
type fallback struct {
	auto    bool      // cuda was not asked for by name
	asked   sizes     // before what suits the backend was filled in
	why     error     // cuda is not usable; nil: it is, as far as is known
	notices io.Writer // where that is told; nil: nowhere
}

// validateBackend settles the backend and looks at what belongs to it alone.
func (o *engineOptions) validateBackend() error {
	switch o.backend {
	case backendCPU, backendCUDA, backendNull:
	case backendAuto:
		found := cuda.Probe()
		o.auto, o.why, o.backend = true, found.Err(), backendCUDA
		if o.why != nil {
			o.backend = backendCPU
		}
	default:
		return fmt.Errorf("--backend is %q: it is cpu, cuda, auto or null", o.backend)
	}
	switch o.numerics {
	case "bf16", "f32":
	default:
		return fmt.Errorf("--numerics is %q: it is bf16 or f32", o.numerics)
	}
	if err := o.readGPUs(); err != nil {
		return err
	}
	o.asked = sizes{o.slots, o.budget, o.block}
	o.fill()
	switch {
	case o.backend == backendCUDA && o.auto && (o.numerics != "bf16" || o.kernels != "" || o.threads != 0):
		o.toCPU(errors.New("--numerics f32, --kernels and --threads are the processor's"))
	case o.backend == backendCUDA && o.numerics != "bf16":
		return fmt.Errorf("--numerics is %s: cuda computes in bf16", o.numerics)
	case o.backend == backendCUDA && (o.kernels != "" || o.threads != 0):
		return errors.New("--kernels and --threads are for cpu: cuda compiles its own kernels")
	case o.auto && len(o.devices) > 1:
		return fmt.Errorf("--gpus is %q: several GPUs serve with --backend cuda", o.gpus)
	case len(o.devices) > 1 && !o.several:
		return fmt.Errorf("--gpus is %q: this command runs on one GPU; engine serve takes several", o.gpus)
	case len(o.devices) > 1 && o.trace != "":
		return errors.New("--trace is of one engine: give one GPU")
	case o.backend != backendCUDA && !o.auto && o.gpus != "" && o.gpus != "0":
		return fmt.Errorf("--gpus is %q: it is for --backend cuda", o.gpus)
	}
	return nil
}

// readGPUs reads the devices' numbers.
func (o *engineOptions) readGPUs() error {
	o.devices = nil
	for text := range strings.SplitSeq(o.gpus, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if o.gpus == "" {
			n, err = 0, nil
		}
		if err != nil || n < 0 {
			return fmt.Errorf("--gpus is %q: it is a list of numbers such as 0,1 (tierlab doctor lists GPUs)", o.gpus)
		}
		for _, other := range o.devices {
			if other == n {
				return fmt.Errorf("--gpus is %q: it names GPU %d twice", o.gpus, n)
			}
		}
		o.devices = append(o.devices, n)
	}
	return nil
}

// fill puts what suits the backend where nothing was asked for.
func (o *engineOptions) fill() {
	usual := usualSizes(o.backend, o.usualSlots)
	for _, f := range []struct {
		to          *int
		asked, fill int
	}{{&o.slots, o.asked.slots, usual.slots}, {&o.budget, o.asked.budget, usual.budget}, {&o.block, o.asked.block, usual.block}} {
		if *f.to = f.asked; f.asked == 0 {
			*f.to = f.fill
		}
	}
}

// toCPU gives cuda up, of which nobody asked by name.
func (o *engineOptions) toCPU(why error) {
	o.backend, o.why = backendCPU, why
	o.fill()
}

// tellFallback says in one line why auto computes on the processor. What was
// searched, and what to do, is doctor's to say.
func (o *engineOptions) tellFallback() {
	if o.auto && o.why != nil && o.notices != nil {
		fmt.Fprintf(o.notices, "tierlab: --backend auto takes the CPU: %s (see tierlab doctor)\n", brief(o.why))
	}
}

// brief is an error's text in one line, of a long one what stands before its
// first parenthesis, and at most some 100 characters.
func brief(err error) string {
	const most = 100
	line := strings.Join(strings.Fields(err.Error()), " ")
	if len(line) > most {
		line, _, _ = strings.Cut(line, " (")
	}
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "..."
	}
	return line
}

// openBackend reads the weights. Cuda that auto has chosen gives way to the
// processor if it cannot be opened.
func (o *engineOptions) openBackend(source model.Source, device int) (backend.Backend, error) {
	if o.backend == backendCUDA {
		b, err := o.openCUDA(source, device)
		if err == nil || !o.auto {
			return b, err
		}
		o.toCPU(err)
	}
	o.tellFallback()
	if o.backend == backendNull {
		return o.openNull(source.Config())
	}
	return cpu.Open(cpu.Config{
		Source: source, Numerics: o.numerics, Kernels: o.kernels, Threads: o.threads, Slots: o.slots, Budget: o.budget,
		Context: o.context, BlockTokens: o.block, Blocks: (o.kvTokens + o.block - 1) / o.block, CacheBytes: int64(o.kvGB * 1e9),
	})
}

func (o *engineOptions) openCUDA(source model.Source, device int) (backend.Backend, error) {
	b, err := cuda.Open(cuda.Config{
		Source: source, Device: device, Slots: o.slots, Budget: o.budget, Context: o.context, BlockTokens: o.block,
		Blocks: (o.kvTokens + o.block - 1) / o.block, CacheBytes: int64(o.kvGB * 1e9), Invariant: o.invariant, Tune: o.tune, Warm: true,
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (o *engineOptions) openNull(c model.Config) (backend.Backend, error) {
	context := c.Context
	if o.context > 0 {
		context = min(o.context, context)
	}
	tokens := o.kvTokens
	switch {
	case o.kvGB > 0 || tokens > nullTokens:
		return nil, fmt.Errorf("the null backend keeps no keys and values: size it by --kv-tokens, at most %d", nullTokens)
	case tokens == 0:
		tokens = min(context*o.slots, 1<<20)
	}
	return null.Open(null.Config{Model: c.Name, Vocab: c.Vocab, Context: context, Slots: o.slots, Budget: o.budget,
		Blocks: (tokens + o.block - 1) / o.block, BlockTokens: o.block})
}
