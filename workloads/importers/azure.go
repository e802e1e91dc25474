package importers

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tierlab/workloads"
)

// azure reads the LLM inference traces of Azure (Splitwise, ISCA 2024, and
// their successors): a CSV file with the columns TIMESTAMP, ContextTokens and
// GeneratedTokens.
//
// The rules:
//
//   - Every row is a session of one step, which arrives at its time less that
//     of the first row. The file is an arrival process with lengths; nothing
//     says which rows belong together or share tokens.
//   - Rows before the first row's time arrive at 0.
var azure = Importer{
	Name:     "azure",
	Reads:    "Azure LLM inference traces (CSV)",
	Example:  "azure-llm-2023/AzureLLMInferenceTrace_conv.csv",
	suffixes: []string{".csv"},
	origin: workloads.Provenance{
		Source:  "Azure LLM inference trace (https://github.com/Azure/AzurePublicDataset), Splitwise, ISCA 2024",
		License: "CC-BY-4.0",
		Method:  "import azure: one-step sessions; arrivals since the first row",
	},
	convert: convertAzure,
}

func convertAzure(files []string, out *sink) error {
	var origin time.Time
	for _, file := range files {
		if err := importAzure(file, &origin, out); err != nil {
			return err
		}
	}
	return nil
}

func importAzure(file string, origin *time.Time, out *sink) error {
	f, err := open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	rows := csv.NewReader(f)
	rows.ReuseRecord = true
	columns, err := azureColumns(rows)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		line, _ := rows.FieldPos(0)
		at, in, gen, err := azureRow(row, columns)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", file, line, err)
		}
		if origin.IsZero() {
			*origin = at
		}
		if at.Before(*origin) {
			out.count(1, "rows are earlier than the first and arrive at 0")
			at = *origin
		}
		arrival := workloads.Millis(at.Sub(*origin))
		err = out.session(&workloads.Session{ID: strconv.Itoa(out.sum.Sessions + 1), Arrival: &arrival},
			[]workloads.Step{{ID: "1", LLM: workloads.LLM{OutputTokens: gen, Context: workloads.Context{Add: in}}}})
		if err != nil {
			return err
		}
	}
}

// azureColumns finds the three columns by the names in the first row.
func azureColumns(rows *csv.Reader) ([3]int, error) {
	names := [3]string{"TIMESTAMP", "ContextTokens", "GeneratedTokens"}
	columns := [3]int{-1, -1, -1}
	head, err := rows.Read()
	if err != nil {
		return columns, fmt.Errorf("no heading: %w", err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff") // spreadsheets write one
	for i, name := range head {
		for k := range names {
			if name == names[k] {
				columns[k] = i
			}
		}
	}
	for k, c := range columns {
		if c < 0 {
			return columns, fmt.Errorf("no column %q in the first line", names[k])
		}
	}
	return columns, nil
}

func azureRow(row []string, columns [3]int) (at time.Time, in, gen int, err error) {
	if at, err = time.Parse("2006-01-02 15:04:05.999999999", row[columns[0]]); err != nil {
		if at, err = time.Parse("2006-01-02 15:04:05.999999999Z07:00", row[columns[0]]); err != nil {
			return at, 0, 0, fmt.Errorf("TIMESTAMP: %q, want 2023-11-16 18:15:46.6805900", row[columns[0]])
		}
	}
	for k, dst := range map[int]*int{1: &in, 2: &gen} {
		n, err := strconv.Atoi(row[columns[k]])
		if err != nil || n < 0 {
			return at, 0, 0, fmt.Errorf("tokens: %q, want a whole number, zero or more", row[columns[k]])
		}
		*dst = n
	}
	return at, in, gen, nil
}
