package claims

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"tierlab/configs"
	"tierlab/reference/topology"
)

// asean are the countries of South-East Asia by their ISO 3166-1 codes.
var asean = []string{"BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "TL", "VN"}

// southEastAsia tells the origins there from the others. A topology calls an
// origin by its city, lower case with hyphens for spaces.
func southEastAsia() (func(*topology.Origin) bool, error) {
	text, err := configs.FS.ReadFile("cities.csv")
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("cities.csv: %w", err)
	}
	name, country := slices.Index(rows[0], "name"), slices.Index(rows[0], "country")
	if name < 0 || country < 0 {
		return nil, fmt.Errorf("cities.csv: columns %v lack name or country", rows[0])
	}
	there := map[string]bool{}
	for _, row := range rows[1:] {
		if slices.Contains(asean, row[country]) {
			there[strings.ReplaceAll(strings.ToLower(row[name]), " ", "-")] = true
		}
	}
	return func(o *topology.Origin) bool { return there[o.Name] }, nil
}
