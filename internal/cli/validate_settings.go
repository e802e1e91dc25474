package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tierlab/internal/spell"
)

// variant is a setting that is ranked: of the scheduler, the cache and how long
// contexts are retained over tool calls.
type variant struct {
	engineOptions
	name   string
	retain time.Duration
}

// The variants that have a stall bound, and a retention, have these.
const (
	rankedStall  = 50 * time.Millisecond
	rankedRetain = 30 * time.Second
	longestBlock = 128 // tokens, of every backend
)

// variants are twelve settings around the engine's own: four numbers of slots,
// each with the whole budget and with a quarter, then a stall bound, then blocks
// of another length, then contexts retained over tool calls with all slots and
// with a quarter.
func variants(o *engineOptions) []variant {
	var all []variant
	add := func(name string, change func(v *variant)) {
		v := variant{engineOptions: *o, name: name}
		change(&v)
		v.budget = max(v.budget, v.slots+v.block)
		all = append(all, v)
	}
	for _, slots := range []int{o.slots, max(1, o.slots/2), max(1, o.slots/4), max(1, o.slots/8)} {
		for _, budget := range []int{o.budget, o.budget / 4} {
			budget = max(budget, slots+o.block)
			add(fmt.Sprintf("slots %d, budget %d", slots, budget), func(v *variant) { v.slots, v.budget = slots, budget })
		}
	}
	add(fmt.Sprintf("slots %d, stall %v", o.slots, rankedStall), func(v *variant) { v.stall = rankedStall })
	block := 4 * o.block
	if block > longestBlock {
		block = max(1, o.block/4)
	}
	add(fmt.Sprintf("slots %d, blocks of %d", o.slots, block), func(v *variant) { v.block = block })
	for _, slots := range []int{o.slots, max(1, o.slots/4)} {
		add(fmt.Sprintf("slots %d, retain %v", slots, rankedRetain), func(v *variant) { v.slots, v.retain = slots, rankedRetain })
	}
	return all
}

// settingNames are what a setting on the command line may name.
func settingNames() []string {
	return []string{"slots", "budget", "block", "kv-tokens", "stall", "retain"}
}

// readSetting reads a setting such as "slots=8,budget=256,retain=30s", around
// the engine's own.
func readSetting(o *validateOptions, text string) (variant, error) {
	v := variant{engineOptions: o.engine.engineOptions, name: text, retain: o.retain}
	numbers := map[string]*int{"slots": &v.slots, "budget": &v.budget, "block": &v.block, "kv-tokens": &v.kvTokens}
	times := map[string]*time.Duration{"stall": &v.stall, "retain": &v.retain}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		var err error
		switch {
		case numbers[name] != nil:
			*numbers[name], err = strconv.Atoi(value)
		case times[name] != nil:
			*times[name], err = time.ParseDuration(value)
		default:
			return v, fmt.Errorf("--setting %q: no setting %q%s", text, name, spell.Hint(name, settingNames()))
		}
		if err != nil {
			return v, fmt.Errorf("--setting %q: %s is %q, which is neither a number nor a time such as 30s", text, name, value)
		}
	}
	if v.retain < 0 {
		return v, fmt.Errorf("--setting %q: retain is at least 0", text)
	}
	if err := v.engineOptions.validate(); err != nil {
		return v, fmt.Errorf("--setting %q: %w", text, err)
	}
	return v, nil
}

// ranked are the settings that the command line asks to rank.
func (o *validateOptions) ranked() ([]variant, error) {
	var all []variant
	if o.settings {
		all = variants(&o.engine.engineOptions)
	}
	for _, text := range o.setting {
		v, err := readSetting(o, text)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	if len(all) == 1 {
		return nil, fmt.Errorf("--setting: one setting cannot be ranked: name more, or --settings")
	}
	return all, nil
}
