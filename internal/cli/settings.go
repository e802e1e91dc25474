package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"tierlab/engine/backend/cuda"

	"tierlab/internal/spell"
)

const (
	defaultConfig = "tierlab.yaml"
	envPrefix     = "TIERLAB"
)

// applySettings sets the flags of cmd that the command line left alone from
// the environment and the configuration file.
func applySettings(cmd *cobra.Command, config string, stderr io.Writer) error {
	known := settingKeys(cmd.Root())
	warnUnknown(stderr, known)
	v := viper.New()
	file, err := readConfig(v, config)
	if err != nil {
		return badInput(err)
	}
	if err := checkKeys(file, v.AllKeys(), known); err != nil {
		return err
	}
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if failed == nil && configurable(f) {
			failed = applySetting(v, file, settingKey(cmd, f), f)
		}
	})
	return failed
}

// applySetting gives one flag what viper finds for its key, unless the command
// line has set it.
func applySetting(v *viper.Viper, file, key string, f *pflag.Flag) error {
	if err := errors.Join(v.BindPFlag(key, f), v.BindEnv(key, envName(key))); err != nil {
		return err
	}
	if f.Changed || !v.IsSet(key) {
		return nil
	}
	err := setFlag(f, v.Get(key))
	if err == nil {
		return nil
	}
	if os.Getenv(envName(key)) != "" {
		return badInputf("environment variable %s: %w", envName(key), err)
	}
	return badInputf("%s: %s: %w", file, key, err)
}

// readConfig reads the configuration file into v and returns its name, "" when
// there is none.
func readConfig(v *viper.Viper, config string) (string, error) {
	config = cmp.Or(config, os.Getenv(envName("config")))
	explicit := config != ""
	f, err := os.Open(cmp.Or(config, defaultConfig))
	if err != nil {
		if !explicit && errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "", fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	v.SetConfigType("yaml")
	if err := v.ReadConfig(f); err != nil {
		return "", fmt.Errorf("%s: %w", f.Name(), err)
	}
	return f.Name(), nil
}

// setFlag gives a flag a value from the file, where a list may be a YAML list
// or text with commas.
func setFlag(f *pflag.Flag, value any) error {
	if list, ok := value.([]any); ok {
		slice, ok := f.Value.(pflag.SliceValue)
		if !ok {
			return fmt.Errorf("a list where --%s takes one value", f.Name)
		}
		var items []string
		for _, item := range list {
			items = append(items, fmt.Sprint(item))
		}
		return slice.Replace(items)
	}
	if value == nil {
		return errors.New("no value")
	}
	text := fmt.Sprint(value)
	if err := f.Value.Set(text); err != nil {
		return badValue(f, text, err)
	}
	return nil
}

// badValue says what a flag's value should be, without the parser's own
// function names.
func badValue(f *pflag.Flag, value string, err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) {
		err = number.Err
	}
	return fmt.Errorf("--%s: %q is not %s: %w", f.Name, value, typeName(f.Value.Type()), err)
}

// typeName is what a flag takes, in words.
func typeName(flagType string) string {
	switch flagType {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "uint64":
		return "a whole number from 0 up"
	case "float64":
		return "a number"
	case "duration":
		return "a duration such as 90s"
	}
	return "a " + flagType
}

// settingKeys maps the key of every flag in the tree to the name of its
// environment variable.
func settingKeys(root *cobra.Command) map[string]string {
	keys := map[string]string{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, set := range []*pflag.FlagSet{cmd.LocalFlags(), cmd.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) {
				if configurable(f) || f.Name == "config" {
					key := settingKey(cmd, f)
					keys[key] = envName(key)
				}
			})
		}
		for _, c := range cmd.Commands() {
			if !c.Hidden && c.Name() != "help" {
				walk(c)
			}
		}
	}
	walk(root)
	return keys
}

// settingKey is the flag's key in the file: the command's path without the
// program's name, then the flag's name.
func settingKey(cmd *cobra.Command, f *pflag.Flag) string {
	if cmd.Root().PersistentFlags().Lookup(f.Name) == f {
		return f.Name
	}
	path := strings.Fields(cmd.CommandPath())[1:]
	return strings.Join(append(path, f.Name), ".")
}

// configurable leaves out the flags that make no sense outside a command line.
func configurable(f *pflag.Flag) bool { return f.Name != "help" && f.Name != "config" }

// envName is the environment variable of a key.
func envName(key string) string {
	return envPrefix + "_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

// checkKeys refuses a key of the file that no command knows.
func checkKeys(file string, got []string, known map[string]string) error {
	slices.Sort(got)
	for _, key := range got {
		if _, ok := known[key]; !ok {
			keys := slices.Sorted(maps.Keys(known))
			return badInputf("%s: no command has a setting %q%s", file, key, spell.Hint(key, keys))
		}
	}
	return nil
}

// warnUnknown names the variables that look like settings and set nothing.
func warnUnknown(stderr io.Writer, known map[string]string) {
	variables := append(slices.Sorted(maps.Values(known)), cuda.Variables()...)
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix+"_") && !slices.Contains(variables, name) {
			fmt.Fprintf(stderr, "tierlab: warning: environment variable %s sets nothing%s\n", name, spell.Hint(name, variables))
		}
	}
}
