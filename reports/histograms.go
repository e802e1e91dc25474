package reports

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"tierlab/workloads"
)

// histogramFiles are, for each policy and metric that has values, the pooled
// percentiles as .hgrm (milliseconds) and the replications as .hlog
// (microseconds), one interval each.
func (r *Report) histogramFiles() []file {
	var files []file
	for i, policy := range r.study.order {
		for _, m := range Metrics() {
			pooled := r.study.pooled[i].Latency[m]
			if pooled.Count == 0 {
				continue
			}
			name := filepath.Join("histograms", fileName(policy), m.String())
			points := r.study.points[policy]
			files = append(files,
				file{name + ".hgrm", func(w io.Writer) error { return writeHgrm(w, pooled) }},
				file{name + ".hlog", func(w io.Writer) error { return writeHlog(w, policy, m, points) }})
		}
	}
	return files
}

// fileName keeps letters, digits, dots and dashes of a policy's name.
func fileName(policy string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '_'
	}, policy)
}

// writeHgrm writes the percentile distribution that HdrHistogram's plotter
// reads, in milliseconds, five steps for each halving of the tail.
func writeHgrm(w io.Writer, d *Distribution) error {
	h, err := d.Histogram()
	if err != nil {
		return err
	}
	_, err = h.PercentilesPrint(w, 5, 1000)
	return err
}

// writeHlog writes one interval histogram for each replication, one after
// another on the axis of time, so that a log processor can show and merge them.
func writeHlog(w io.Writer, policy string, m Metric, points []*Point) error {
	log := hdr.NewHistogramLogWriter(w)
	err := log.OutputComment(fmt.Sprintf("[%s of policy %s, microseconds; interval n is replication n]", m, policy))
	if err == nil {
		err = log.OutputLogFormatVersion()
	}
	if err == nil {
		err = log.OutputStartTime(0)
	}
	if err == nil {
		err = log.OutputLegend()
	}
	var start workloads.Millis
	for _, p := range points {
		if err != nil {
			return err
		}
		h, bad := p.Latency[m].Histogram()
		if bad != nil {
			return bad
		}
		h.SetTag(fmt.Sprintf("replication-%d", p.Run.Replication))
		h.SetStartTimeMs(start.D().Milliseconds())
		start += p.Window
		h.SetEndTimeMs(start.D().Milliseconds())
		err = log.OutputIntervalHistogram(h)
	}
	return err
}
