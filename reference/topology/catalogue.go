package topology

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The structs of this file are the YAML form of the catalogues.

type modelsForm struct {
	At     pos
	Schema string      `yaml:"schema" is:"required"`
	Models []modelForm `yaml:"models" is:"required"`
}

type modelForm struct {
	At            pos
	Name          string   `yaml:"name" is:"required"`
	ParamsB       float64  `yaml:"params_b" is:"required,>0,<=100000"`
	ActiveB       float64  `yaml:"active_b" is:">0,<=100000"`
	Layers        int      `yaml:"layers" is:"required,>=1,<=10000"`
	KVHeads       int      `yaml:"kv_heads" is:">=0,<=10000"`
	HeadDim       int      `yaml:"head_dim" is:">=0,<=10000"`
	KVBytes       float64  `yaml:"bytes_per_kv_value" is:">0"`
	Ability       float64  `yaml:"ability" is:"required"`
	ContextTokens int      `yaml:"context_tok" is:"required,>=1,<=1000000000"`
	Modalities    []string `yaml:"modalities" is:"required"`
	Frontier      bool     `yaml:"frontier"`
}

type acceleratorsForm struct {
	At           pos
	Schema       string            `yaml:"schema" is:"required"`
	Serving      servingForm       `yaml:"serving" is:"required"`
	Accelerators []acceleratorForm `yaml:"accelerators" is:"required"`
}

// servingForm is what an inference engine gets out of an accelerator.
type servingForm struct {
	At                   pos
	PrefillShare         float64 `yaml:"prefill_flops_share" is:"required,>0,<=1"`
	DecodeShare          float64 `yaml:"decode_bandwidth_share" is:"required,>0,<=1"`
	MemoryShare          float64 `yaml:"usable_memory_share" is:"required,>0,<=1"`
	ParallelShare        float64 `yaml:"tensor_parallel_share" is:"required,>0,<=1"`
	IterationMS          float64 `yaml:"iteration_ms" is:"required,>=0"`
	MeanContextTokens    int     `yaml:"mean_context_tok" is:"required,>=0"`
	DefaultWeightInBytes float64 `yaml:"bytes_per_weight" is:"required,>0"`
}

type acceleratorForm struct {
	At         pos
	Name       string  `yaml:"name" is:"required"`
	BF16TFLOPS float64 `yaml:"bf16_tflop_per_s" is:"required,>0"`
	MemoryGB   float64 `yaml:"memory_gb" is:"required,>0"`
	GBPerS     float64 `yaml:"gb_per_s" is:"required,>0"`
	Watts      float64 `yaml:"power_w" is:">=0"`
	// UsableShare of the memory is free for a model, where other programs
	// share it; 0 takes the serving section's.
	UsableShare float64 `yaml:"usable_memory_share" is:">0,<=1"`
}

type pricesForm struct {
	At        pos
	Schema    string         `yaml:"schema" is:"required"`
	Providers []providerForm `yaml:"providers" is:"required"`
	Models    []priceForm    `yaml:"models" is:"required"`
}

type providerForm struct {
	At                pos
	Name              string  `yaml:"name" is:"required"`
	EgressUSDPerGB    float64 `yaml:"egress_usd_per_gb" is:"required,>=0"`
	RegionUSDPerGB    float64 `yaml:"region_usd_per_gb" is:"required,>=0"`
	USDPerMWrite      float64 `yaml:"usd_per_million_writes" is:"required,>=0"`
	USDPerKTransition float64 `yaml:"usd_per_thousand_transitions" is:"required,>=0"`
	USDPerMCall       float64 `yaml:"usd_per_million_sandbox_calls" is:"required,>=0"`
	USDPerGBSecond    float64 `yaml:"usd_per_gb_s" is:"required,>=0"`
}

// priceForm is a model's price at one provider, or at every provider that has
// no entry of its own.
type priceForm struct {
	At       pos
	Model    string  `yaml:"model" is:"required"`
	Provider string  `yaml:"provider"`
	In       float64 `yaml:"usd_per_mtok_in" is:"required,>=0"`
	Cached   float64 `yaml:"usd_per_mtok_cached" is:"required,>=0"`
	Out      float64 `yaml:"usd_per_mtok_out" is:"required,>=0"`
}

// city is a row of cities.csv.
type city struct {
	name, slug, region string
	at                 point
	people             float64 // millions
}

var cityColumns = []string{"name", "country", "region", "lat_deg", "lon_deg", "population_m"}

// decodeCities reads the table of cities, whose rows stand in falling order
// of population.
func (p *problems) decodeCities(file string, data []byte) []city {
	r := csv.NewReader(strings.NewReader(string(data)))
	r.Comment, r.FieldsPerRecord = '#', len(cityColumns)
	rows, err := r.ReadAll()
	if err != nil {
		line := 1
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			line, err = syntax.Line, syntax.Err
		}
		p.found = append(p.found, &Problem{File: file, Line: line, Text: "not CSV: " + err.Error()})
		return nil
	}
	if len(rows) == 0 || strings.Join(rows[0], ",") != strings.Join(cityColumns, ",") {
		p.found = append(p.found, &Problem{File: file, Line: 1, Text: "the first row must be " + strings.Join(cityColumns, ",")})
		return nil
	}
	offset := commentLines(data) // the comments stand before the rows
	cities := make([]city, 0, len(rows)-1)
	seen := map[string]bool{}
	for i, row := range rows[1:] {
		c, err := parseCity(row)
		if err == nil && seen[c.slug] {
			err = fmt.Errorf("city %q stands here twice", c.name)
		}
		if err == nil && len(cities) > 0 && c.people > cities[len(cities)-1].people {
			err = fmt.Errorf("city %q has more people than the row above; sort the rows by population", c.name)
		}
		if err != nil {
			p.found = append(p.found, &Problem{File: file, Line: offset + i + 2, Text: err.Error()})
			continue
		}
		seen[c.slug] = true
		cities = append(cities, c)
	}
	return cities
}

func commentLines(data []byte) int {
	n := 0
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		n++
	}
	return n
}

func parseCity(row []string) (city, error) {
	lat, errLat := strconv.ParseFloat(row[3], 64)
	lon, errLon := strconv.ParseFloat(row[4], 64)
	people, errPeople := strconv.ParseFloat(row[5], 64)
	switch {
	case row[0] == "" || row[2] == "" || len(row[1]) != 2:
		return city{}, errors.New("a city needs a name, a country of two letters and a region")
	case errLat != nil || !(math.Abs(lat) <= 90):
		return city{}, fmt.Errorf("lat_deg %q must be a number from -90 to 90", row[3])
	case errLon != nil || !(math.Abs(lon) <= 180):
		return city{}, fmt.Errorf("lon_deg %q must be a number from -180 to 180", row[4])
	case errPeople != nil || !(people > 0) || math.IsInf(people, 1):
		return city{}, fmt.Errorf("population_m %q must be a positive number of millions", row[5])
	}
	return city{row[0], slug(row[0]), row[2], point{lat, lon}, people}, nil
}

// slug is a city's name as part of a site's or an origin's: lower case, with
// hyphens for spaces.
func slug(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), " ", "-")
}
