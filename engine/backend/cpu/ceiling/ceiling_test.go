package ceiling

import "testing"

func TestMeasures(t *testing.T) {
	for _, numerics := range []string{"f32", "bf16"} {
		b, err := New(numerics, 2, 8<<20)
		if err != nil {
			t.Fatal(err)
		}
		read, compute := b.ReadGBs(), b.GFLOPs()
		t.Logf("%s on %s: %.1f GB/s, %.1f GFLOP/s", numerics, b.Kernels, read, compute)
		// What any machine exceeds and none reaches.
		if read < 0.01 || read > 1e5 || compute < 0.01 || compute > 1e6 {
			t.Errorf("%s: %g GB/s, %g GFLOP/s", numerics, read, compute)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		numerics string
		threads  int
		bytes    int64
	}{{"f16", 1, 1 << 20}, {"f32", 0, 1 << 20}, {"f32", 1, 10}} {
		if _, err := New(c.numerics, c.threads, c.bytes); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
