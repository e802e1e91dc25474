package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkStream is what HTTP, JSON and events cost on an engine that computes
// nothing: one streamed completion of 256 tokens over a real connection.
func BenchmarkStream(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprint("clients-per-cpu=", clients), func(b *testing.B) {
			w := newWorld(b, func(s *setup) { s.device.Slots, s.device.Blocks = 16, 1024 })
			const tokens = 256
			body := fmt.Sprintf(`{"prompt":[1,2,3],"max_tokens":%d,"ignore_eos":true,"stream":true}`, tokens)
			b.SetParallelism(clients)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					resp, err := http.Post(w.url+completions, "application/json", strings.NewReader(body))
					if err != nil {
						b.Error(err)
						return
					}
					n, err := io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK || n < tokens*100 {
						b.Errorf("%d: %d bytes, %v", resp.StatusCode, n, err)
					}
				}
			})
			b.ReportMetric(float64(tokens*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
