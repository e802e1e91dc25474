package cli

import (
	"bytes"
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

// TestPrecedence sets one flag and one list from every place at once, then
// takes the places away from the strongest to the weakest.
func TestPrecedence(t *testing.T) {
	for _, c := range []struct {
		name     string
		args     []string
		env      map[string]string
		file     string
		wantSeed uint64
		wantList []string
	}{
		{
			name:     "flag",
			args:     []string{"workload", "try", "--seed=4", "--policy=d"},
			env:      map[string]string{"TIERLAB_WORKLOAD_TRY_SEED": "3", "TIERLAB_WORKLOAD_TRY_POLICY": "c1,c2"},
			file:     "workload:\n  try:\n    seed: 2\n    policy: [b1, b2]\n",
			wantSeed: 4, wantList: []string{"d"},
		},
		{
			name:     "environment",
			args:     []string{"workload", "try"},
			env:      map[string]string{"TIERLAB_WORKLOAD_TRY_SEED": "3", "TIERLAB_WORKLOAD_TRY_POLICY": "c1,c2"},
			file:     "workload:\n  try:\n    seed: 2\n    policy: [b1, b2]\n",
			wantSeed: 3, wantList: []string{"c1", "c2"},
		},
		{
			name:     "file",
			args:     []string{"workload", "try"},
			file:     "workload:\n  try:\n    seed: 2\n    policy: [b1, b2]\n",
			wantSeed: 2, wantList: []string{"b1", "b2"},
		},
		{
			name:     "file with a list as text",
			args:     []string{"workload", "try"},
			file:     "workload: {try: {policy: 'b1,b2'}}\n",
			wantSeed: 1, wantList: []string{"b1", "b2"},
		},
		{
			name:     "default",
			args:     []string{"workload", "try"},
			wantSeed: 1, wantList: []string{"a"},
		},
		{
			name:     "flag given its default's value",
			args:     []string{"workload", "try", "--seed=1"},
			env:      map[string]string{"TIERLAB_WORKLOAD_TRY_SEED": "3"},
			wantSeed: 1, wantList: []string{"a"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if c.file != "" {
				writeFile(t, defaultConfig, c.file)
			}
			seed, list := runTry(t, c.args)
			if seed != c.wantSeed || !slices.Equal(list, c.wantList) {
				t.Errorf("seed %d, list %v; want %d, %v", seed, list, c.wantSeed, c.wantList)
			}
		})
	}
}

// runTry runs a small tree of commands and returns what its flags hold when
// the command runs.
func runTry(t *testing.T, args []string) (seed uint64, list []string) {
	t.Helper()
	var stderr bytes.Buffer
	try := &cobra.Command{Use: "try", RunE: func(*cobra.Command, []string) error { return nil }}
	try.Flags().Uint64Var(&seed, "seed", 1, "")
	try.Flags().StringSliceVar(&list, "policy", []string{"a"}, "")
	root := group("tierlab", "", group("workload", "", try))
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		return applySettings(cmd, "", &stderr)
	}
	root.SetArgs(args)
	if err := root.Execute(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v %s", err, stderr.String())
	}
	return seed, list
}
